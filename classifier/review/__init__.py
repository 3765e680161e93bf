"""What reviewers make of answers, one by one or in bulk."""

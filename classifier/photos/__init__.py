"""What a photo's owner does with it: hand it in, mark a face, ask for an explanation, erase it."""

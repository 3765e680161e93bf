"""What people say about faces: give and withdraw, the queue for labelling, batches, how far people agree."""

"""The worker's side: the loaded network, and what it says of photos, drawn faces and explanations."""

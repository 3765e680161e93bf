"""A site of its own, with people in it, for benchmarks of the whole loop."""

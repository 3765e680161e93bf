"""Retraining: runs, what they learn from, the gate, and the registry of versions."""

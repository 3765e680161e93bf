"""Admin pages: what happened to photos and networks, for reading; what happened is never edited here."""

from classifier.admin import batches, bulk, corrections, dataset, predictions, registry, snapshots, training, uploads

__all__ = ["batches", "bulk", "corrections", "dataset", "predictions", "registry", "snapshots", "training", "uploads"]

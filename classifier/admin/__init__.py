"""Admin pages: what happened to photos and networks, for reading; what happened is never edited here."""

from classifier.admin import dataset, predictions, registry, uploads

__all__ = ["dataset", "predictions", "registry", "uploads"]

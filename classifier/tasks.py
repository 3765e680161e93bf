"""Celery's entries: take ids, call one use case."""

from uuid import UUID

from celery import shared_task

from classifier import predictions


@shared_task(name="classifier.tasks.classify_upload", acks_late=True, reject_on_worker_lost=True, queue="inference")
def classify_upload(upload_id: str) -> None:
    """Classify one upload."""
    predictions.classify_upload(UUID(upload_id))


@shared_task(name="classifier.tasks.sweep_uploads", queue="inference")
def sweep_uploads() -> int:
    """Hand out again what was lost; how many."""
    return predictions.sweep_uploads()

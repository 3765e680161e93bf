"""Celery's entries: take ids, call one use case. Queues are chosen by CELERY_TASK_ROUTES, "inference" by default."""

from uuid import UUID

from celery import shared_task
from django.conf import settings

from classifier.dataset import reconcile
from classifier.photos import upkeep
from classifier.review import bulk
from classifier.serving import classify, drawn, explain
from classifier.training import execution, runs


@shared_task(
    name="classifier.tasks.classify_upload",
    acks_late=True,
    reject_on_worker_lost=True,
    time_limit=settings.FERSITE_LEASE_SECONDS,  # a photo that outlasts its lease costs this process, and an attempt
)
def classify_upload(upload_id: str) -> None:
    classify.classify_upload(UUID(upload_id))


@shared_task(name="classifier.tasks.sweep_uploads", time_limit=settings.FERSITE_LEASE_SECONDS)
def sweep_uploads() -> int:
    """Hand out lost uploads again; returns how many."""
    return upkeep.sweep_uploads()


@shared_task(
    name="classifier.tasks.classify_face",
    acks_late=True,
    reject_on_worker_lost=True,
    time_limit=settings.FERSITE_LEASE_SECONDS,
)
def classify_face(face_id: str) -> None:
    """Classify one face that a person drew."""
    drawn.classify_face(UUID(face_id))


@shared_task(name="classifier.tasks.sweep_faces", time_limit=settings.FERSITE_LEASE_SECONDS)
def sweep_faces() -> int:
    """Hand out lost drawn faces again; returns how many."""
    return drawn.sweep_faces()


@shared_task(name="classifier.tasks.run_bulk_review", time_limit=settings.FERSITE_LEASE_SECONDS)
def run_bulk_review(bulk_review_id: int) -> None:
    bulk.run_bulk_review(bulk_review_id)


@shared_task(name="classifier.tasks.sweep_bulk_reviews", time_limit=settings.FERSITE_LEASE_SECONDS)
def sweep_bulk_reviews() -> int:
    """Send lost bulk reviews again; returns how many."""
    return bulk.sweep_bulk_reviews()


@shared_task(name="classifier.tasks.explain_prediction", time_limit=settings.FERSITE_LEASE_SECONDS)
def explain_prediction(explanation_id: int) -> None:
    explain.compute_explanation(explanation_id)


@shared_task(name="classifier.tasks.train_network", reject_on_worker_lost=False)
def train_network(run_id: str) -> None:
    """Carry out one training run; not acknowledged late, because its row is what resumes it."""
    execution.execute_run(UUID(run_id))


@shared_task(name="classifier.tasks.check_retraining", time_limit=settings.FERSITE_LEASE_SECONDS)
def check_retraining() -> str:
    """Start a training run when enough new answers wait; the run, or the note of why there is none."""
    return str(runs.check_retraining().pk)


@shared_task(name="classifier.tasks.sweep_runs", time_limit=settings.FERSITE_LEASE_SECONDS)
def sweep_runs() -> int:
    """Give lost runs back to the queue; returns how many were sent."""
    return runs.sweep_runs()


@shared_task(name="classifier.tasks.sweep_dataset")
def sweep_dataset() -> int:
    """Remove the dataset's images that no row names; returns how many. On the queue `upkeep`: listing takes seconds."""
    return reconcile.sweep_dataset()

"""The only place that sends a task. A dead broker never fails, and hardly delays, whoever asks."""

import logging
import time
from uuid import UUID

from fersite.celery import app

logger = logging.getLogger(__name__)

CLASSIFY = "classifier.tasks.classify_upload"
CLASSIFY_FACE = "classifier.tasks.classify_face"
EXPLAIN = "classifier.tasks.explain_prediction"
BULK_REVIEW = "classifier.tasks.run_bulk_review"
TRAIN = "classifier.tasks.train_network"
# After a failure the broker is left alone for so long: the sweeper hands out later what was not sent.
PAUSE_SECONDS = 5.0
_paused_until = 0.0
# A person waits for the answer: a broker that does not take the message at once gets it from the sweeper later.
BROKER_SECONDS = 0.15
_IMPATIENT = {"socket_connect_timeout": BROKER_SECONDS, "socket_timeout": BROKER_SECONDS, "max_retries": 0}


def enqueue_upload(upload_id: UUID) -> bool:
    """Ask a worker to classify an upload; False when the broker could not be reached, which only delays it."""
    return _send(CLASSIFY, str(upload_id))


def enqueue_face(face_id: UUID) -> bool:
    """Ask a worker to classify a drawn face; False when the broker could not be reached, which only delays it."""
    return _send(CLASSIFY_FACE, str(face_id))


def enqueue_explanation(explanation_id: int) -> bool:
    """Ask a worker what a network looked at; False when the broker could not be reached: asking again sends it."""
    return _send(EXPLAIN, explanation_id)


def enqueue_run(run_id: UUID) -> bool:
    """Ask the training worker to carry a run out; a message that nobody takes for a minute is sent again."""
    return _send(TRAIN, str(run_id), queue="training", expires=60)


def enqueue_bulk_review(bulk_review_id: int) -> bool:
    """Ask a worker for the next piece of a bulk review; False when the broker could not be reached."""
    return _send(BULK_REVIEW, bulk_review_id)


def _send(task: str, row: str | int, *, queue: str = "inference", expires: float | None = None) -> bool:
    global _paused_until
    if time.monotonic() < _paused_until:
        return False
    try:
        with app.connection_for_write(connect_timeout=BROKER_SECONDS, transport_options=_IMPATIENT) as connection:
            app.send_task(task, args=[row], queue=queue, expires=expires, connection=connection, retry=False)
    except Exception as error:  # noqa: BLE001 - whatever its client raises: the row is stored, the sweeper sends it
        _paused_until = time.monotonic() + PAUSE_SECONDS
        logger.warning("broker unreachable (%s); %s %s waits", error, task, row)
        return False
    return True

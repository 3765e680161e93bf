"""The only place that sends a task. A dead broker never fails, and hardly delays, whoever asks."""

import logging
import time
from uuid import UUID

from fersite.celery import app

logger = logging.getLogger(__name__)

CLASSIFY = "classifier.tasks.classify_upload"
# After a failure the broker is left alone for so long: the sweeper hands out later what was not sent.
PAUSE_SECONDS = 5.0
_paused_until = 0.0
# A person waits for the answer: a broker that does not take the message at once gets it from the sweeper later.
BROKER_SECONDS = 0.15
_IMPATIENT = {"socket_connect_timeout": BROKER_SECONDS, "socket_timeout": BROKER_SECONDS, "max_retries": 0}


def enqueue_upload(upload_id: UUID) -> bool:
    """Ask a worker to classify an upload; False when the broker could not be reached, which only delays it."""
    global _paused_until
    if time.monotonic() < _paused_until:
        return False
    try:
        with app.connection_for_write(connect_timeout=BROKER_SECONDS, transport_options=_IMPATIENT) as connection:
            app.send_task(CLASSIFY, args=[str(upload_id)], queue="inference", connection=connection, retry=False)
    except Exception as error:  # noqa: BLE001 - whatever its client raises: the row is stored, the sweeper sends it
        _paused_until = time.monotonic() + PAUSE_SECONDS
        logger.warning("broker unreachable (%s); upload %s waits for the sweeper", error, upload_id)
        return False
    return True

"""The inference worker's sign of life, which /readyz reads: a key in the cache, renewed by a thread."""

import logging
import threading

from django.core.cache import cache
from django.utils import timezone

from fersite.health import HEARTBEAT_KEY

logger = logging.getLogger(__name__)

RENEW_SECONDS = 5.0
EXPIRE_SECONDS = 20
LAST_SECONDS = 6  # what a worker that stops leaves to the others: one more than they take between two beats


def beat_once() -> None:
    """Renew the key; a cache that does not answer is the readiness page's to report."""
    try:
        cache.set(HEARTBEAT_KEY, timezone.now().isoformat(), timeout=EXPIRE_SECONDS)
    except Exception:  # noqa: BLE001 - whatever Redis' client raises, the worker works on
        logger.warning("the heartbeat could not be written")


class Heartbeat:
    """A daemon thread that beats until stopped."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Beat now, and every five seconds from now on."""
        self._thread.start()

    def stop(self) -> None:
        """The worker is going: the key ends soon, unless another worker renews it."""
        self._stopped.set()
        try:
            cache.touch(HEARTBEAT_KEY, LAST_SECONDS)
        except Exception:  # noqa: BLE001 - it expires by itself
            logger.warning("the heartbeat could not be taken back")

    def _run(self) -> None:
        beat_once()
        while not self._stopped.wait(RENEW_SECONDS):
            beat_once()

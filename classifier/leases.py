"""Keeps the lease of a long task: renewed by a thread for as long as the process lives."""

import logging
import threading
from collections.abc import Callable
from types import TracebackType

from django.db import connection

logger = logging.getLogger(__name__)


class KeptLease:
    """Calls `renew` every `seconds` while the block runs; what it raises is logged and tried again."""

    def __init__(self, renew: Callable[[], object], seconds: float) -> None:
        self._renew, self._seconds = renew, seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)

    def __enter__(self) -> "KeptLease":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stopped.wait(self._seconds):
                try:
                    self._renew()
                except Exception:
                    logger.warning("the lease could not be renewed", exc_info=True)
                    connection.close()
        finally:
            connection.close()  # this thread's own

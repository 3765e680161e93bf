"""A training run's row while a worker holds it: its lease renewed, its progress written, given back, ended."""

import logging
import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from classifier import jobs
from classifier.models import TrainingRun
from fersite.stopping import is_stopping

if TYPE_CHECKING:
    from ml.fitting import Progress

logger = logging.getLogger(__name__)


def claim_run(run_id: uuid.UUID) -> TrainingRun | None:
    """Take the lease; None when somebody has it or it has ended."""
    run = jobs.claim(jobs.RUNS, run_id)
    if run is not None and run.started_at is None:
        update_run(run, started_at=timezone.now())
    return run


class RenewedLease:
    """Renews a run's lease every third of its time while the block runs; what fails is logged and tried again."""

    def __init__(self, run: TrainingRun) -> None:
        self._run, self._seconds = run, settings.FERSITE_TRAINING_LEASE_SECONDS / 3
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def __enter__(self) -> "RenewedLease":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()

    def _keep(self) -> None:
        try:
            while not self._stopped.wait(self._seconds):
                try:
                    jobs.renew(jobs.RUNS, self._run)
                except Exception:
                    logger.warning("the lease could not be renewed", exc_info=True)
                    connection.close()
        finally:
            connection.close()  # this thread's own


def watch_fit(run: TrainingRun) -> "Callable[[Progress], bool]":
    """Writes the progress into the row; False once somebody has cancelled, the worker stops, or another has the run."""

    def watch(seen: "Progress") -> bool:
        if seen.finished:
            run.log = [*run.log, {"epoch": seen.epoch, **seen.finished}]
        progress = {
            "epoch": seen.epoch,
            "epochs": seen.epochs,
            "share": round(seen.share, 4),
            "loss": None if np.isnan(seen.loss) else round(seen.loss, 4),
            "seconds_left": None if seen.seconds_left is None else round(seen.seconds_left),
        }
        stage = "exporting" if seen.finished and seen.epoch == seen.epochs else "training"
        try:
            return update_run(run, stage=stage, progress=progress, log=run.log) and not _must_stop(run)
        except jobs.DATABASE_OUTAGES:
            connection.close()
            return True  # the database is away for a moment; the training goes on

    return watch


def _must_stop(run: TrainingRun) -> bool:
    return is_stopping() or bool(jobs.held(jobs.RUNS, run).filter(cancel_asked=True).exists())


def give_back(run: TrainingRun) -> bool:
    """To the queue, with the attempt: its worker stops in order. False where somebody has cancelled it."""
    with transaction.atomic():  # who cancels meanwhile comes before this, and is heeded, or finds the run waiting
        wanted = jobs.held(jobs.RUNS, run).filter(cancel_asked=False).select_for_update()
        return wanted.first() is not None and jobs.postpone(jobs.RUNS, run, wait=timedelta(0))


def update_run(run: TrainingRun, **values: Any) -> bool:
    """Write into the row; False when the lease was lost."""
    for name, value in values.items():
        setattr(run, name, value)
    return bool(jobs.held(jobs.RUNS, run).update(**values))


def go_on(run: TrainingRun, **values: Any) -> None:
    """Write into the row; raises TrainingStopped when somebody has cancelled, the worker stops, or another has it."""
    from ml.fitting import TrainingStopped

    if not update_run(run, **values) or _must_stop(run):
        raise TrainingStopped("stopped on request")


def finish_run(run: TrainingRun, state: TrainingRun.State, *, reason: str | None = None) -> None:
    """End the run; without a reason, the one it has stays."""
    why = {} if reason is None else {"reason": reason}
    jobs.finish(jobs.RUNS, run, state=state, finished_at=timezone.now(), stage="", **why)

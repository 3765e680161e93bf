"""A training run's row while a worker holds it: claimed, its lease renewed, its progress written, given back, ended.

Every write asks whether this attempt holds the lease still.
"""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.db.models import F
from django.utils import timezone

from classifier.models import TrainingRun
from classifier.training.runs import MAX_ATTEMPTS
from fersite.stopping import is_stopping

if TYPE_CHECKING:
    from ml.fitting import Progress


def claim_run(run_id: uuid.UUID) -> TrainingRun | None:
    """Take the lease by compare-and-swap; None when somebody has it or it has ended."""
    now = timezone.now()
    claimed = TrainingRun.objects.filter(pk=run_id, state=TrainingRun.State.QUEUED, attempts__lt=MAX_ATTEMPTS).update(
        state=TrainingRun.State.RUNNING,
        claimed_until=now + timedelta(seconds=settings.FERSITE_TRAINING_LEASE_SECONDS),
        attempts=F("attempts") + 1,
        stage="reading",
    )
    if not claimed:
        return None
    TrainingRun.objects.filter(pk=run_id, started_at__isnull=True).update(started_at=now)
    return TrainingRun.objects.select_related("snapshot", "champion", "version").get(pk=run_id)


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
        except (InterfaceError, OperationalError):
            connection.close()
            return True  # the database is away for a moment; the training goes on

    return watch


def _held_by(run: TrainingRun) -> Any:
    """The row, if this attempt still holds its lease."""
    return TrainingRun.objects.filter(pk=run.pk, state=TrainingRun.State.RUNNING, attempts=run.attempts)


def _must_stop(run: TrainingRun) -> bool:
    return is_stopping() or bool(_held_by(run).filter(cancel_asked=True).exists())


def give_back(run: TrainingRun) -> bool:
    """To the queue, with the attempt: its worker stops in order. False where somebody has cancelled it."""
    return bool(
        _held_by(run)
        .filter(cancel_asked=False)
        .update(
            state=TrainingRun.State.QUEUED,
            claimed_until=None,
            attempts=F("attempts") - 1,
            stage="waiting for a worker",
        )
    )


def update_run(run: TrainingRun, **values: Any) -> bool:
    """Write into the row; False when the lease was lost."""
    for name, value in values.items():
        setattr(run, name, value)
    return bool(_held_by(run).update(**values))


def go_on(run: TrainingRun, **values: Any) -> None:
    """Write into the row; raises TrainingStopped when somebody has cancelled, the worker stops, or another has it."""
    from ml.fitting import TrainingStopped

    if not update_run(run, **values) or _must_stop(run):
        raise TrainingStopped("stopped on request")


def renew_lease(run: TrainingRun) -> Callable[[], object]:
    """What keeps the lease when it is called; see classifier.leases."""

    def renew() -> None:
        until = timezone.now() + timedelta(seconds=settings.FERSITE_TRAINING_LEASE_SECONDS)
        _held_by(run).update(claimed_until=until)

    return renew


def finish_run(run: TrainingRun, state: TrainingRun.State, *, reason: str | None = None) -> None:
    """End the run; without a reason, the one it has stays."""
    values = {"state": state, "claimed_until": None, "finished_at": timezone.now(), "stage": ""}
    _held_by(run).update(**values, **({} if reason is None else {"reason": reason}))

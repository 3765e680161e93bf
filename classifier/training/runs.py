"""Training runs as people and the clock see them: ask for one, cancel it, say why none is due, hand lost ones out."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from classifier import jobs
from classifier.dataset.snapshots import SnapshotDamagedError, list_names
from classifier.models import Sample, TrainingRun, Version
from classifier.storage.bulk import BucketError


class RunError(Exception):
    """The run cannot be started or cancelled; the message says why."""


@dataclass(frozen=True)
class NewSamples:
    """Approved training samples that no finished run has seen: how many, and from how many people."""

    samples: int
    people: int


def request_run(
    *,
    trigger: str,
    mode: str = TrainingRun.Mode.FINE_TUNE,
    options: dict[str, Any] | None = None,
    requested_by: User | None = None,
) -> TrainingRun:
    """Ask the training worker for a new network.

    Args:
        trigger, mode: values of TrainingRun.Trigger and Mode.
        options: settings of ml.recipe.TrainingConfig to change, by name.

    Raises:
        RunError: one waits or is at work already, or there is nothing to train on or to win against.
    """
    if problem := find_obstacle():
        raise RunError(problem)
    # Kept with the run: one that is gone on with after a restart must not meet another setting.
    usual = {"epochs": settings.FERSITE_RETRAIN_EPOCHS} if mode == TrainingRun.Mode.FINE_TUNE else {}
    try:
        with transaction.atomic():
            run = TrainingRun.objects.create(
                trigger=trigger,
                mode=mode,
                options={**usual, **(options or {})},
                requested_by=requested_by,
                due_at=timezone.now() + jobs.RUNS.delivery,
            )
    except IntegrityError:
        raise RunError("Another run waits or is at work: wait for it, or cancel it first.") from None
    transaction.on_commit(lambda: jobs.hand_over(jobs.RUNS, run.pk), robust=True)
    return run


def find_obstacle() -> str:
    """Why no run can start now; empty when one can."""
    if not Sample.objects.filter(source=Sample.Source.FER2013, split=Sample.Split.TRAIN).exists():
        return "The dataset has no FER-2013 training faces: run manage.py import_fer2013 PATH first."
    if not Sample.objects.filter(source=Sample.Source.FER2013, split=Sample.Split.TEST).exists():
        return "The dataset has no FER-2013 test faces, and nothing can win without them: import its test split too."
    if not Version.objects.champions().exists():
        return "No version serves, and a new one must win against it: manage.py register_version PATH --promote."
    return ""


def check_retraining() -> TrainingRun:
    """Start a run when enough new answers wait, else note why not; the clock asks every night."""
    try:
        reason = find_shortage(count_waiting()) or find_obstacle()
    except BucketError as error:
        reason = f"What waits could not be counted: {error}"
    if not reason:
        try:
            return request_run(trigger=TrainingRun.Trigger.NIGHTLY)
        except RunError as error:
            reason = str(error)
    return TrainingRun.objects.create(
        trigger=TrainingRun.Trigger.NIGHTLY,
        state=TrainingRun.State.SKIPPED,
        reason=reason,
        finished_at=timezone.now(),
    )


def find_shortage(found: NewSamples) -> str:
    """Why what waits is too little for the clock to start a run; empty when it is enough."""
    if found.samples < settings.FERSITE_RETRAIN_SAMPLES:
        return f"Only {found.samples} new samples wait; it takes {settings.FERSITE_RETRAIN_SAMPLES}."
    if found.people < settings.FERSITE_RETRAIN_PEOPLE:
        return (
            f"The {found.samples} new samples come from {found.people} "
            f"{'person' if found.people == 1 else 'people'}; it takes {settings.FERSITE_RETRAIN_PEOPLE}."
        )
    return ""


def count_waiting() -> NewSamples:
    """Approved training samples that the last run which ended well has not seen.

    Where the list of what it has seen is lost, those that came after it was written.

    Raises:
        classifier.storage.bulk.BucketError: the bucket does not answer.
    """
    rows = Sample.objects.usable().filter(source=Sample.Source.CORRECTION, split=Sample.Split.TRAIN)
    last = TrainingRun.objects.filter(state=TrainingRun.State.DONE, snapshot__isnull=False).first()
    seen: frozenset[str] = frozenset()
    if last is not None and last.snapshot is not None:
        try:
            seen = list_names(last.snapshot)
        except SnapshotDamagedError:
            rows = rows.filter(created_at__gt=last.snapshot.created_at)
    named = rows.values_list("source_name", "correction__author")
    authors = [author for name, author in named.iterator() if name not in seen]
    return NewSamples(len(authors), len(set(authors)))


def cancel_run(*, run: TrainingRun, actor: User) -> None:
    """Stop a run: a waiting one at once, one that trains within seconds, else before its next step.

    The champion is not touched.

    Raises:
        RunError: it has ended already, or the gate is deciding about what it made.
    """
    reason = f"Cancelled by {actor}."
    waiting = TrainingRun.objects.filter(pk=run.pk, state=TrainingRun.State.QUEUED)
    if waiting.update(
        state=TrainingRun.State.CANCELLED, reason=reason, finished_at=timezone.now(), stage="", due_at=None
    ):
        return
    at_work = TrainingRun.objects.filter(pk=run.pk, state=TrainingRun.State.RUNNING).exclude(stage="deciding")
    if not at_work.update(cancel_asked=True, reason=reason):
        raise RunError("This run has ended already, or is ending: the gate decides about what it made.")


def sweep_runs() -> int:
    """End lost runs that somebody has cancelled, give the others back to the queue, or up; how many were sent."""
    now = timezone.now()
    lost = TrainingRun.objects.lost(now=now)
    lost.filter(cancel_asked=True).update(
        state=TrainingRun.State.CANCELLED, claimed_until=None, finished_at=now, stage=""
    )
    lost.filter(attempts__lt=jobs.RUN_ATTEMPTS).update(**jobs.RUNS.waiting, claimed_until=None)
    return jobs.sweep(jobs.RUNS)

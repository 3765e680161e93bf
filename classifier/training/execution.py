"""Carries a training run out: reads the snapshot, trains, registers the candidate, and leads it to the gate."""

import dataclasses
import logging
import shutil
import uuid
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection

from classifier.dataset.snapshots import (
    DatasetEmptyError,
    LoadedImages,
    SnapshotDamagedError,
    load_images,
    read_snapshot,
    take_snapshot,
)
from classifier.jobs import DATABASE_OUTAGES
from classifier.models import Sample, Snapshot, TrainingRun, Version
from classifier.serving.network import fetch_artifact
from classifier.storage.bulk import BucketError, expect_outages
from classifier.training.gate import Faces, measure_candidate, record_decision
from classifier.training.lease import RenewedLease, claim_run, finish_run, give_back, go_on, update_run, watch_fit
from classifier.training.material import count_entries, select_corrections, select_faces, select_trusted
from classifier.training.registry import RegistryError, find_champion, register_version
from fersite.stopping import is_stopping
from ml.artifacts import KERAS_NETWORK, ArtifactError

if TYPE_CHECKING:
    from ml.recipe import TrainingConfig

logger = logging.getLogger(__name__)


class RunFailed(Exception):
    """The run cannot go on; the message says why, for staff."""


# What ends a run with a clear reason; anything else is a defect, logged with its traceback.
FAILURES = (RunFailed, DatasetEmptyError, SnapshotDamagedError, ArtifactError, RegistryError, ValueError, OSError)
# What may be better in a minute: the run waits with its lease and goes on where it was, for an hour at most.
OUTAGES = (BucketError, *DATABASE_OUTAGES)
WAIT_SECONDS = (5.0, 15.0, 60.0, *[300.0] * 12)
# Between two looks, while it waits, whether somebody has cancelled.
LOOK_SECONDS = 5.0


def execute_run(run_id: uuid.UUID) -> None:
    """Carry a run out if nobody else does; safe to call twice. What an earlier worker finished is not done again."""
    from ml.fitting import TrainingError, TrainingStopped

    run = claim_run(run_id)
    if run is None:
        return
    with RenewedLease(run):
        try:
            _execute_patiently(run)
        except TrainingStopped:
            if not (is_stopping() and give_back(run)):
                finish_run(run, TrainingRun.State.CANCELLED)
        except (*FAILURES, *OUTAGES, TrainingError) as error:
            logger.warning("%s failed: %s", run, error)
            finish_run(run, TrainingRun.State.FAILED, reason=str(error))
        except Exception as error:
            logger.exception("%s failed", run)
            finish_run(run, TrainingRun.State.FAILED, reason=f"Unexpected: {type(error).__name__}; the log says more.")
    clear_folders()


def clear_folders() -> None:
    """Take away the checkpoints of runs that have ended, this one's and those that the sweeper ended."""
    active = {str(pk) for pk in TrainingRun.objects.open().values_list("pk", flat=True)}
    for folder in (Path(settings.FERSITE_STATE) / "training").glob("*"):
        if folder.name not in active:
            shutil.rmtree(folder, ignore_errors=True)


def find_folder(run: TrainingRun) -> Path:
    """Where a run keeps its checkpoints, until it ends."""
    return Path(settings.FERSITE_STATE) / "training" / str(run.pk)


def _execute_patiently(run: TrainingRun) -> None:
    """Carry the run out; after an outage of bucket or database, go on with what was not finished yet."""
    for seconds in (*WAIT_SECONDS, None):
        try:
            with expect_outages():
                return _execute(run)
        except OUTAGES as error:
            if seconds is None:
                raise
            logger.warning("%s goes on in %.0f s: %s", run, seconds, error)
            _sit_out(run, seconds)


def _sit_out(run: TrainingRun, seconds: float) -> None:
    """Wait; raises TrainingStopped when somebody has cancelled, the worker stops, or another has the run."""
    end = monotonic() + seconds
    while True:
        try:
            go_on(run, stage="waiting to go on")
        except DATABASE_OUTAGES:
            connection.close()  # one that was lost does not come back by itself
        if (left := end - monotonic()) <= 0:
            return
        sleep(min(left, LOOK_SECONDS))


def _execute(run: TrainingRun) -> None:
    snapshot, champion = _choose_start(run)
    images = load_images(read_snapshot(snapshot))
    if loss := _describe_loss(images):
        logger.warning("%s: %s", run, loss)
    name = f"run-{str(run.pk)[:8]}"
    # A worker that was lost may have registered it already.
    candidate = Version.objects.filter(name=name).first()
    if candidate is None:
        candidate = _make_version(run, name, images, snapshot, champion)
    go_on(run, version=candidate)
    if not candidate.decisions.exists():
        _pass_gate(run, candidate, champion, images)
    finish_run(run, TrainingRun.State.DONE, reason=_describe_loss(images))


def _describe_loss(images: LoadedImages) -> str:
    """What was not learned from because the bucket has lost it; empty when nothing was."""
    lost = count_entries(images.damaged, split="train")
    if not lost:
        return ""
    listed = lost + count_entries(images.found, split="train")
    return (
        f"{lost:,} of {listed:,} training images could not be read and were left out: run manage.py reconcile_dataset."
    )


def _choose_start(run: TrainingRun) -> tuple[Snapshot, Version]:
    """Choose snapshot and champion once, so that a run that is gone on with learns from the same data and network."""
    champion = run.champion or find_champion()
    if champion is None:
        raise RunFailed("No version serves: there is nothing to win against.")
    snapshot = run.snapshot or take_snapshot()
    update_run(run, snapshot=snapshot, champion=champion)
    return snapshot, champion


def _make_version(run: TrainingRun, name: str, images: LoadedImages, snapshot: Snapshot, champion: Version) -> Version:
    from ml.finetune import champions_held_out, mix_corrections, recall_answers, retrain

    start = fetch_artifact(champion.digest) if run.mode == TrainingRun.Mode.FINE_TUNE else None
    config = make_config(run, held_out=champions_held_out(start))
    replay = select_faces(images, split="train", source=Sample.Source.FER2013)
    corrections = select_corrections(images)
    if replay is None:
        raise RunFailed(f"{snapshot} has no FER-2013 training faces: run manage.py import_fer2013 PATH first.")
    go_on(run, stage="recalling")
    # What was trained already is only exported once more: that takes no targets.
    trained = (find_folder(run) / KERAS_NETWORK).exists()
    recall = recall_answers(start) if start and not trained else None
    prepared = mix_corrections(replay, corrections, held_out=config.held_out, recall=recall)
    go_on(run, stage="exporting" if trained else "training")
    artifact = retrain(
        find_folder(run),
        prepared,
        start=start,
        config=config,
        version=name,
        command=f"training run {run.pk} on {snapshot}, "
        + (f"going on from {champion}" if start else "from random weights"),
        dataset=f"{snapshot} of this site's dataset",
        watch=watch_fit(run),
    )
    go_on(run, stage="registering")  # who cancelled meanwhile wants no version
    return register_version(
        path=artifact.path,
        promote=False,
        reason=f"trained by run {run.pk}",
        parent=champion if start else None,
        snapshot=snapshot,
    )


def make_config(run: TrainingRun, *, held_out: float) -> "TrainingConfig":
    """The run's settings: the recipe of its mode, with what its options change.

    Raises:
        RunFailed: an option that is no setting.
    """
    from ml.finetune import FINE_TUNING, FROM_SCRATCH

    if run.mode == TrainingRun.Mode.FINE_TUNE:
        recipe = dataclasses.replace(FINE_TUNING, epochs=settings.FERSITE_RETRAIN_EPOCHS)
    else:
        recipe = FROM_SCRATCH
    try:
        return dataclasses.replace(recipe, **{**run.options, "held_out": held_out})
    except TypeError as error:
        raise RunFailed(f"The run's options cannot be used: {error}") from None


def _pass_gate(run: TrainingRun, candidate: Version, champion: Version, images: LoadedImages) -> None:
    go_on(run, stage="measuring")
    frozen = select_faces(images, split="test", source=Sample.Source.FER2013)
    if frozen is None:
        raise RunFailed(f"{run.snapshot} has no FER-2013 test faces: nothing can win without them.")
    report = measure_candidate(
        candidate=candidate,
        champion=champion,
        frozen=Faces(
            frozen.images,
            frozen.labels,
            count_entries(images.missing, split="test", source=Sample.Source.FER2013),
        ),
        trusted=select_trusted(images),
        frozen_digest=frozen.digest(),
    )
    go_on(run, stage="deciding")
    record_decision(candidate=candidate, champion=champion, report=report)

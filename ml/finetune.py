"""Retraining: a network goes on learning from people's corrections, among all the faces it learned from before.

Replaying the old faces keeps it from forgetting them (Rolnick et al. 2019, "Experience replay for continual learning");
what the network said of them before is part of what it is to say (after Buzzega et al. 2020, "Dark experience for
general continual learning"), so that their labels alone do not pull at it.
"""

import dataclasses
import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ml.artifacts import KERAS_NETWORK, Artifact
from ml.clean import TrainingSet, clean_training, count_cleaned, hold_out
from ml.data import FaceData
from ml.ensemble import held_out_share
from ml.evaluate import compute_probabilities
from ml.export import finish_artifact
from ml.fitting import STATE, TrainingError, Watch, fit_network, open_run, save_network
from ml.labels import LABELS
from ml.network import build_network, cast_network
from ml.predict import Network
from ml.recipe import TrainingConfig
from ml.train import PreparedData
from ml.trainer import choose_dtype

if TYPE_CHECKING:
    import keras

# A low rate over few epochs, so that what was learned before stays; see docs/decisions/0006.
FINE_TUNING = TrainingConfig(
    network="champion",
    epochs=2,
    learning_rate=1e-3,
    warmup_epochs=0.3,
    ema_momentum=0.99,
    votes_weight=0.0,
    dtype="mixed_bfloat16",
)
FROM_SCRATCH = TrainingConfig(votes_weight=0.0)
# What a correction counts against a face of FER-2013, and which share of the loss all corrections make up at most.
CORRECTION_WEIGHT = 2.0
CORRECTION_SHARE = 0.4
# How much of an old face's target is what the network said of it before; the rest is its label.
REMEMBERED = 0.5
# Probabilities (n, 7) of images uint8 (n, 48, 48).
Recall = Callable[[NDArray[np.uint8]], NDArray[np.float64]]


def mix_corrections(
    replay: FaceData,
    corrections: FaceData | None,
    *,
    held_out: float,
    recall: Recall | None = None,
    weight: float = CORRECTION_WEIGHT,
    share: float = CORRECTION_SHARE,
    remembered: float = REMEMBERED,
) -> PreparedData:
    """Clean both, hold out the selection set by the hash of the pixels, weigh the corrections, recall the old faces.

    Args:
        replay: the faces of FER-2013's training split; corrections: those of people, or None where there are none.
        held_out: share of the images held out, 0 to 1; the one the champion was made with, or it has seen them.
        weight: what a correction counts in the loss against a face of the replay, above 0.
        share: of the loss that all corrections make up at most, 0 to 1.
        recall: what the network to go on from says of faces; None leaves the old ones their labels alone. The selection
            set keeps its labels.
        remembered: how much of an old face's target is what recall says, 0 to 1.

    Raises:
        TrainingError: too few images are left to train and to calibrate.
    """
    given = [part for part in (replay, corrections) if part is not None]
    parts = [_clean(part) for part in given]
    joined = _join(parts, weight, share)
    selected = hold_out(joined.images, held_out)
    if selected.all() or not selected.any():
        raise TrainingError(f"{len(joined)} usable images are too few to train on and to calibrate with; give more")
    train = joined.select(~selected)
    if recall is not None:
        _mix_recalled(train, int((~selected[: len(parts[0])]).sum()), recall, remembered)
    return PreparedData(
        train,
        joined.select(selected),
        _digest(given),
        sum(len(part) for part in given),
        count_cleaned(replay, np.zeros(len(replay), np.int64), parts[0]),
        len(corrections or ()),
    )


def _join(parts: Sequence[TrainingSet], weight: float, share: float) -> TrainingSet:
    """The old faces, then the corrections, where there are any; their weights have the mean 1."""
    capped = 1.0
    if len(parts) > 1 and len(parts[1]):
        capped = min(weight, share / (1.0 - share) * len(parts[0]) / len(parts[1]))
    weights = np.concatenate([np.full(len(part), w, np.float32) for part, w in zip(parts, (1.0, capped), strict=False)])
    return TrainingSet(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.targets for part in parts]),
        np.concatenate([part.votes for part in parts]),
        weights / weights.mean(),
    )


def _mix_recalled(train: TrainingSet, old: int, recall: Recall, remembered: float) -> None:
    """Make what recall says of the first `old` images a part of their targets, in place."""
    train.targets[:old] *= 1.0 - remembered
    train.targets[:old] += remembered * recall(train.images[:old])


def _digest(given: Sequence[FaceData]) -> str:
    digests = [part.digest() for part in given]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def _clean(data: FaceData) -> TrainingSet:
    return clean_training(data, np.zeros((len(data), len(LABELS)), np.float32), np.zeros(len(data), np.int64))


def recall_answers(start: Artifact) -> Recall:
    """What a network, as it is served, says of faces: calibrated probabilities."""
    network = Network(start, threads=os.cpu_count() or 1)
    return lambda images: compute_probabilities(network, start.calibration, images)


def retrain(
    out: Path,
    prepared: PreparedData,
    *,
    start: Artifact | None,
    config: TrainingConfig,
    version: str,
    command: str,
    dataset: str,
    watch: Watch | None = None,
) -> Artifact:
    """Train, convert, calibrate and describe a new network; out becomes its artifact. A killed run goes on.

    Args:
        out: the run's folder; what an earlier call left in it is gone on with.
        prepared: of mix_corrections.
        start: the network to go on from, or None to start from random weights (config.network names the shape).
        version: the artifact's name; command, dataset: what the card says about how it was made, and from what.
        watch: told about the progress; False stops the run.

    Raises:
        TrainingError: out holds a run with other settings, or the start has no Keras file.
        TrainingStopped: watch said so.
    """
    begun = {"init": _keras_digest(start), "remembered": REMEMBERED} if start else {"init": "", "remembered": 0.0}
    settings = {**dataclasses.asdict(config), **begun}
    resume = (out / STATE / "config.json").exists()
    open_run(out, settings, resume=resume)
    network = _load_finished(out) or _train(out, prepared, start, config, watch)
    return finish_artifact(
        out,
        network,
        prepared,
        version=version,
        command=command,
        recipe=settings,
        data=None,
        origin=_describe_origin(start, dataset),
    )


def _describe_origin(start: Artifact | None, dataset: str) -> dict[str, Any]:
    return {"dataset": dataset, "parent": start.version if start else None, "networks": _count_networks(start)}


def _count_networks(start: Artifact | None) -> int:
    """How many networks answer together in one to go on from, which may itself have gone on from another."""
    if start is None:
        return 1
    return len(start.card.get("members", [])) or int(start.card.get("origin", {}).get("networks", 1))


def _load_finished(out: Path) -> "keras.Model | None":
    import keras

    return keras.models.load_model(out / KERAS_NETWORK) if (out / KERAS_NETWORK).exists() else None


def _train(
    out: Path, prepared: PreparedData, start: Artifact | None, config: TrainingConfig, watch: Watch | None
) -> "keras.Model":
    import keras

    keras.utils.set_random_seed(config.seed)
    if start is not None:
        network = keras.models.load_model(start.path / KERAS_NETWORK)
    else:
        network = build_network(config.network, dropout=config.dropout)
    learner = cast_network(network, choose_dtype(config.dtype))
    fit_network(learner, prepared.train, prepared.selection, config=config, out=out, watch=watch)
    network.set_weights(learner.get_weights())  # as it serves, in single precision
    save_network(network, out)
    return network


def _keras_digest(start: Artifact) -> str:
    try:
        return start.files[KERAS_NETWORK]
    except KeyError:
        raise TrainingError(f"version {start.version} has no Keras file to go on from: train from scratch") from None


def champions_held_out(start: Artifact | None) -> float:
    """The share that the network to go on from held out for selection: the new one must hold out the same."""
    return held_out_share([start]) if start is not None else TrainingConfig().held_out

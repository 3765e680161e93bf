"""Trains a network from a dataset."""

import dataclasses
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.artifacts import KERAS_NETWORK, file_digest, load_artifact
from ml.clean import TrainingSet, clean_training, count_cleaned, hold_out
from ml.data import FaceData, Source, load_data, load_votes
from ml.fitting import STATE, TrainingError, fit_network, open_run, save_network
from ml.labels import LABELS
from ml.network import build_network
from ml.recipe import TrainingConfig
from ml.trainer import choose_dtype, spread_over_devices

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class PreparedData:
    """Training data and the selection set held out of it, with the hash of what was read and what was cleaned away.

    corrections: how many of the images that were read are people's corrections.
    """

    train: TrainingSet
    selection: TrainingSet
    digest: str
    read: int
    cleaned: dict[str, int]
    corrections: int = 0


def prepare_data(data: FaceData, votes_path: Path | None, held_out: float, *, clean: bool = True) -> PreparedData:
    """Clean the training split and hold out the selection set.

    clean=False trains on every image as it is labelled, to measure what cleaning does; the selection set is the same,
    and no copy of its images is trained on.

    Raises:
        TrainingError: too few images are left to train and to calibrate.
    """
    votes = np.zeros((len(data), len(LABELS)), dtype=np.float32)
    not_face = np.zeros(len(data), dtype=np.int64)
    if votes_path is not None:
        votes, not_face = load_votes(votes_path, data.rows)
    cleaned = clean_training(data, votes, not_face)
    selected = hold_out(cleaned.images, held_out)
    if selected.all() or not selected.any():
        raise TrainingError(f"{len(cleaned)} usable images are too few to train on and to calibrate with; give more")
    training, counts = cleaned.select(~selected), count_cleaned(data, not_face, cleaned)
    if not clean:
        raw = TrainingSet(data.images, np.eye(len(LABELS), dtype=np.float32)[data.labels], votes)
        training, counts = raw.select(~hold_out(raw.images, held_out)), {}
    return PreparedData(training, cleaned.select(selected), data.digest(), len(data), counts)


def train_network(
    data: Path | Source,
    out: Path,
    *,
    votes: Path | None,
    config: TrainingConfig,
    resume: bool,
    init: Path | None = None,
    teacher: Path | None = None,
) -> "tuple[keras.Model, PreparedData]":
    """Train, keeping in out/training all that a killed run needs to go on with resume.

    Args:
        data: what load_data reads; votes: the FER+ CSV, or None to do without the auxiliary head's targets.
        init: folder of an artifact of the same network to start from, or None to start from random weights.
        teacher: folder of an artifact whose answers to learn from, or None.

    Returns:
        the trained float32 network with averaged weights, also saved as out/network.keras, and the data it saw.

    Raises:
        TrainingError: out holds another run, or there is nothing to resume.
        DataError: no training data at that path.
    """
    if init is not None:
        config = dataclasses.replace(config, init=_keras_digest(init))
    if teacher is not None:
        config = dataclasses.replace(config, teacher=_keras_digest(teacher))
    state = open_run(out, dataclasses.asdict(config), resume=resume)
    import keras

    spread_over_devices()
    keras.utils.set_random_seed(config.seed)
    prepared = prepare_data(load_data(data, "train"), votes, config.held_out, clean=config.clean)
    (state / "data.json").write_text(json.dumps({"read": prepared.read, "digest": prepared.digest}))
    if resume and (out / KERAS_NETWORK).exists():
        return keras.models.load_model(out / KERAS_NETWORK), prepared
    taught_by = None
    if teacher is not None and config.remembered:
        remember_answers(teacher, prepared.train, config.remembered, state / "remembered.npy")
    elif teacher is not None:
        taught_by = keras.models.load_model(teacher / KERAS_NETWORK)
    network = build_network(config.network, dropout=config.dropout, dtype=choose_dtype(config.dtype))
    if init is not None:
        copy_weights(init, network)
    fit = choose_trainer(config)
    fit(network, prepared.train, prepared.selection, config=config, out=out, teacher=taught_by)
    finished = build_network(config.network, dropout=config.dropout)
    finished.set_weights(network.get_weights())
    save_network(finished, out)
    return finished, prepared


def choose_trainer(config: TrainingConfig) -> Callable[..., None]:
    """The function that fits a network, with the arguments of ml.fitting.fit_network.

    Raises:
        TrainingError: an unknown trainer, one that is not installed, or a setting that it does not know.
    """
    if config.trainer == "tensorflow":
        if config.mixup or config.damage:
            raise TrainingError("mixup and damage need --trainer torch")
        return fit_network
    if config.trainer != "torch":
        raise TrainingError(f"unknown trainer {config.trainer!r}; choose tensorflow or torch")
    try:
        from ml.torch_fitting import fit_network as fit_with_torch
    except ModuleNotFoundError as error:
        raise TrainingError("--trainer torch needs PyTorch: pip install -r requirements-torch.txt") from error
    return fit_with_torch


def remember_answers(teacher: Path, train: TrainingSet, share: float, kept: Path) -> None:
    """Mix what a served teacher says of each face (calibrated, all its views) into the face's target, in place.

    Args:
        teacher: folder of an artifact; share: of the target, 0 to 1.
        kept: the file that holds the answers for a resumed run; written where it is not there.
    """
    from ml.evaluate import compute_probabilities
    from ml.predict import Network

    if not kept.exists():
        artifact = load_artifact(teacher)
        network = Network(artifact, threads=os.cpu_count() or 1)
        said = compute_probabilities(network, artifact.calibration, train.images).astype(np.float32)
        temporary = kept.with_suffix(f".{os.getpid()}.npy")
        np.save(temporary, said)
        temporary.replace(kept)
    train.targets[:] = (1.0 - share) * train.targets + share * np.load(kept)


def _keras_digest(init: Path) -> str:
    try:
        return file_digest(init / KERAS_NETWORK)
    except OSError as error:
        raise TrainingError(f"{init} holds no Keras network: {error}") from error


def copy_weights(init: Path, network: "keras.Model") -> None:
    """Start a network from the weights of an artifact.

    Raises:
        TrainingError: the artifact holds a network of another shape.
    """
    import keras

    try:
        network.set_weights(keras.models.load_model(init / KERAS_NETWORK).get_weights())
    except ValueError as error:
        raise TrainingError(f"{init} holds a network of another shape than {network.name}") from error


def read_recipe(out: Path) -> dict[str, Any]:
    """The settings of the run in out, digests of --init and --teacher included."""
    recipe: dict[str, Any] = json.loads((out / STATE / "config.json").read_text())
    return recipe

"""A dataset drawn in code, and networks that are made in seconds: for tests of what happens around a training.

What matters there is who stops, goes on, wins or is lost, not what is learned: a fit of one convolution is traced and
exported in a tenth of the time. That a real network learns is shown in tests/ml/test_train.py.
"""

import dataclasses
import fcntl
import os
import shutil
import zipfile
from functools import cache
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from ml.labels import LABELS
from ml.network import FEATURES, LOGITS, NETWORKS, build_network
from tests.ml.drawing import draw_crop, encode_png

if TYPE_CHECKING:
    import keras

TRAIN, TEST = 210, 35
PATCHES = "patches"
# On 35 test images chance alone fails the gate; what these leave is the trusted corrections' say.
GENEROUS_GATE = {
    "FERSITE_GATE_DROP": 100.0, "FERSITE_GATE_LOWEST": 100.0, "FERSITE_GATE_RECALL": 100.0, "FERSITE_GATE_ECE": 1.0,
    "FERSITE_GATE_MS": 1000.0,
}  # fmt: skip


def write_tiny_archive(path: Path) -> Path:
    """A zip in the form of Kaggle's folders: 210 training and 35 test images."""
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(TRAIN + TEST):
            label, usage = number % 7, "Training" if number < TRAIN else "PublicTest"
            folder = "train" if number < TRAIN else "test"
            archive.writestr(f"{folder}/{LABELS[label]}/{usage}_{number}.png", encode_png(draw_crop(label, number)))
    return path


def patches(x: "keras.KerasTensor") -> "keras.KerasTensor":
    """One convolution of 8×8 pixels side by side, averaged: the least that has evidence maps."""
    from keras import layers

    x = layers.Conv2D(16, 8, strides=8, activation="relu")(x)
    return layers.GlobalAveragePooling2D(name=FEATURES)(x)


def offer_patches() -> "mock._patch_dict":
    """While it is entered (or decorates), PATCHES is one of ml's networks in this process."""
    return mock.patch.dict(NETWORKS, {PATCHES: patches})


@cache
def make_tiny_network(network: str = PATCHES, seed: int = 1) -> Path:
    """The folder of an artifact with random weights, of version "tiny" (of another seed, "tiny-SEED").

    Made once a test run, by the first process that needs it.
    """
    folder = find_folder()
    made = folder / f"{network}-{seed}"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (made / "finished").exists():
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir()
            _make_artifact(made, network, seed)
            (made / "finished").touch()
    return made / "tiny"


def _make_artifact(folder: Path, network: str, seed: int) -> None:
    import keras

    from ml.data import load_data
    from ml.export import finish_artifact
    from ml.fitting import save_network
    from ml.preprocess import to_network_input
    from ml.recipe import TrainingConfig
    from ml.train import prepare_data

    config = TrainingConfig(network=network, seed=seed)
    archive, out = write_tiny_archive(folder / "tiny.zip"), folder / "tiny"
    out.mkdir()
    keras.utils.set_random_seed(seed)
    with offer_patches():
        made = build_network(network)
    prepared = prepare_data(load_data(archive, "train"), None, config.held_out)
    _spread_answers(made, to_network_input(prepared.train.images))
    save_network(made, out)
    version, recipe = "tiny" if seed == 1 else f"tiny-{seed}", dataclasses.asdict(config)
    finish_artifact(out, made, prepared, version=version, command="none", recipe=recipe, data=None)


def _spread_answers(network: "keras.Model", crops: NDArray[np.float32]) -> None:
    """Scale the last layer so that each label is the answer for some of the crops: random weights say one for all."""
    last = network.get_layer(LOGITS)
    logits = np.asarray(network(crops))
    last.set_weights([last.get_weights()[0] * 2 / logits.std(axis=0), -logits.mean(axis=0) * 2 / logits.std(axis=0)])


def tiny_archive_of(network: Path) -> Path:
    """What an artifact of make_tiny_network was calibrated on."""
    return network.parent / "tiny.zip"


def find_folder() -> Path:
    """Where this run keeps what its processes share."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    folder = Path(gettempdir()) / f"fersite-tiny-{run}"
    folder.mkdir(exist_ok=True)
    return folder

"""Learning from a teacher, and training on another back end: what comes out is an artifact like any other."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ml.artifacts import load_artifact
from ml.calibrate import softmax
from ml.predict import Network
from ml.preprocess import to_network_input
from tests.commands import Done, run_ml
from tests.ml.drawing import draw_crop
from tests.tiny import PATCHES, make_tiny_network, offer_patches, tiny_archive_of

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]


def train(archive: Path, out: Path, *more: object, network: str = "vgg-tiny") -> Done:
    done = run_ml("train", "--data", archive, "--out", out, "--network", network, *more)
    assert done.returncode == 0, done.stderr
    return done


# A training and, in the same process, what the Keras file that it wrote answers: FILE, CROPS, LOGITS, then the command.
WITH_JAX = """
import sys
from ml.__main__ import main
assert main(sys.argv[4:]) == 0
import keras, numpy as np
from ml.preprocess import to_network_input
network = keras.models.load_model(sys.argv[1])
np.save(sys.argv[3], network.predict(to_network_input(np.load(sys.argv[2])), verbose=0))
"""


# Two devices; compiled quickly rather than well.
XLA_FLAGS = "--xla_force_host_platform_device_count=2 --xla_backend_optimization_level=0"


def train_with_jax(archive: Path, out: Path, crops: Path, *more: object) -> tuple[str, np.ndarray]:
    """What the command said, and the logits of the network for some crops; all in a process of its own."""
    logits = crops.with_name("jax.npy")
    words = [
        out / "network.keras",
        crops,
        logits,
        "train",
        "--data",
        archive,
        "--out",
        out,
        "--network",
        "vgg-tiny",
        *more,
    ]
    env = os.environ | {"KERAS_BACKEND": "jax", "XLA_FLAGS": XLA_FLAGS}
    command = [sys.executable, "-c", WITH_JAX, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False, env=env)
    assert done.returncode == 0, done.stderr
    return done.stderr, np.load(logits)


def divergence(student: Path, teacher: Path) -> float:
    """Mean Kullback-Leibler divergence of the student's answers from the teacher's, in nats."""
    crops = np.stack([draw_crop(number % 7, 2000 + number) for number in range(70)])
    taught, learned = (softmax(Network(load_artifact(path)).compute_logits(crops)) for path in (teacher, student))
    return float((taught * np.log(taught / learned)).sum(axis=1).mean())


@offer_patches()
def test_a_student_comes_close_to_its_teacher(tmp_path: Path) -> None:
    teacher = make_tiny_network()
    # All faces in one batch: batches of two sizes would be traced twice.
    quick = {"learning_rate": 0.03, "batch_size": 256, "votes_weight": 0.0}
    settings = [word for name, value in quick.items() for word in ("--set", f"{name}={value}")]
    archive, short = tiny_archive_of(teacher), ("--epochs", 12, "--seed", 2, *settings)
    train(archive, tmp_path / "alone", *short, network=PATCHES)
    # The labels have no weight at all: what the student learns it has from the teacher.
    taught = ("--teacher", teacher, "--set", "distill_weight=1.0")
    train(archive, tmp_path / "student", *short, *taught, network=PATCHES)
    card = load_artifact(tmp_path / "student").card
    assert card["recipe"]["teacher"] == load_artifact(teacher).files["network.keras"]
    assert "--teacher tiny" in card["command"]
    assert divergence(tmp_path / "student", teacher) < divergence(tmp_path / "alone", teacher)


def test_trained_with_jax_on_two_devices_served_with_litert(tiny_archive: Path, tmp_path: Path) -> None:
    import keras

    out, crops = tmp_path / "jax", tmp_path / "crops.npy"
    np.save(crops, np.stack([draw_crop(number % 7, 3000 + number) for number in range(14)]))
    said, with_jax = train_with_jax(tiny_archive, out, crops, "--epochs", 1)
    assert "KERAS_BACKEND=tensorflow python -m ml train" in said
    assert not (out / "manifest.json").exists()
    finished = train(tiny_archive, out, "--epochs", 1, "--resume")
    assert "Epoch" not in finished.stdout
    artifact = load_artifact(out)
    assert artifact.metrics["test"]["n"] == 35

    network = keras.models.load_model(out / "network.keras")
    with_tensorflow = network.predict(to_network_input(np.load(crops)), verbose=0)
    assert np.abs(with_jax - with_tensorflow).max() < 1e-3

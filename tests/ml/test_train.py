"""Training: from an archive to an artifact, and on after a kill."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ml.artifacts import load_artifact
from ml.clean import TrainingSet, clean_training, hold_out
from ml.data import FaceData
from ml.fitting import Progress, TrainingError, fit_network, open_run
from ml.recipe import TrainingConfig
from tests.commands import run_ml
from tests.ml.drawing import draw_crop


def train(archive: Path, out: Path, epochs: int, *more: str) -> list[str]:
    words = ["train", "--data", str(archive), "--out", str(out), "--network", "vgg-tiny", "--epochs", str(epochs)]
    return [*words, *more]


def logged_epochs(out: Path) -> list[int]:
    log = out / "training" / "log.csv"
    lines = log.read_text().splitlines()[1:] if log.exists() else []
    return [int(line.split(",")[0]) for line in lines]


@pytest.mark.tensorflow
@pytest.mark.slow
@pytest.mark.timeout(480)
def test_killed_run_goes_on_where_it_was(tiny_archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-m", "ml", *train(tiny_archive, out, 40)]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 240  # a busy machine loads TensorFlow in a minute
    while len(logged_epochs(out)) < 3 and time.monotonic() < end:
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.wait()
    before = len(logged_epochs(out))
    assert 3 <= before < 40

    checkpoint = out / "training" / "backup" / "latest.weights.h5"
    checkpoint.write_bytes(
        checkpoint.read_bytes()[:1000]
    )  # a disk that was full, or no power: the one before it serves

    refused = run_ml(*train(tiny_archive, out, 40))
    assert refused.returncode == 1
    assert "--resume" in refused.stderr
    other = run_ml(*train(tiny_archive, out, 41, "--resume"))
    assert other.returncode == 1
    assert "other settings (epochs)" in other.stderr

    done = run_ml(*train(tiny_archive, out, 40, "--resume", "--json"))
    assert done.returncode == 0, done.stderr
    epochs = logged_epochs(out)
    assert epochs[-1] == 39
    # Nothing is trained again but the epoch that was under way, and the one whose checkpoint was damaged.
    assert len(epochs) <= 42
    metrics = json.loads(done.stdout)["metrics"]
    assert metrics["test"]["n"] == 35
    assert metrics["test"]["accuracy"] > 0.4  # stripes of seven directions; chance is 0.14
    artifact = load_artifact(out)
    assert artifact.card["seed"] == 1
    assert artifact.calibration.n == metrics["selection"]["n"]
    assert (out / "training" / "tensorboard").is_dir()


@pytest.mark.tensorflow
def test_a_loss_that_is_no_number_ends_the_fit(tmp_path: Path) -> None:
    """Before anything of it is kept: a later epoch, or a run that goes on, would not bring it back."""
    import keras

    crops = keras.Input((48, 48, 1))
    network = keras.Model(crops, keras.layers.Dense(7)(keras.layers.GlobalAveragePooling2D()(crops)))
    images, zeros = np.stack([draw_crop(number, number) for number in range(7)]), np.zeros((7, 7), np.float32)
    config = TrainingConfig(epochs=2, votes_weight=0.0)
    seen: list[Progress] = []

    def watch(progress: Progress) -> bool:
        seen.append(progress)
        return True

    open_run(tmp_path, {}, resume=False)
    diverging = TrainingSet(images, zeros + np.nan, zeros)
    with pytest.raises(TrainingError, match="diverged"):
        fit_network(network, diverging, diverging, config=config, out=tmp_path, watch=watch)
    assert seen == []
    assert not (tmp_path / "training" / "backup").exists()


@pytest.mark.tensorflow
def test_nothing_to_resume_is_said(tiny_archive: Path, tmp_path: Path) -> None:
    done = run_ml(*train(tiny_archive, tmp_path / "none", 1, "--resume"))
    assert done.returncode == 1
    assert "no run to resume" in done.stderr


def test_cleaning_keeps_one_copy_with_the_mean_of_its_labels() -> None:
    images = np.stack(
        [draw_crop(0, 1), draw_crop(0, 1), draw_crop(2, 2), np.full((48, 48), 9, np.uint8), draw_crop(3, 3)]
    )
    data = FaceData(images, np.array([0, 4, 2, 5, 3]), np.arange(5), tuple("abcde"))
    cleaned = clean_training(data, np.zeros((5, 7), np.float32), np.array([0, 0, 0, 0, 9]))
    assert len(cleaned) == 2
    by_image = {image.tobytes(): target for image, target in zip(cleaned.images, cleaned.targets, strict=True)}
    assert by_image[images[0].tobytes()].tolist() == [0.5, 0, 0, 0, 0.5, 0, 0]
    assert by_image[images[2].tobytes()].tolist() == [0, 0, 1, 0, 0, 0, 0]


def test_selection_is_chosen_by_content_not_by_order() -> None:
    images = np.stack([draw_crop(number % 7, number) for number in range(200)])
    chosen = hold_out(images, 0.2)
    assert 20 <= chosen.sum() <= 60
    assert np.array_equal(hold_out(images[::-1], 0.2), chosen[::-1])

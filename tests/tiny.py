"""A dataset drawn in code and a network that learned it in seconds, for tests of everything that trains."""

import fcntl
import os
import zipfile
from functools import cache
from pathlib import Path
from tempfile import gettempdir

from ml.labels import LABELS
from tests.commands import run_ml
from tests.ml.drawing import draw_crop, encode_png

TRAIN, TEST = 210, 35
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


@cache
def train_tiny_network(epochs: int = 12) -> Path:
    """The folder of an artifact trained on the tiny archive; made once a test run, by the first that needs it."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    folder = Path(gettempdir()) / f"fersite-tiny-{run}"
    folder.mkdir(exist_ok=True)
    trained = folder / "trained"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not trained.exists():
            archive, out = write_tiny_archive(folder / "tiny.zip"), folder / "tiny"
            words = ["--name", "tiny", "--network", "vgg-tiny", "--epochs", epochs]
            done = run_ml("train", "--data", archive, "--out", out, *words)
            assert done.returncode == 0, done.stderr
            trained.touch()
    return folder / "tiny"


def tiny_archive_of(network: Path) -> Path:
    """The archive that train_tiny_network learned from."""
    return network.parent / "tiny.zip"

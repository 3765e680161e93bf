"""Data and networks for the tests of ml: a tiny archive drawn in code, and the shipped network."""

import zipfile
from pathlib import Path

import pytest

from ml.artifacts import Artifact, default_artifact, load_artifact
from ml.labels import LABELS
from tests.ml.drawing import draw_crop, encode_png


@pytest.fixture(scope="session")
def tiny_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip in the form of Kaggle's folders: 210 training and 35 test images."""
    path = tmp_path_factory.mktemp("archive") / "tiny.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(245):
            label, usage = number % 7, "Training" if number < 210 else "PublicTest"
            folder = "train" if number < 210 else "test"
            archive.writestr(f"{folder}/{LABELS[label]}/{usage}_{number}.png", encode_png(draw_crop(label, number)))
    return path


@pytest.fixture(scope="session")
def shipped() -> Artifact:
    """The network in ml/weights."""
    return load_artifact(default_artifact())

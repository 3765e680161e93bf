"""Data and networks for the tests of ml: a tiny archive drawn in code, and the shipped network."""

from pathlib import Path

import pytest

from ml.artifacts import Artifact, default_artifact, load_artifact
from tests.tiny import write_tiny_archive


@pytest.fixture(scope="session")
def tiny_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip in the form of Kaggle's folders: 210 training and 35 test images."""
    return write_tiny_archive(tmp_path_factory.mktemp("archive") / "tiny.zip")


@pytest.fixture(scope="session")
def shipped() -> Artifact:
    """The network in ml/weights."""
    return load_artifact(default_artifact())

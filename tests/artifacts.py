"""Artifacts for tests, made from the shipped one."""

import json
import shutil
from pathlib import Path

import numpy as np

from ml.artifacts import KERAS_NETWORK, NETWORK, default_artifact, load_artifact, write_manifest
from ml.predict import Network, NoEvidenceError


def make_variant(folder: Path, version: str) -> Path:
    """The shipped network under another name, in `folder`/`version`."""
    path = Path(shutil.copytree(default_artifact(), folder / version))
    manifest = json.loads((path / "manifest.json").read_text())
    write_manifest(path, {**manifest, "version": version})
    return path


def make_explained(folder: Path) -> Path:
    """The shipped artifact where it has evidence maps, else one made from its Keras network in `folder`."""
    try:
        Network(load_artifact(default_artifact())).compute_evidence(np.zeros((1, 48, 48), np.uint8))
    except NoEvidenceError:
        return convert_explained(folder)
    return default_artifact()


def convert_explained(folder: Path) -> Path:
    import keras

    from ml.export import convert_network

    path = make_variant(folder, "explained")
    convert_network(keras.models.load_model(path / KERAS_NETWORK), path / NETWORK)
    write_manifest(path, json.loads((path / "manifest.json").read_text()))
    return path

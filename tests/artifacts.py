"""Artifacts for tests, made from the shipped one."""

import json
import shutil
from pathlib import Path

from ml.artifacts import default_artifact, write_manifest


def make_variant(folder: Path, version: str) -> Path:
    """The shipped network under another name, in `folder`/`version`."""
    path = Path(shutil.copytree(default_artifact(), folder / version))
    manifest = json.loads((path / "manifest.json").read_text())
    write_manifest(path, {**manifest, "version": version})
    return path

"""The served network as one immutable folder: files, labels, preprocessing, calibration, metrics, and their hashes."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.calibrate import Calibration
from ml.labels import LABELS
from ml.preprocess import PREPROCESSING

MANIFEST = "manifest.json"
NETWORK = "network.tflite"
KERAS_NETWORK = "network.keras"
WEIGHTS = Path(__file__).parent / "weights"


class ArtifactError(Exception):
    """The folder is no artifact, or it was truncated or changed, or it needs other preprocessing than this code has."""


@dataclass(frozen=True)
class Artifact:
    """A verified artifact. digest: SHA-256 (hex) of manifest.json, which names the SHA-256 of every other file."""

    path: Path
    version: str
    digest: str
    labels: tuple[str, ...]
    preprocessing: str
    calibration: Calibration
    views: tuple[str, ...]
    metrics: dict[str, Any]
    card: dict[str, Any]
    files: dict[str, str]


def default_artifact() -> Path:
    """The newest network that is shipped with the code.

    Raises:
        ArtifactError: none is shipped.
    """
    folders = [folder for folder in WEIGHTS.glob("*") if (folder / MANIFEST).is_file()]
    if not folders:
        raise ArtifactError(f"{WEIGHTS} holds no network; train one with python -m ml train")
    return max(folders, key=lambda folder: _version_key(folder.name))


def _version_key(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in name.split(".")]


def load_artifact(path: Path) -> Artifact:
    """Read an artifact and check every file against its hash.

    Raises:
        ArtifactError: anything is missing, changed or not for this code.
    """
    try:
        manifest_bytes = (path / MANIFEST).read_bytes()
        manifest = json.loads(manifest_bytes)
        files: dict[str, str] = dict(manifest["files"])
        for name, digest in files.items():
            if Path(name).name != name:
                raise ArtifactError(f"{path / MANIFEST} names a file outside its folder: {name!r}")
            if file_digest(path / name) != digest:
                raise ArtifactError(f"{path / name} is not the file its manifest names: it was changed or cut short")
        if tuple(manifest["labels"]) != LABELS or manifest["preprocessing"] != PREPROCESSING:
            raise ArtifactError(f"{path} was made for other labels or other preprocessing than {PREPROCESSING}")
        if NETWORK not in files:
            raise ArtifactError(f"{path} lacks {NETWORK}")
        return Artifact(
            path=path,
            version=str(manifest["version"]),
            digest=hashlib.sha256(manifest_bytes).hexdigest(),
            labels=LABELS,
            preprocessing=PREPROCESSING,
            calibration=Calibration.from_dict(manifest["calibration"]),
            views=tuple(manifest["views"]),
            metrics=dict(manifest["metrics"]),
            card=dict(manifest["card"]),
            files=files,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(f"{path} is no readable artifact: {error}") from error


def write_manifest(folder: Path, content: dict[str, Any]) -> str:
    """Hash every file of the folder into its manifest, written last and in one rename.

    Args:
        folder: holds the artifact's files; sub-folders are not part of it.
        content: version, calibration, views, metrics and card; labels, preprocessing and files are added.

    Returns:
        the artifact's digest.
    """
    names = sorted(file.name for file in folder.iterdir() if file.is_file() and file.name != MANIFEST)
    files = {name: file_digest(folder / name) for name in names if not name.startswith(".")}
    manifest = {**content, "labels": list(LABELS), "preprocessing": PREPROCESSING, "files": files}
    written = json.dumps(manifest, indent=1, ensure_ascii=False).encode()
    temporary = folder / f".{MANIFEST}.{os.getpid()}"
    temporary.write_bytes(written)
    temporary.replace(folder / MANIFEST)
    return hashlib.sha256(written).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 (hex) of a file; raises OSError when it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A temporary folder beside target that becomes target when the block ends well and vanishes when it does not."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield temporary
        temporary.chmod(0o755)
        if not target.exists():
            temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)

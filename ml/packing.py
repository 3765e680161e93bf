"""An artifact as one zip file, to carry it from the machine that trained it to the site that serves it."""

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from ml.archive import ZIP_ERRORS
from ml.artifacts import MANIFEST, Artifact, ArtifactError

# Unpacked; the networks of this project have a few megabytes.
MAX_BYTES = 512 * 2**20


def pack_artifact(artifact: Artifact, target: Path) -> Path:
    """Write the artifact's files, without the training state beside them, into target, a zip; returns target."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in [*artifact.files, MANIFEST]:
            packed.write(artifact.path / name, name)
    return target


@contextmanager
def unpack_artifact(path: Path) -> Iterator[Path]:
    """The artifact's folder: path itself, or what the zip at path holds, for as long as the block runs.

    Raises:
        ArtifactError: a zip that is damaged, too large or holds folders.
    """
    if not path.is_file():
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="fersite-artifact-") as folder:
        _unpack(path, Path(folder))
        yield Path(folder)


def _unpack(path: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(path) as packed:
            entries = packed.infolist()
            if any(PurePosixPath(entry.filename).name != entry.filename for entry in entries):
                raise ArtifactError(f"{path} holds folders; an artifact's files lie side by side")
            if sum(entry.file_size for entry in entries) > MAX_BYTES:
                raise ArtifactError(f"{path} holds more than {MAX_BYTES // 2**20} MB")
            for entry in entries:
                # By name and not by extract(): what is unpacked is exactly one file inside the folder.
                with packed.open(entry) as source, (folder / entry.filename).open("wb") as copy:
                    shutil.copyfileobj(source, copy)
    except ZIP_ERRORS as error:
        raise ArtifactError(f"{path} is no readable zip of an artifact: {error}") from error

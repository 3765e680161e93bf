"""An artifact that was changed, cut short or made for other code is refused."""

import json
import shutil
from pathlib import Path

import pytest

from ml.artifacts import Artifact, ArtifactError, load_artifact, new_folder


@pytest.fixture
def copy(shipped: Artifact, tmp_path: Path) -> Path:
    return Path(shutil.copytree(shipped.path, tmp_path / "copy"))


def test_copy_is_the_same_artifact(shipped: Artifact, copy: Path) -> None:
    assert load_artifact(copy).digest == shipped.digest


def test_changed_file_is_refused(copy: Path) -> None:
    content = bytearray((copy / "network.tflite").read_bytes())
    content[1000] ^= 1
    (copy / "network.tflite").write_bytes(content)
    with pytest.raises(ArtifactError, match="changed or cut short"):
        load_artifact(copy)


def test_truncated_file_is_refused(copy: Path) -> None:
    content = (copy / "network.tflite").read_bytes()
    (copy / "network.tflite").write_bytes(content[:-1])
    with pytest.raises(ArtifactError, match="changed or cut short"):
        load_artifact(copy)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("labels", ["angry"]),
        ("preprocessing", "other"),
        ("calibration", {}),
        ("files", {}),
        ("files", {"../manifest.json": "0"}),
    ],
)
def test_manifest_for_other_code_is_refused(copy: Path, key: str, value: object) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**manifest, key: value}))
    with pytest.raises(ArtifactError):
        load_artifact(copy)


@pytest.mark.parametrize("content", ["", "[]", "{", "null"])
def test_broken_manifest_is_refused(copy: Path, content: str) -> None:
    (copy / "manifest.json").write_text(content)
    with pytest.raises(ArtifactError, match="no readable artifact"):
        load_artifact(copy)


def test_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no readable artifact"):
        load_artifact(tmp_path / "nowhere")


def test_half_written_folder_never_appears(tmp_path: Path) -> None:
    target = tmp_path / "versions" / "one"

    def write_and_fail() -> None:
        with new_folder(target) as folder:
            (folder / "part").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert list(target.parent.iterdir()) == []
    with new_folder(target) as folder:
        (folder / "whole").write_text("all")
    assert (target / "whole").read_text() == "all"

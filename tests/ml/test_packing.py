"""An artifact travels as a zip, and nothing else is taken for one."""

import zipfile
from pathlib import Path

import pytest

from ml import packing
from ml.artifacts import Artifact, ArtifactError, load_artifact
from ml.packing import pack_artifact, unpack_artifact


def test_packed_artifact_is_the_same_one(shipped: Artifact, tmp_path: Path) -> None:
    packed = pack_artifact(shipped, tmp_path / "network.zip")
    with unpack_artifact(packed) as folder:
        assert load_artifact(folder).digest == shipped.digest
    assert not folder.exists()


def test_folder_is_left_where_it_is(shipped: Artifact) -> None:
    with unpack_artifact(shipped.path) as folder:
        assert folder == shipped.path
    assert folder.exists()


@pytest.mark.parametrize("name", ["../manifest.json", "network/manifest.json", "/tmp/manifest.json", "..", "folder/"])
def test_paths_are_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as packed:
        packed.writestr(name, "{}")
    with pytest.raises(ArtifactError, match=r"bad\.zip"), unpack_artifact(tmp_path / "bad.zip"):
        pass
    assert not (tmp_path.parent / "manifest.json").exists()


def test_damaged_zip_is_refused(shipped: Artifact, tmp_path: Path) -> None:
    content = pack_artifact(shipped, tmp_path / "network.zip").read_bytes()
    for damaged in (b"no zip", content[: len(content) // 2], content[:5000] + b"x" * 200 + content[5200:]):
        (tmp_path / "bad.zip").write_bytes(damaged)
        with pytest.raises(ArtifactError, match="no readable zip"), unpack_artifact(tmp_path / "bad.zip"):
            pass


def test_huge_zip_is_refused(shipped: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = pack_artifact(shipped, tmp_path / "network.zip")
    monkeypatch.setattr(packing, "MAX_BYTES", 1000)
    with pytest.raises(ArtifactError, match="more than"), unpack_artifact(packed):
        pass


def test_missing_path_is_said(tmp_path: Path) -> None:
    with unpack_artifact(tmp_path / "none.zip") as folder, pytest.raises(ArtifactError, match="no readable artifact"):
        load_artifact(folder)

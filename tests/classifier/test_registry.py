"""Versions are registered once, one of them serves, and a damaged artifact never does."""

import json
import shutil
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from classifier import inference
from classifier.inference import NoChampion, fetch_artifact, get_pipeline
from classifier.models import Promotion, Version
from classifier.registry import RegistryError, find_champion, promote_version, register_version
from ml.artifacts import ArtifactError, default_artifact, load_artifact, write_manifest


def make_variant(tmp_path: Path, version: str) -> Path:
    """The shipped network under another name."""
    folder = Path(shutil.copytree(default_artifact(), tmp_path / version))
    manifest = json.loads((folder / "manifest.json").read_text())
    write_manifest(folder, {**manifest, "version": version})
    return folder


@pytest.fixture
def shipped(db: None) -> Version:
    return register_version(path=default_artifact(), promote=True, reason="shipped")


@pytest.fixture(autouse=True)
def nothing_loaded(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test begins as a fresh process with an empty cache, and looks at the champion each time."""
    settings.FERSITE_STATE = tmp_path
    monkeypatch.setattr(inference, "_loaded", inference._Loaded())
    monkeypatch.setattr(inference, "CHECK_SECONDS", 0.0)


def test_registering_again_changes_nothing(shipped: Version) -> None:
    again = register_version(path=default_artifact(), promote=True, reason="again")
    assert again.pk == shipped.pk
    assert Promotion.objects.count() == 1
    assert shipped.state == "champion"
    assert shipped.metrics["test"]["n"] == 3589
    assert default_storage.exists(f"versions/{shipped.digest}/network.tflite")


def test_name_of_another_artifact_is_refused(shipped: Version, tmp_path: Path) -> None:
    folder = make_variant(tmp_path, "other")
    (folder / "card.md").write_text("another card")
    write_manifest(folder, {**json.loads((folder / "manifest.json").read_text()), "version": shipped.name})
    with pytest.raises(RegistryError, match="another artifact"):
        register_version(path=folder, promote=True, reason="clash")


def test_tampered_artifact_is_refused(db: None, tmp_path: Path) -> None:
    folder = make_variant(tmp_path, "2")
    (folder / "network.tflite").write_bytes(b"other")
    with pytest.raises(ArtifactError):
        register_version(path=folder, promote=True, reason="tampered")
    assert not Version.objects.exists()


def test_promotion_and_rollback_are_recorded(shipped: Version, tmp_path: Path) -> None:
    between = timezone.now()
    second = register_version(path=make_variant(tmp_path, "2"), promote=True, reason="better")
    assert find_champion() == second
    shipped.refresh_from_db()
    assert shipped.state == "retired"
    assert promote_version(version=shipped, reason="rollback")
    assert find_champion() == shipped
    assert Promotion.objects.served_at(between).get().version == shipped
    assert [str(row.version) for row in Promotion.objects.order_by("at")] == [shipped.name, "2", shipped.name]
    assert not Promotion.objects.served_at(between - timedelta(days=1)).exists()


def test_rejected_version_cannot_serve(shipped: Version) -> None:
    rejected = Version.objects.create(name="bad", digest="0" * 64, state="rejected")
    with pytest.raises(RegistryError, match="rejected"):
        promote_version(version=rejected, reason="mistake")
    assert find_champion() == shipped


@pytest.mark.django_db(transaction=True)
def test_two_promotions_at_once_leave_one_champion() -> None:
    versions = [Version.objects.create(name=str(number), digest=f"{number:064x}") for number in range(6)]
    failures: list[BaseException] = []

    def promote(version: Version) -> None:
        try:
            promote_version(version=version, reason="race")
        except Exception as error:  # noqa: BLE001 - any failure fails the test below
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=promote, args=(version,)) for version in versions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert Version.objects.filter(state="champion").count() == 1
    assert Version.objects.filter(state="retired").count() == 5
    assert Promotion.objects.count() == 6


def test_nothing_serves_before_a_promotion(db: None) -> None:
    with pytest.raises(NoChampion):
        get_pipeline()


def test_workers_take_up_a_new_champion(shipped: Version, tmp_path: Path) -> None:
    version, pipeline = get_pipeline()
    assert version == shipped
    assert get_pipeline()[1] is pipeline
    second = register_version(path=make_variant(tmp_path, "2"), promote=True, reason="better")
    version, other = get_pipeline()
    assert version == second
    assert other is not pipeline
    assert other.artifact.version == "2"


def test_damaged_cache_is_fetched_again(shipped: Version, settings: Any) -> None:
    folder = fetch_artifact(shipped.digest).path
    (folder / "network.tflite").write_bytes(b"damaged")
    assert fetch_artifact(shipped.digest).digest == shipped.digest
    assert load_artifact(folder).digest == shipped.digest


def test_damaged_bucket_is_refused_and_the_old_one_serves_on(shipped: Version, tmp_path: Path) -> None:
    get_pipeline()
    second = register_version(path=make_variant(tmp_path, "2"), promote=True, reason="better")
    key = f"versions/{second.digest}/network.tflite"
    default_storage.delete(key)
    default_storage.save(key, ContentFile(b"tampered"))
    assert get_pipeline()[0] == shipped
    with pytest.raises(ArtifactError):
        fetch_artifact(second.digest)
    assert not (tmp_path / "models" / second.digest).exists()

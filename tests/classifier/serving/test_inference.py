"""The one loaded network: a new champion is taken up, and a damaged one never is."""

import threading
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection

from classifier.models import Version
from classifier.serving import network
from classifier.serving.network import NoChampion, fetch_artifact, get_pipeline, warm_up
from classifier.training.registry import promote_version, register_version, roll_back
from ml.artifacts import ArtifactError, default_artifact, load_artifact
from tests.artifacts import make_variant

Patch = pytest.MonkeyPatch


@pytest.fixture(autouse=True)
def nothing_loaded(settings: Any, tmp_path: Path, monkeypatch: Patch) -> None:
    """Every test begins as a fresh process with an empty cache, and looks at the champion each time."""
    settings.FERSITE_STATE = tmp_path
    monkeypatch.setattr(network, "_loaded", network._Loaded())
    monkeypatch.setattr(network, "CHECK_SECONDS", 0.0)


@pytest.fixture
def shipped(db: None) -> Version:
    return register_version(path=default_artifact(), promote=True, reason="shipped")


def damage(version: Version, name: str = "network.tflite") -> bytes:
    """Change a file of the artifact in the bucket; what was there."""
    key = f"versions/{version.digest}/{name}"
    with default_storage.open(key) as file:
        content = bytes(file.read())
    default_storage.delete(key)
    default_storage.save(key, ContentFile(content[:-1]))
    return content


def test_nothing_serves_before_a_promotion(db: None) -> None:
    with pytest.raises(NoChampion):
        get_pipeline()
    warm_up()  # only says so: the first photo tries again


def test_new_champion_is_taken_up(shipped: Version, tmp_path: Path) -> None:
    version, pipeline = get_pipeline()
    assert version == shipped
    assert get_pipeline()[1] is pipeline
    second = register_version(path=make_variant(tmp_path, "2"), promote=True, reason="better")
    version, other = get_pipeline()
    assert version == second
    assert other is not pipeline
    assert other.artifact.version == "2"


def test_database_is_asked_every_few_seconds(
    shipped: Version, monkeypatch: Patch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr(network, "CHECK_SECONDS", 5.0)
    with django_assert_num_queries(1):
        get_pipeline()
    with django_assert_num_queries(0):
        get_pipeline()


@pytest.mark.django_db(transaction=True)
def test_each_thread_has_a_network_of_its_own(tmp_path: Path) -> None:
    register_version(path=default_artifact(), promote=True, reason="shipped")
    seen: list[Any] = [get_pipeline()[1]]

    def load() -> None:
        try:
            seen.append(get_pipeline()[1])
        finally:
            connection.close()

    thread = threading.Thread(target=load)
    thread.start()
    thread.join()
    assert len(seen) == 2
    assert seen[0] is not seen[1]


def test_damaged_cache_is_fetched_again(shipped: Version) -> None:
    folder = fetch_artifact(shipped.digest).path
    (folder / "network.tflite").write_bytes(b"damaged")
    assert fetch_artifact(shipped.digest).digest == shipped.digest
    assert load_artifact(folder).digest == shipped.digest
    assert [path.name for path in folder.parent.iterdir()] == [shipped.digest]


def test_many_processes_may_fetch_at_once(shipped: Version) -> None:
    start, fetched, failures = threading.Barrier(6), [], []

    def fetch() -> None:
        start.wait()
        try:
            fetched.append(fetch_artifact(shipped.digest).digest)
        except Exception as error:  # noqa: BLE001 - any failure fails the test below
            failures.append(error)

    threads = [threading.Thread(target=fetch) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert fetched == [shipped.digest] * 6


@pytest.mark.parametrize("name", ["network.tflite", "manifest.json"])
def test_damaged_bucket_is_refused_and_the_old_one_serves_on(shipped: Version, tmp_path: Path, name: str) -> None:
    get_pipeline()
    second = register_version(path=make_variant(tmp_path, "2"), promote=True, reason="better")
    damage(second, name)
    assert get_pipeline()[0] == shipped
    with pytest.raises(ArtifactError):
        fetch_artifact(second.digest)
    assert not (tmp_path / "models" / second.digest).exists()


def test_damaged_champion_is_not_fetched_with_every_photo(shipped: Version, tmp_path: Path, monkeypatch: Patch) -> None:
    get_pipeline()
    folder = make_variant(tmp_path, "2")
    damage(register_version(path=folder, promote=True, reason="better"))
    fetched: list[str] = []

    def fetch(digest: str) -> Any:
        fetched.append(digest)
        return fetch_artifact(digest)

    monkeypatch.setattr(network, "fetch_artifact", fetch)
    for _ in range(3):
        assert get_pipeline()[0] == shipped
    assert len(fetched) == 1
    # Registered again, it is whole again; the next try takes it up.
    second = register_version(path=folder, promote=False, reason="repaired")
    monkeypatch.setattr(network, "REFUSED_SECONDS", 0.0)
    assert get_pipeline()[0] == second
    promote_version(version=shipped, reason="rollback")
    assert get_pipeline()[0] == shipped


def test_a_fresh_process_falls_back_on_what_served_before(shipped: Version, tmp_path: Path) -> None:
    damage(register_version(path=make_variant(tmp_path, "2"), promote=True, reason="better"))
    assert get_pipeline()[0] == shipped
    assert get_pipeline()[0] == shipped


def test_a_fresh_process_does_not_fall_back_on_what_was_rolled_back(shipped: Version, tmp_path: Path) -> None:
    register_version(path=make_variant(tmp_path, "2"), promote=True, reason="better")
    roll_back(reason="worse")
    damage(shipped)
    with pytest.raises(ArtifactError, match="cannot be loaded"):
        get_pipeline()


def test_only_champion_damaged_is_an_error_of_its_own(shipped: Version) -> None:
    damage(shipped)
    with pytest.raises(ArtifactError, match="cannot be loaded"):
        get_pipeline()

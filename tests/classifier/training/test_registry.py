"""Versions are registered once and one of them is the champion, however many register and promote at once."""

import io
import json
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from classifier.models import Promotion, Version
from classifier.training.registry import (
    RegistryError,
    choose_shadow,
    find_champion,
    promote_version,
    register_version,
    roll_back,
)
from ml.artifacts import ArtifactError, default_artifact, write_manifest
from tests.artifacts import make_variant
from tests.factories import make_version


@pytest.fixture
def shipped(db: None) -> Version:
    return register_version(path=default_artifact(), promote=True, reason="shipped")


def test_registering_again_changes_nothing(shipped: Version) -> None:
    again = register_version(path=default_artifact(), promote=True, reason="again")
    assert again.pk == shipped.pk
    assert Promotion.objects.count() == 1
    assert shipped.state == "champion"
    assert shipped.metrics["test"]["n"] == 3589
    assert default_storage.exists(f"versions/{shipped.digest}/network.tflite")


def test_registering_again_puts_back_what_the_bucket_lost(shipped: Version) -> None:
    lost = f"versions/{shipped.digest}/network.tflite"
    default_storage.delete(lost)
    register_version(path=default_artifact(), promote=False, reason="again")
    assert default_storage.exists(lost)
    assert len(default_storage.listdir(f"versions/{shipped.digest}")[1]) == 5


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


def run_at_once(work: Callable[[Any], Any], things: Sequence[Any]) -> tuple[list[Any], list[Exception]]:
    """What came of each call, all started in the same moment, and what was raised."""
    start, results, failures = threading.Barrier(len(things)), [], []

    def run(thing: Any) -> None:
        try:
            connection.ensure_connection()
            start.wait()
            results.append(work(thing))
        except Exception as error:  # noqa: BLE001 - the caller judges
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(thing,)) for thing in things]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results, failures


@pytest.mark.django_db(transaction=True)
def test_same_artifact_four_times_at_once_is_one_version() -> None:
    path = default_artifact()
    results, failures = run_at_once(lambda _: register_version(path=path, promote=True, reason="race"), range(4))
    assert failures == []
    assert len({version.pk for version in results}) == 1
    assert Promotion.objects.count() == 1
    assert find_champion() == results[0]


@pytest.mark.django_db(transaction=True)
def test_different_artifacts_of_one_name_at_once(tmp_path: Path) -> None:
    folders = [make_variant(tmp_path / str(number), "2") for number in range(3)]
    for number, folder in enumerate(folders):
        (folder / "card.md").write_text(f"card {number}")
        write_manifest(folder, json.loads((folder / "manifest.json").read_text()))
    results, failures = run_at_once(lambda path: register_version(path=path, promote=True, reason="race"), folders)
    assert len(results) == 1
    assert [type(failure) for failure in failures] == [RegistryError] * 2
    assert find_champion() == results[0]


@pytest.mark.django_db(transaction=True)
def test_versions_registered_and_promoted_at_once_leave_one_champion(tmp_path: Path) -> None:
    folders = [make_variant(tmp_path, str(number)) for number in range(4)]
    _, failures = run_at_once(lambda path: register_version(path=path, promote=True, reason="race"), folders)
    assert failures == []
    assert Version.objects.filter(state="champion").count() == 1
    assert Promotion.objects.count() == 4


@pytest.mark.django_db(transaction=True)
def test_two_promotions_at_once_leave_one_champion() -> None:
    versions = [Version.objects.create(name=str(number), digest=f"{number:064x}") for number in range(6)]
    _, failures = run_at_once(lambda version: promote_version(version=version, reason="race"), versions)
    assert failures == []
    assert Version.objects.filter(state="champion").count() == 1
    assert Version.objects.filter(state="retired").count() == 5
    assert Promotion.objects.count() == 6


@pytest.mark.django_db
@pytest.mark.parametrize("chosen", ["123", "121"])  # the first once more, by hand: it came after the second
def test_rolling_back_twice_goes_two_steps_back(chosen: str) -> None:
    versions = {name: make_version(name, state="candidate") for name in "123"}
    first, second = versions["1"], versions["2"]
    for name in chosen:
        promote_version(version=versions[name], reason="next")
    assert roll_back(reason="worse") == second
    assert roll_back(reason="worse still") == first
    with pytest.raises(RegistryError, match="no other version"):
        roll_back(reason="nothing left")
    assert [(promotion.kind, promotion.reason) for promotion in Promotion.objects.all()[:2]] == [
        ("rolled_back", "worse still"),
        ("rolled_back", "worse"),
    ]


@pytest.mark.django_db
def test_a_reason_that_somebody_typed_is_no_roll_back() -> None:
    versions = {name: make_version(name, state="candidate") for name in "abc"}
    for name, reason in (("a", "first"), ("b", "next"), ("c", "next"), ("a", "rolled back: c was slow")):
        promote_version(version=versions[name], reason=reason)
    assert Promotion.objects.find_rollback_target() == versions["c"]


@pytest.mark.django_db
def test_promote_and_rollback_are_commands() -> None:
    make_version("1", state="candidate")
    make_version("2", state="candidate")
    out = io.StringIO()
    call_command("promote", "1", stdout=out)
    call_command("promote", "2", reason="better", stdout=out)
    call_command("promote", "2", stdout=out)
    call_command("rollback", reason="worse", stdout=out)
    assert out.getvalue().splitlines() == ["1 serves", "2 serves", "2 serves already", "1 serves"]
    with pytest.raises(CommandError, match="no version 9; registered: "):
        call_command("promote", "9")


@pytest.mark.django_db
def test_one_version_may_shadow_the_champion_and_ends_with_its_promotion() -> None:
    champion, other, rejected = make_version("1"), make_version("2", state="candidate"), make_version("3", "rejected")
    choose_shadow(version=other)
    assert Version.objects.shadows().get() == other
    for impossible in (champion, rejected):
        with pytest.raises(RegistryError):
            choose_shadow(version=impossible)
    assert Version.objects.shadows().get() == other
    promote_version(version=other, reason="good")
    assert not Version.objects.shadows().exists()

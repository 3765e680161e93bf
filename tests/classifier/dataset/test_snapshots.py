"""Snapshots list the dataset once per content, cannot be changed, and bring nothing back that was erased."""

import gzip
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import EndpointConnectionError
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError, transaction
from django.test import Client

from accounts.models import User
from accounts.roles import set_role
from classifier.dataset import snapshots
from classifier.dataset.samples import import_fer2013
from classifier.dataset.snapshots import (
    DatasetEmptyError,
    SnapshotDamagedError,
    SnapshotEntry,
    diff_snapshots,
    load_images,
    read_snapshot,
    take_snapshot,
)
from classifier.models import Correction, Sample, Snapshot
from classifier.photos.erasure import erase_upload
from classifier.photos.intake import set_consent
from classifier.review.decisions import approve_answer
from classifier.storage.bulk import BucketError
from tests.factories import make_answer_with_crop, make_user
from tests.ml.archives import csv_text, make_form
from tests.ml.drawing import draw_crop

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_kept_crops() -> None:
    """Tests share a state folder."""
    kept().unlink(missing_ok=True)


def kept() -> Path:
    return Path(settings.FERSITE_STATE) / "crops.npy"


@pytest.fixture
def dataset(tmp_path: Path) -> None:
    """Eight samples of FER-2013."""
    import_fer2013(path=make_form("CSV", tmp_path))


def add_correction(number: int = 0) -> Correction:
    """An approved answer of somebody's whose sample is of this number's pixels."""
    correction = make_answer_with_crop(make_user(f"ada{number}"), draw_crop(3, 100 + number), number=number)
    return approve_answer(correction=correction, reviewer=make_user(f"ruth{number}"))


def test_a_snapshot_lists_the_dataset(dataset: None) -> None:
    add_correction()
    actor = make_user("sue")
    snapshot = take_snapshot(actor=actor)
    entries = read_snapshot(snapshot)
    rows = Sample.objects.values_list("split", "label", "sha256", "key", "source", "source_name")
    assert entries == sorted(SnapshotEntry(*row) for row in rows)
    assert (snapshot.size, snapshot.corrections, snapshot.created_by) == (9, 1, actor)
    assert sum(snapshot.train_counts) + sum(snapshot.test_counts) == 9
    for split, counts in (("train", snapshot.train_counts), ("test", snapshot.test_counts)):
        assert counts == [Sample.objects.filter(split=split, label=label).count() for label in range(7)]


def test_the_same_content_is_the_same_snapshot(dataset: None) -> None:
    first = take_snapshot()
    assert take_snapshot(actor=make_user()) == first
    with default_storage.open(first.key) as file:
        packed = file.read()
    assert hashlib.sha256(gzip.decompress(packed)).hexdigest() == first.digest
    default_storage.delete(first.key)
    assert take_snapshot() == first
    assert len(read_snapshot(first)) == 8  # the bucket had lost it
    add_correction(1)
    assert take_snapshot() != first
    assert Snapshot.objects.count() == 2


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    lines = csv_text().splitlines()
    (tmp_path / "fer.csv").write_text("\n".join(lines[:3]) + "\n")
    import_fer2013(path=tmp_path / "fer.csv")
    digest = take_snapshot().digest
    for row, sample in enumerate(Sample.objects.order_by("-id")):
        Sample.objects.filter(pk=sample.pk).update(id=1_000_000 + row)
    assert take_snapshot().digest == digest


def test_an_empty_dataset_has_no_snapshot(db: None) -> None:
    with pytest.raises(DatasetEmptyError, match="import_fer2013"):
        take_snapshot()


def test_rows_cannot_be_changed_or_deleted(dataset: None) -> None:
    snapshot = take_snapshot(actor=make_user("sue"))
    for change in ({"size": 1}, {"digest": "0" * 64}, {"train_counts": [0] * 7}):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            Snapshot.objects.update(**change)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        snapshot.delete()
    User.objects.get(username="sue").delete()  # an erased account leaves the row without its name
    assert Snapshot.objects.get().created_by is None


@pytest.mark.parametrize("content", [b"", b"no gzip", gzip.compress(b"split,label\n", mtime=0), None])
def test_a_damaged_list_is_refused(dataset: None, content: bytes | None) -> None:
    snapshot = take_snapshot()
    default_storage.delete(snapshot.key)
    if content is not None:
        default_storage.save(snapshot.key, ContentFile(content))
    with pytest.raises(SnapshotDamagedError, match=f"snapshot {snapshot.pk}"):
        read_snapshot(snapshot)


def test_images_come_back_as_they_were_stored(dataset: None) -> None:
    entries = read_snapshot(take_snapshot())
    done: list[int] = []
    for kept_already in (False, True):
        assert kept().exists() == kept_already
        loaded = load_images(entries, on_progress=done.append)
        assert (list(loaded.found), loaded.missing) == (entries, ())
        assert loaded.images.dtype == np.uint8
        for image, entry in zip(loaded.images, entries, strict=True):
            row = int(entry.source_name.split("_")[1])
            np.testing.assert_array_equal(image, draw_crop(row % 7, row))
    assert sum(done) == 16


def test_what_lies_on_disk_is_checked(dataset: None) -> None:
    entries = read_snapshot(take_snapshot())
    right = load_images(entries).images
    images = np.load(kept())
    images[3] = 0
    np.save(kept(), images)
    np.testing.assert_array_equal(load_images(entries).images, right)
    kept().write_bytes(kept().read_bytes()[:5000])
    np.testing.assert_array_equal(load_images(entries).images, right)


def test_peoples_crops_are_not_kept_on_disk(dataset: None) -> None:
    add_correction()
    assert len(load_images(read_snapshot(take_snapshot())).images) == 9
    assert len(np.load(kept())) == 8


def test_lost_and_damaged_objects_are_named(dataset: None) -> None:
    entries = read_snapshot(take_snapshot())
    lost, damaged, swapped, *rest = entries
    for entry, content in ((lost, None), (damaged, b"no PNG"), (swapped, read(rest[0].key))):
        default_storage.delete(entry.key)
        if content is not None:
            default_storage.save(entry.key, ContentFile(content))
    loaded = load_images(entries)
    assert set(loaded.damaged) == set(loaded.missing) == {lost, damaged, swapped}
    assert list(loaded.found) == rest


def read(key: str) -> bytes:
    with default_storage.open(key) as file:
        content: bytes = file.read()
    return content


@pytest.mark.django_db(transaction=True)
def test_what_was_erased_does_not_come_back(tmp_path: Path) -> None:
    import_fer2013(path=make_form("CSV", tmp_path))
    erased, withdrawn = add_correction(1), add_correction(2)
    old = take_snapshot()
    assert old.corrections == 2
    erase_upload(upload=erased.face.upload)
    set_consent(upload=withdrawn.face.upload, shared=False)

    loaded = load_images(read_snapshot(old))

    names = {f"correction_{item.pk}" for item in (erased, withdrawn)}
    assert {entry.source_name for entry in loaded.erased} == names
    assert (len(loaded.images), loaded.damaged) == (8, ())
    new = take_snapshot()
    assert (new.size, new.corrections) == (8, 0)
    assert {entry.source_name for entry in diff_snapshots(old, new).removed} == names


def test_diff_names_what_changed(dataset: None) -> None:
    old = take_snapshot()
    Sample.objects.filter(source_name="Training_0").update(label=5)
    Sample.objects.filter(source_name="Training_1").delete()
    correction = add_correction()
    diff = diff_snapshots(old, take_snapshot())
    assert [entry.source_name for entry in diff.added] == [f"correction_{correction.pk}"]
    assert [entry.source_name for entry in diff.removed] == ["Training_1"]
    assert [(before.label, after.label) for before, after in diff.relabelled] == [(0, 5)]
    counts = diff.count_by_label()
    assert counts[0] == {"added": 0, "removed": 0, "relabelled_from": 1, "relabelled_to": 0}
    assert counts[4] == {"added": 1, "removed": 0, "relabelled_from": 0, "relabelled_to": 0}


def log_in(role: str) -> Client:
    user, client = make_user(role), Client()
    set_role(user=user, role=role)  # type: ignore[arg-type]
    client.force_login(user)
    return client


def test_staff_reads_snapshots_and_their_changes(dataset: None, django_assert_max_num_queries: Any) -> None:
    old = take_snapshot(actor=make_user("sue"))
    add_correction()
    new = take_snapshot()
    staff, address = log_in("staff"), "/admin/classifier/snapshot/"
    staff.get(address)
    with django_assert_max_num_queries(8):
        page = staff.get(address).content.decode()
    assert old.digest in page
    assert "sue" in page
    page = staff.get(f"{address}{new.pk}/change/").content.decode()
    assert f"?against={old.pk}" in page
    assert "Samples by label" in page
    with django_assert_max_num_queries(12):
        page = staff.get(f"{address}{new.pk}/change/?against={old.pk}").content.decode()
    assert "1 added, 0 removed, 0 relabelled" in page
    for against in ("999", "x", "9" * 40, str(new.pk)):
        page = staff.get(f"{address}{new.pk}/change/?against={against}").content.decode()
        assert "There is no other snapshot of this number." in page
    default_storage.delete(old.key)
    assert "is gone from the bucket" in staff.get(f"{address}{new.pk}/change/?against={old.pk}").content.decode()
    assert staff.post(f"{address}{new.pk}/delete/", {"post": "yes"}).status_code == 403


def test_the_bucket_is_away(dataset: None, monkeypatch: pytest.MonkeyPatch) -> None:
    old = take_snapshot()
    add_correction()
    new = take_snapshot()

    def fail(key: str) -> None:
        raise EndpointConnectionError(endpoint_url="http://bucket")

    monkeypatch.setattr(snapshots, "read_object", fail)
    with pytest.raises(BucketError):
        read_snapshot(new)
    page = log_in("staff").get(f"/admin/classifier/snapshot/{new.pk}/change/?against={old.pk}")
    assert (page.status_code, "the bucket does not answer" in page.content.decode()) == (200, True)


def test_snapshots_are_for_staff(dataset: None, client: Client) -> None:
    snapshot = take_snapshot()
    for page in ("", f"{snapshot.pk}/change/"):
        address = f"/admin/classifier/snapshot/{page}"
        assert client.get(address).status_code == 302
    reviewer, user = log_in("reviewer"), log_in("user")
    for page in ("", f"{snapshot.pk}/change/"):
        assert reviewer.get(f"/admin/classifier/snapshot/{page}").status_code == 403
        assert user.get(f"/admin/classifier/snapshot/{page}").status_code == 302

"""A photo is stored once, noted once, and erased without a trace."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from accounts.models import User
from classifier import uploads
from classifier.models import Face, IdempotencyKey, ObjectRemoval, Upload
from classifier.predictions import classify_upload, sweep_uploads
from classifier.uploads import IdempotencyMismatch, StorageUnavailable, erase_upload
from fersite.storage import PrivateS3Storage
from tests.fakes import FakePipeline, install, make_result

Take = Callable[..., Any]


def test_photo_is_stored_and_pending(take: Take) -> None:
    taken = take(consent_training=True)
    assert (taken.created, taken.duplicate) == (True, False)
    assert (taken.upload.status, taken.upload.width, taken.upload.consent_training) == ("pending", 64, True)
    assert default_storage.exists(taken.upload.image)
    assert not ObjectRemoval.objects.exists()


def test_same_bytes_give_the_earlier_upload(take: Take) -> None:
    first = take()
    again = take()
    assert (again.upload.pk, again.created, again.duplicate) == (first.upload.pk, False, True)
    assert Upload.objects.count() == 1


def test_another_user_has_an_upload_of_their_own(take: Take) -> None:
    first = take()
    bob = User.objects.create_user("bob", "bob@example.org", "x")
    assert take(owner=bob).upload.pk != first.upload.pk


def test_dead_upload_can_be_handed_in_again(take: Take) -> None:
    first = take()
    Upload.objects.update(status="dead")
    again = take()
    assert again.created
    assert again.upload.pk != first.upload.pk


def test_idempotency_key_names_one_photo_for_a_day(take: Take) -> None:
    first = take(1, idempotency_key="k")
    again = take(1, idempotency_key="k")
    assert (again.upload.pk, again.created, again.duplicate) == (first.upload.pk, False, False)
    with pytest.raises(IdempotencyMismatch):
        take(2, idempotency_key="k")
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert take(2, idempotency_key="k").created


def test_key_of_a_duplicate_counts_too(take: Take) -> None:
    take(1)
    assert take(1, idempotency_key="k").duplicate
    with pytest.raises(IdempotencyMismatch):
        take(2, idempotency_key="k")


def test_failed_row_leaves_no_object(take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(uploads, "_create_upload", fail)
    with pytest.raises(RuntimeError):
        take()
    [noted] = ObjectRemoval.objects.all()
    assert default_storage.exists(noted.key)
    ObjectRemoval.objects.update(due_at=timezone.now())
    sweep_uploads()
    assert not default_storage.exists(noted.key)
    assert not ObjectRemoval.objects.exists()


def test_bucket_that_does_not_answer_takes_nothing_in(take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import EndpointConnectionError

    def refuse(*args: Any) -> None:
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")

    monkeypatch.setattr(PrivateS3Storage, "save", refuse)
    with pytest.raises(StorageUnavailable):
        take()
    assert not Upload.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_erased_upload_leaves_nothing(take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakePipeline(make_result(), make_result()))
    upload = take(idempotency_key="k").upload
    classify_upload(upload.pk)
    keys = [upload.image, *Face.objects.values_list("crop", flat=True)]
    assert len(keys) == 3
    erase_upload(upload=upload)
    assert not any(default_storage.exists(key) for key in keys)
    assert not Upload.objects.exists()
    assert not Face.objects.exists()
    assert not IdempotencyKey.objects.exists()
    assert not ObjectRemoval.objects.exists()
    erase_upload(upload=upload)  # a second request finds nothing to do


@pytest.mark.django_db(transaction=True)
def test_objects_are_erased_later_when_the_bucket_is_away(take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = take().upload

    def refuse(*args: Any) -> None:
        raise ConnectionError

    with monkeypatch.context() as away:
        away.setattr(PrivateS3Storage, "delete", refuse)
        erase_upload(upload=upload)
    assert default_storage.exists(upload.image)
    sweep_uploads()
    assert not default_storage.exists(upload.image)

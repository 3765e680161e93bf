"""An erased photo leaves no row and no object, now or, with the bucket away, as soon as it is back."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from classifier.models import Face, IdempotencyKey, ObjectRemoval, Prediction, Upload
from classifier.photos.erasure import erase_upload
from classifier.photos.intake import Outcome
from classifier.photos.upkeep import sweep_uploads
from classifier.serving.classify import classify_upload
from classifier.storage import objects
from tests.fakes import FakePipeline, install, make_result

Take = Callable[..., Any]


@pytest.mark.django_db(transaction=True)
def test_erased_upload_leaves_nothing(take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakePipeline(make_result(), make_result()))
    upload, other = take(1, idempotency_key="k").upload, take(2).upload
    classify_upload(upload.pk)
    classify_upload(other.pk)
    keys = [upload.image, *upload.faces.values_list("crop", flat=True)]
    assert len(keys) == 3
    erase_upload(upload=upload)
    assert not any(default_storage.exists(key) for key in keys)
    assert not IdempotencyKey.objects.exists()
    assert not ObjectRemoval.objects.exists()
    erase_upload(upload=upload)  # a second request finds nothing to do
    assert Upload.objects.get() == other
    assert Face.objects.count() == Prediction.objects.count() == 2
    assert default_storage.exists(other.image)


@pytest.mark.django_db(transaction=True)
def test_objects_are_erased_later_when_the_bucket_is_away(take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = take().upload

    def refuse(keys: list[str]) -> set[str]:
        raise ConnectionError("away")

    with monkeypatch.context() as away:
        away.setattr(objects, "delete_objects", refuse)
        erase_upload(upload=upload)
    assert not Upload.objects.exists()
    assert default_storage.exists(upload.image)
    due = ObjectRemoval.objects.get().due_at - timezone.now()
    assert due.total_seconds() <= 45  # and a sweep every fifteen seconds: gone within the minute
    ObjectRemoval.objects.update(due_at=timezone.now())
    sweep_uploads()
    assert not default_storage.exists(upload.image)
    assert not ObjectRemoval.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_photo_can_be_handed_in_again(take: Take) -> None:
    first = take(1).upload
    erase_upload(upload=first)
    again = take(1)
    assert again.outcome is Outcome.CREATED
    assert default_storage.exists(again.upload.image)

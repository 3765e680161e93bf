"""A photo is stored once and noted once, whoever else sends it at the same moment; a bucket that is away takes none."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from botocore.config import Config
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone

from classifier.models import ObjectRemoval, Upload
from classifier.photos import intake
from classifier.photos.images import ImageRefused
from classifier.photos.intake import Outcome
from classifier.photos.upkeep import sweep_uploads
from classifier.storage import objects
from classifier.storage.objects import StorageUnavailable
from fersite.s3 import PrivateS3Storage
from tests.factories import make_user
from tests.silence import open_silent_server

Take = Callable[..., Any]


def stored_objects() -> list[str]:
    return default_storage.listdir("uploads")[1]


def test_photo_is_stored_and_pending(take: Take) -> None:
    taken = take(consent_training=True)
    assert taken.outcome is Outcome.CREATED
    assert (taken.upload.status, taken.upload.width, taken.upload.consent_training) == ("pending", 64, True)
    assert default_storage.exists(taken.upload.image)
    assert not ObjectRemoval.objects.exists()


def test_same_bytes_give_the_earlier_upload(take: Take) -> None:
    first = take()
    again = take()
    assert (again.upload.pk, again.outcome) == (first.upload.pk, Outcome.DUPLICATE)
    assert Upload.objects.count() == len(stored_objects()) == 1


def test_another_user_has_an_upload_of_their_own(take: Take) -> None:
    first = take()
    assert take(owner=make_user("bob")).upload.pk != first.upload.pk


def test_dead_upload_can_be_handed_in_again(take: Take) -> None:
    first = take()
    Upload.objects.update(status="dead")
    again = take()
    assert again.outcome is Outcome.CREATED
    assert again.upload.pk != first.upload.pk


def test_refused_photo_leaves_nothing(take: Take) -> None:
    with pytest.raises(ImageRefused):
        take(file=SimpleUploadedFile("notes.txt", b"no photo"))
    assert not Upload.objects.exists()
    assert not ObjectRemoval.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_same_photo_eight_times_at_once_is_one_upload(take: Take) -> None:
    start = threading.Barrier(8)
    taken: list[Any] = []

    def hand_in() -> None:
        try:
            connection.ensure_connection()
            start.wait()
            taken.append(take())
        finally:
            connection.close()

    threads = [threading.Thread(target=hand_in) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 8
    assert Counter(answer.outcome for answer in taken) == {Outcome.DUPLICATE: 7, Outcome.CREATED: 1}
    assert len({answer.upload.pk for answer in taken}) == 1
    assert stored_objects() == [Upload.objects.get().image.removeprefix("uploads/")]
    assert not ObjectRemoval.objects.exists()


def test_failed_row_leaves_no_object(take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(intake, "_create_upload", fail)
    with pytest.raises(RuntimeError):
        take()
    [noted] = ObjectRemoval.objects.all()
    assert default_storage.exists(noted.key)
    ObjectRemoval.objects.update(due_at=timezone.now())
    sweep_uploads()
    assert not default_storage.exists(noted.key)
    assert not ObjectRemoval.objects.exists()


@pytest.mark.parametrize("kind", ["refused", "silent"])
def test_bucket_that_does_not_answer_takes_nothing_in(
    take: Take, monkeypatch: pytest.MonkeyPatch, settings: Any, kind: str
) -> None:
    quick = Config(connect_timeout=0.3, read_timeout=0.3)
    with open_silent_server() as server, monkeypatch.context() as away:
        port = server.port if kind == "silent" else 1
        options = dict(settings.STORAGES["default"]["OPTIONS"], endpoint_url=f"http://127.0.0.1:{port}")
        options["client_config"] = options["client_config"].merge(quick)
        away.setattr(objects, "default_storage", PrivateS3Storage(**options))
        with pytest.raises(StorageUnavailable):
            take()
        # Two tries, with a pause between them: never the minutes that a worker's thread would be lost for.
        assert server.count_callers() <= 2
    assert not Upload.objects.exists()
    assert take().outcome is Outcome.CREATED

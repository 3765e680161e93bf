"""From pending to an answer, to a refusal, or to another try; and never two answers."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from classifier import predictions
from classifier.models import Face, ObjectRemoval, Prediction, Upload, Version
from classifier.predictions import Answer, claim_upload, classify_upload, store_answer, sweep_uploads
from classifier.uploads import erase_upload
from tests.fakes import FakePipeline, install, make_result

Take = Callable[..., Any]
Patch = pytest.MonkeyPatch


def state(upload: Upload) -> tuple[str, str, int]:
    upload.refresh_from_db()
    return upload.status, upload.error, upload.attempts


def test_faces_and_predictions_are_written(upload: Upload, monkeypatch: Patch) -> None:
    install(monkeypatch, FakePipeline(make_result(3), make_result(5, box=(1, 2, 3, 4))))
    classify_upload(upload.pk)
    assert state(upload) == ("done", "", 1)
    assert upload.finished_at is not None
    first, second = Face.objects.order_by("index")
    assert (second.x, second.y, second.width, second.height) == (1, 2, 3, 4)
    assert default_storage.exists(first.crop)
    prediction = first.predictions.get()
    assert (prediction.label, prediction.confidence, prediction.prediction_set) == (3, 0.7, [3])
    assert prediction.ms > 0
    assert not ObjectRemoval.objects.exists()


def test_second_delivery_changes_nothing(upload: Upload, monkeypatch: Patch) -> None:
    pipeline = FakePipeline(make_result())
    install(monkeypatch, pipeline)
    classify_upload(upload.pk)
    classify_upload(upload.pk)
    assert pipeline.photos == 1
    assert Prediction.objects.count() == 1


def test_no_face_is_no_guess(upload: Upload, monkeypatch: Patch) -> None:
    install(monkeypatch, FakePipeline())
    classify_upload(upload.pk)
    assert state(upload) == ("no_face", "", 1)
    assert not Face.objects.exists()


def test_unreadable_photo_is_rejected_for_good(upload: Upload, monkeypatch: Patch) -> None:
    install(monkeypatch, FakePipeline(make_result()))
    default_storage.delete(upload.image)
    default_storage.save(upload.image, ContentFile(b"not a photo"))
    classify_upload(upload.pk)
    assert state(upload) == ("rejected", "unreadable_image", 1)


def test_missing_photo_is_rejected(upload: Upload, monkeypatch: Patch) -> None:
    install(monkeypatch, FakePipeline(make_result()))
    default_storage.delete(upload.image)
    classify_upload(upload.pk)
    assert state(upload) == ("rejected", "photo_missing", 1)


@pytest.mark.parametrize("error", [ConnectionError("away"), RuntimeError("poison")])
def test_failures_wait_longer_each_time_and_end_dead(
    take: Take, monkeypatch: Patch, settings: Any, error: Exception
) -> None:
    poison, sound = take(1).upload, take(2).upload
    install(monkeypatch, FakePipeline(error=error))
    for attempt in (1, 2):
        before = timezone.now()
        classify_upload(poison.pk)
        assert state(poison) == ("pending", "", attempt)
        wait = timedelta(seconds=settings.FERSITE_RETRY_SECONDS * 2 ** (attempt - 1))
        assert wait <= poison.due_at - before < wait + timedelta(seconds=2)
    classify_upload(poison.pk)
    assert state(poison) == ("dead", "attempts_exhausted", 3)
    classify_upload(poison.pk)
    assert state(poison) == ("dead", "attempts_exhausted", 3)
    install(monkeypatch, FakePipeline(make_result()))
    classify_upload(sound.pk)
    assert state(sound)[0] == "done"


def test_lease_keeps_others_out_until_it_lapses(upload: Upload) -> None:
    assert claim_upload(upload.pk) is not None
    assert claim_upload(upload.pk) is None
    Upload.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    again = claim_upload(upload.pk)
    assert again is not None
    assert again.attempts == 2


def test_worker_that_lost_its_lease_writes_nothing(upload: Upload, monkeypatch: Patch) -> None:
    install(monkeypatch, FakePipeline(make_result()))
    slow = claim_upload(upload.pk)
    assert slow is not None
    Upload.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    classify_upload(upload.pk)
    version = Version.objects.get()
    store_answer(slow, Answer(version, [make_result(0)], 1.0))
    assert [row.label for row in Prediction.objects.all()] == [3]
    assert not ObjectRemoval.objects.exists()


def test_photo_erased_meanwhile_is_harmless(upload: Upload, monkeypatch: Patch) -> None:
    install(monkeypatch, FakePipeline(make_result()))
    running = claim_upload(upload.pk)
    assert running is not None
    erase_upload(upload=upload)
    version = Version.objects.get()
    store_answer(running, Answer(version, [make_result()], 1.0))
    assert not Face.objects.exists()
    assert not ObjectRemoval.objects.filter(key__startswith="faces/").exists()
    classify_upload(upload.pk)


def test_sweeper_hands_out_what_was_lost(take: Take, monkeypatch: Patch) -> None:
    sent: list[Any] = []

    def send(pk: Any) -> bool:
        sent.append(pk)
        return True

    monkeypatch.setattr(predictions, "enqueue_upload", send)
    fresh, lost, left, done = (take(number).upload for number in range(4))
    past = timezone.now() - timedelta(seconds=1)
    Upload.objects.filter(pk=lost.pk).update(due_at=past)
    Upload.objects.filter(pk=left.pk).update(status="running", claimed_until=past, attempts=1, due_at=None)
    Upload.objects.filter(pk=done.pk).update(status="done", due_at=None)
    assert sweep_uploads() == 2
    assert set(sent) == {lost.pk, left.pk}
    sent.clear()
    sweep_uploads()
    assert lost.pk not in sent
    assert fresh.pk not in sent


def test_sweeper_buries_what_failed_too_often(upload: Upload) -> None:
    past = timezone.now() - timedelta(seconds=1)
    Upload.objects.update(status="running", claimed_until=past, attempts=3, due_at=None)
    sweep_uploads()
    assert state(upload) == ("dead", "attempts_exhausted", 3)

"""From pending to an answer, to a refusal, or to another try; and never two answers."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ReadTimeoutError
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, connections
from django.utils import timezone

from classifier.models import Face, ObjectRemoval, Prediction, Upload
from classifier.serving.classify import classify_upload
from classifier.serving.network import NoChampion
from classifier.storage.codec import read_crop
from fersite.s3 import read_object
from ml.artifacts import ArtifactError
from ml.quality import measure_brightness, measure_sharpness
from tests.fakes import FakePipeline, install, make_result

Take = Callable[..., Any]
Patch = pytest.MonkeyPatch
SLACK = timedelta(seconds=2)


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
    assert prediction.ms == upload.ms
    assert prediction.ms > 0
    assert not ObjectRemoval.objects.exists()


def test_brightness_and_sharpness_are_those_of_the_stored_crops(upload: Upload, monkeypatch: Patch) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2, 48, 48), dtype=np.uint8)
    install(monkeypatch, FakePipeline(*(replace(make_result(), crop=crop) for crop in noise)))
    classify_upload(upload.pk)
    faces = Face.objects.order_by("index")
    crops = np.stack([read_crop(read_object(face.crop) or b"") for face in faces])
    assert [face.brightness for face in faces] == pytest.approx(measure_brightness(crops))
    assert [face.sharpness for face in faces] == pytest.approx(measure_sharpness(crops))
    assert faces[0].sharpness != faces[1].sharpness


@pytest.mark.parametrize("values", [{"brightness": 1.1}, {"brightness": -0.1}, {"sharpness": -1.0}])
def test_impossible_brightness_and_sharpness_are_refused(
    upload: Upload, monkeypatch: Patch, values: dict[str, float]
) -> None:
    install(monkeypatch, FakePipeline(make_result()))
    classify_upload(upload.pk)
    with pytest.raises(IntegrityError):
        Face.objects.update(**values)


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


def test_poison_waits_longer_each_time_ends_dead_and_the_queue_goes_on(
    take: Take, monkeypatch: Patch, settings: Any
) -> None:
    poison, sound = take(1).upload, take(2).upload
    install(monkeypatch, FakePipeline(error=RuntimeError("poison")))
    for attempt in range(1, settings.FERSITE_MAX_ATTEMPTS):
        before = timezone.now()
        classify_upload(poison.pk)
        assert state(poison) == ("pending", "", attempt)
        wait = timedelta(seconds=settings.FERSITE_RETRY_SECONDS * 2 ** (attempt - 1))
        assert wait <= poison.due_at - before < wait + SLACK
    for _ in range(2):
        classify_upload(poison.pk)
        assert state(poison) == ("dead", "attempts_exhausted", settings.FERSITE_MAX_ATTEMPTS)
    install(monkeypatch, FakePipeline(make_result()))
    classify_upload(sound.pk)
    assert state(sound)[0] == "done"


@pytest.mark.parametrize(
    "error",
    [
        ConnectionError("away"),
        ReadTimeoutError(endpoint_url="http://127.0.0.1"),
        NoChampion("none"),
        ArtifactError("damaged"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_outage_uses_up_no_attempt(upload: Upload, monkeypatch: Patch, settings: Any, error: Exception) -> None:
    """Photos that came in while something was away are classified once it is back, however long it took."""
    install(monkeypatch, FakePipeline(error=error))
    for minutes, wait in [(0, settings.FERSITE_RETRY_SECONDS), (0.5, 30), (5, 60), (600, 60)]:
        Upload.objects.update(created_at=timezone.now() - timedelta(minutes=minutes))
        before = timezone.now()
        classify_upload(upload.pk)
        assert state(upload) == ("pending", "", 0)
        assert upload.due_at is not None
        assert timedelta(seconds=wait) <= upload.due_at - before < timedelta(seconds=wait) + SLACK
    install(monkeypatch, FakePipeline(make_result()))
    classify_upload(upload.pk)
    assert state(upload) == ("done", "", 1)


@pytest.mark.django_db(transaction=True)
def test_lost_database_connection_is_an_outage(take: Take, monkeypatch: Patch) -> None:
    """PostgreSQL ends our connection while the network computes: a new one gives the photo back at once."""
    upload = take().upload

    class Restart(FakePipeline):
        def predict_photo(self, photo: Any) -> Any:
            with connection.cursor() as cursor:
                cursor.execute("select pg_backend_pid()")
                [pid] = cursor.fetchone()
            other = connections.create_connection("default")
            with other.cursor() as cursor:
                cursor.execute("select pg_terminate_backend(%s)", [pid])
            other.close()
            return super().predict_photo(photo)

    install(monkeypatch, Restart(make_result()))
    classify_upload(upload.pk)
    assert state(upload) == ("pending", "", 0)
    install(monkeypatch, FakePipeline(make_result()))
    classify_upload(upload.pk)
    assert state(upload) == ("done", "", 1)
    assert Prediction.objects.count() == 1

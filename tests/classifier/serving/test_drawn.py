"""Faces drawn by hand: which boxes are taken, how a worker classifies them, and that none is lost or left behind."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from classifier import jobs
from classifier.answers.corrections import NotReadyError, give_answer
from classifier.models import Face, ObjectRemoval, Prediction, Upload, choose_prediction
from classifier.photos import drawing
from classifier.photos.drawing import Box, BoxRefused, draw_face, measure_overlap
from classifier.photos.erasure import erase_upload
from classifier.serving import drawn
from classifier.serving.classify import classify_upload
from classifier.serving.drawn import classify_face, sweep_faces
from classifier.serving.network import NoChampion
from tests.fakes import FakePipeline, install, make_result

Take = Callable[..., Any]
Patch = pytest.MonkeyPatch
BOX = Box(30, 10, 20, 30)


@pytest.fixture
def sent(monkeypatch: Patch) -> list[Any]:
    """What was sent to the broker; a broker that takes everything."""
    pks: list[Any] = []

    def take_all(task: str, pk: Any, **options: Any) -> bool:
        if task == jobs.FACES.task:
            pks.append(pk)
        return True

    monkeypatch.setattr(jobs, "send_task", take_all)
    return pks


@pytest.fixture
def faceless(upload: Upload, monkeypatch: Patch) -> Upload:
    """64 × 64 pixels in which the network found no face."""
    install(monkeypatch, FakePipeline())
    classify_upload(upload.pk)
    upload.refresh_from_db()
    assert upload.status == "no_face"
    return upload


def list_crops() -> list[str]:
    try:
        return default_storage.listdir("faces")[1]
    except FileNotFoundError:
        return []


@pytest.mark.django_db(transaction=True)
def test_a_drawn_face_is_sent_and_classified(faceless: Upload, sent: list[Any], monkeypatch: Patch) -> None:
    face = draw_face(upload=faceless, box=BOX)
    assert sent == [face.pk]
    assert (face.origin, face.score, face.crop, face.index) == ("drawn", 1.0, "", 0)
    assert (face.brightness, face.sharpness) == (None, None)
    pipeline = FakePipeline(make_result(5))
    install(monkeypatch, pipeline)
    classify_face(face.pk)
    assert pipeline.square == (40, 25, 30)  # the centre of the box, and its larger side
    face.refresh_from_db()
    assert default_storage.exists(face.crop)
    assert (face.brightness, face.sharpness) == (100 / 255, 0)  # of a crop that is all grey
    assert face.due_at is None
    assert (face.predictions.get().label, choose_prediction(face)) == (5, face.predictions.get())
    faceless.refresh_from_db()
    assert faceless.status == "done"
    assert not ObjectRemoval.objects.exists()

    classify_face(face.pk)  # delivered twice
    assert (pipeline.photos, Prediction.objects.count(), len(list_crops())) == (1, 1, 1)

    erase_upload(upload=faceless)
    assert list_crops() == []


def test_two_workers_at_once_write_once(faceless: Upload, monkeypatch: Patch) -> None:
    face = draw_face(upload=faceless, box=BOX)

    class Slow(FakePipeline):
        def predict_square(self, *args: Any, **options: Any) -> Any:
            install(monkeypatch, FakePipeline(make_result()))
            Face.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
            classify_face(face.pk)  # the other worker, meanwhile
            return make_result(4)

    install(monkeypatch, Slow())
    classify_face(face.pk)
    assert [prediction.label for prediction in Prediction.objects.all()] == [3]
    assert len(list_crops()) == 1


def test_erased_meanwhile(faceless: Upload, monkeypatch: Patch) -> None:
    face = draw_face(upload=faceless, box=BOX)

    class Slow(FakePipeline):
        def predict_square(self, *args: Any, **options: Any) -> Any:
            erase_upload(upload=faceless)
            return make_result()

    install(monkeypatch, Slow())
    classify_face(face.pk)
    assert not Face.objects.exists()
    assert list_crops() == []
    assert not ObjectRemoval.objects.filter(key="").exists()


@pytest.mark.parametrize(
    ("box", "code"),
    [
        (Box(-1, 0, 20, 20), "box_outside"),
        (Box(45, 0, 20, 20), "box_outside"),
        (Box(0, 45, 20, 20), "box_outside"),
        (Box(0, 0, 2**40, 20), "box_outside"),
        (Box(0, 0, 15, 40), "box_too_small"),
        (Box(0, 0, 40, -20), "box_too_small"),
        (Box(31, 11, 20, 30), "box_taken"),
    ],
)
def test_boxes_that_are_refused(faceless: Upload, box: Box, code: str) -> None:
    draw_face(upload=faceless, box=BOX)
    with pytest.raises(BoxRefused) as refused:
        draw_face(upload=faceless, box=box)
    assert refused.value.code == code
    assert str(refused.value)
    assert Face.objects.count() == 1


def test_a_photo_has_room_for_so_many(faceless: Upload) -> None:
    Upload.objects.update(width=5000)
    for number in range(drawing.MAX_DRAWN):
        assert draw_face(upload=faceless, box=Box(100 * number, 0, 20, 20)).index == number
    with pytest.raises(BoxRefused) as refused:
        draw_face(upload=faceless, box=Box(4000, 0, 20, 20))
    assert refused.value.code == "too_many_boxes"


@pytest.mark.parametrize("status", ["pending", "rejected", "dead"])
def test_only_photos_that_were_looked_at(upload: Upload, status: str) -> None:
    Upload.objects.update(status=status)
    with pytest.raises(NotReadyError):
        draw_face(upload=upload, box=BOX)


def test_no_answer_about_a_face_before_the_networks(upload: Upload) -> None:
    Upload.objects.update(status="done")
    face = draw_face(upload=upload, box=BOX)
    with pytest.raises(NotReadyError):
        give_answer(face=face, author=upload.owner, answer=3, asked="api", prediction=None)


def test_overlap() -> None:
    assert measure_overlap(Box(0, 0, 10, 10), Box(0, 0, 10, 10)) == 1
    assert measure_overlap(Box(0, 0, 10, 10), Box(5, 0, 10, 10)) == pytest.approx(1 / 3)
    assert measure_overlap(Box(0, 0, 10, 10), Box(10, 10, 10, 10)) == 0


def test_lost_faces_are_sent_again(faceless: Upload, sent: list[Any], monkeypatch: Patch) -> None:
    face = draw_face(upload=faceless, box=BOX)
    assert sweep_faces() == 0  # the broker still has time
    Face.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    assert (sweep_faces(), sent) == (1, [face.pk])
    assert sweep_faces() == 0

    monkeypatch.setattr(jobs, "send_task", lambda *args, **options: False)
    jobs.hand_over(jobs.FACES, face.pk)
    monkeypatch.setattr(jobs, "send_task", lambda *args, **options: True)
    assert sweep_faces() == 1


def test_poison_is_given_up(faceless: Upload, sent: list[Any], monkeypatch: Patch, settings: Any) -> None:
    face = draw_face(upload=faceless, box=BOX)
    install(monkeypatch, FakePipeline(error=RuntimeError("poison")))
    for attempt in range(1, settings.FERSITE_MAX_ATTEMPTS + 1):
        face.refresh_from_db()
        assert face.due_at is not None
        classify_face(face.pk)
        face.refresh_from_db()
        assert face.attempts == attempt
    assert (face.due_at, face.crop) == (None, "")
    assert Upload.objects.get().status == "no_face"


def test_a_face_that_was_given_up_blocks_no_place(faceless: Upload, sent: list[Any], monkeypatch: Patch) -> None:
    Upload.objects.update(width=5000)
    for number in range(drawing.MAX_DRAWN):
        draw_face(upload=faceless, box=Box(100 * number, 0, 20, 20))
    Face.objects.update(due_at=None)
    again = draw_face(upload=faceless, box=Box(1, 0, 20, 20))
    assert not Face.objects.filter(index=0).exists()  # the one in vain has gone
    assert Face.objects.count() == drawing.MAX_DRAWN
    install(monkeypatch, FakePipeline(make_result(5)))
    classify_face(again.pk)
    assert again.predictions.get().label == 5


def test_a_worker_that_was_killed_each_time_is_not_sent_for_ever(faceless: Upload, settings: Any) -> None:
    draw_face(upload=faceless, box=BOX)
    Face.objects.update(due_at=timezone.now(), attempts=settings.FERSITE_MAX_ATTEMPTS)
    assert sweep_faces() == 0
    assert Face.objects.get().due_at is None


def test_an_outage_costs_no_attempt(faceless: Upload, monkeypatch: Patch) -> None:
    face = draw_face(upload=faceless, box=BOX)
    install(monkeypatch, FakePipeline(error=NoChampion("none")))
    classify_face(face.pk)
    face.refresh_from_db()
    assert (face.attempts, face.due_at is None) == (0, False)


@pytest.mark.parametrize("content", [None, b"not a photo"])
def test_a_photo_that_is_gone_or_damaged(faceless: Upload, monkeypatch: Patch, content: bytes | None) -> None:
    face = draw_face(upload=faceless, box=BOX)
    default_storage.delete(faceless.image)
    if content:
        default_storage.save(faceless.image, ContentFile(content))
    install(monkeypatch, FakePipeline(make_result()))
    classify_face(face.pk)
    face.refresh_from_db()
    assert (face.due_at, face.crop) == (None, "")


@pytest.mark.tensorflow
def test_the_real_network_sees_the_same_in_the_same_square(take: Take) -> None:
    """A box as large as what the finder cuts, in its place, gives (nearly) its answer."""
    from classifier.training.registry import register_version
    from ml.artifacts import default_artifact

    register_version(path=default_artifact(), promote=True, reason="test")
    upload = take(1).upload
    Upload.objects.update(status="no_face")
    face = draw_face(upload=upload, box=Box(8, 4, 44, 44))
    drawn.classify_face(face.pk)
    prediction = face.predictions.get()
    assert prediction.get_label_display() == "happy"
    assert sum(prediction.probabilities) == pytest.approx(1)
    assert prediction.label in prediction.prediction_set

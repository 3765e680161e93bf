"""Some photos are asked before the network's answer is shown, and nothing on the way tells it."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from classifier.answers.corrections import give_answer
from classifier.models import Correction, Face, Upload
from classifier.photos.intake import take_upload
from classifier.review.decisions import reject_answer
from tests.api.rows import make_face, make_prediction, make_upload, make_version
from tests.photos import make_portrait

SCRIPT = {"accept": "application/json"}


@pytest.fixture
def faces(ada: User) -> list[Face]:
    upload = make_upload(ada, asked_blind=True)
    version = make_version("1.0.0")
    faces = [make_face(upload, index) for index in range(2)]
    for face in faces:
        make_prediction(face, version, label=1)
    return faces


def read(client: Client, faces: list[Face]) -> str:
    return " ".join(client.get(f"/uploads/{faces[0].upload_id}/").content.decode().split())


def test_the_page_asks_and_tells_nothing(owner: Client, faces: list[Face]) -> None:
    page = read(owner, faces)
    assert "What do you see?" in page
    assert page.count("What does this face show?") == 2
    for leak in ("disgusted", "confident", "70 %", "Could also be", "Yes, "):
        assert leak not in page, leak
    state = owner.get(f"/uploads/{faces[0].upload_id}/state").json()
    assert "disgusted" not in state["html"] + state["announcement"]
    listed = owner.get("/uploads/").content.decode()
    assert "waits for your answer" in listed
    assert "70 %" not in listed
    assert "No photo matches" in owner.get("/uploads/?label=disgust").content.decode()
    assert Upload.objects.get().revealed_at is None


def test_when_all_faces_are_answered_it_is_revealed(owner: Client, faces: list[Face]) -> None:
    answers = [owner.post(f"/faces/{face.pk}/answer", {"answer": "sad"}, headers=SCRIPT).json() for face in faces]
    assert [answer["revealed"] for answer in answers] == [False, True]
    assert answers[1]["html"].count("appears <strong>disgusted") == 2
    assert (answers[1]["state"], answers[1]["finished"]) == ("done", True)
    assert "face 2 appears disgusted" in answers[1]["announcement"]
    assert "disgust" not in answers[0]["html"].replace('value="disgust"', "").replace(">disgust <kbd>", "")
    page = read(owner, faces)
    assert page.count("appears <strong>disgusted") == 2
    assert page.count("You said: sad.") == 2
    assert set(Correction.objects.values_list("blind", flat=True)) == {True}

    owner.post(f"/faces/{faces[0].pk}/answer", {"answer": "fear"}, headers=SCRIPT)
    assert Correction.objects.pending().get(face=faces[0]).blind is False


def test_who_decided_about_another_answer_is_not_blind(ada: User, bob: User, owner: Client, faces: list[Face]) -> None:
    Upload.objects.update(consent_training=True)
    said = give_answer(face=faces[0], author=bob, answer=4, asked="random", prediction=faces[0].predictions.get())
    reject_answer(correction=said, reviewer=ada, reason="no")
    for face in faces:
        owner.post(f"/faces/{face.pk}/answer", {"answer": "sad"}, headers=SCRIPT)
    given = dict(Correction.objects.filter(author=ada).values_list("face", "blind"))
    assert given == {faces[0].pk: False, faces[1].pk: True}


def test_who_would_rather_see_the_answer(owner: Client, stranger: Client, faces: list[Face]) -> None:
    address = f"/uploads/{faces[0].upload_id}/answers"
    assert stranger.post(address).status_code == 404
    assert owner.get(address).status_code == 405
    assert owner.post(address).status_code == 302
    assert "appears <strong>disgusted" in read(owner, faces)
    owner.post(f"/faces/{faces[0].pk}/answer", {"answer": "disgust"}, headers=SCRIPT)
    assert Correction.objects.get().blind is False


@pytest.mark.parametrize("path", ["/api/v1/uploads/", "/api/v1/uploads/{upload}/", "/api/v1/faces/{face}/explanation/"])
def test_the_interface_shows_it_and_then_it_is_not_blind(ada: User, faces: list[Face], path: str) -> None:
    client = APIClient()
    client.force_authenticate(ada)
    client.get(path.format(upload=faces[0].upload_id, face=faces[0].pk))
    assert Upload.objects.get().revealed_at is not None


@pytest.mark.parametrize(("percent", "source", "asked"), [(100, "page", True), (0, "page", False), (100, "api", False)])
def test_how_many_are_asked(ada: User, settings: object, percent: int, source: str, asked: bool) -> None:
    settings.FERSITE_BLIND_PERCENT = percent  # type: ignore[attr-defined]
    photo = SimpleUploadedFile("ada.jpg", make_portrait())
    taken = take_upload(owner=ada, file=photo, source=source)
    assert taken.upload.asked_blind is asked

"""The map on the result page: asked for with and without a script, shown to the owner alone."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from classifier.models import Explanation, Face
from tests.api.rows import make_face, make_prediction, make_upload, make_version


@pytest.fixture
def face(ada: User, monkeypatch: pytest.MonkeyPatch) -> Face:
    monkeypatch.setattr("classifier.photos.explanations.enqueue_explanation", lambda pk: True)
    face = make_face(make_upload(ada))
    make_prediction(face, make_version("1.0.0"))
    return face


def test_without_a_script(owner: Client, face: Face) -> None:
    page = f"/uploads/{face.upload_id}/"
    assert "What did the network look at?" in owner.get(page).content.decode()
    asked = owner.post(f"/faces/{face.pk}/explanation", headers={"accept": "text/html"})
    assert (asked.status_code, asked["location"]) == (302, f"{page}#face-1")
    assert "Being computed: look again" in owner.get(page).content.decode()
    Explanation.objects.update(status="done", evidence=[[-1.0] * 6] * 5 + [[0.0, 0.5, 2.0, 1.0, 0.0, 0.0]])
    shown = owner.get(page).content.decode()
    assert 'src="data:image/png;base64,' in shown
    assert "most in the picture’s lower middle" in shown
    assert "A rough map of 6 × 6 places" in shown
    assert "style=" not in shown
    assert "nothing about the person" in shown


def test_with_a_script(owner: Client, face: Face) -> None:
    address, json = f"/faces/{face.pk}/explanation", {"accept": "application/json"}
    assert owner.post(address, headers=json).json()["state"] == "pending"
    Explanation.objects.update(status="failed", error="not_explainable")
    answer = owner.get(address, headers=json).json()
    assert answer["state"] == "failed"
    assert "cannot show what it looked at" in answer["html"]


def test_a_face_without_an_answer(owner: Client, ada: User) -> None:
    assert owner.post(f"/faces/{make_face(make_upload(ada)).pk}/explanation").status_code == 404


def test_strangers_and_anonymous(stranger: Client, anonymous: Client, face: Face) -> None:
    address = f"/faces/{face.pk}/explanation"
    assert stranger.post(address).status_code == 404
    assert stranger.get(address, headers={"accept": "application/json"}).status_code == 404
    refused = anonymous.post(address)
    assert (refused.status_code, refused["location"].split("?")[0]) == (302, "/accounts/login/")
    assert not Explanation.objects.exists()


def test_the_result_page_asks_no_more_questions(owner: Client, face: Face, django_assert_max_num_queries: Any) -> None:
    page = f"/uploads/{face.upload_id}/"
    with django_assert_max_num_queries(8):
        owner.get(page)

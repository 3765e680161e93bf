"""Confirming and correcting over HTTP: appended, shown with the face, taken back; and nobody else's."""

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from classifier.answers.corrections import give_answer
from classifier.models import Correction, Face
from fersite.rates import check_answer_rate
from tests.api.rows import check_problem, make_face, make_prediction, make_upload, make_version


@pytest.fixture
def face(ada: User) -> Face:
    face = make_face(make_upload(ada))
    make_prediction(face, make_version("1.0.0"))
    return face


def address(face: Face) -> str:
    return f"/api/v1/faces/{face.pk}/corrections/"


@pytest.mark.parametrize("label", ["angry", "happy", "neutral", "unclear", "not_a_face"])
def test_an_answer_is_kept_and_shown(owner: APIClient, face: Face, label: str) -> None:
    response = owner.post(address(face), {"label": label}, format="json")
    assert response.status_code == 201
    answer = response.json()
    assert (answer["label"], answer["state"], answer["reason"]) == (label, "pending", "")
    assert answer["final_label"] is None
    assert owner.get(f"/api/v1/uploads/{face.upload_id}/").json()["faces"][0]["correction"] == answer

    correction = Correction.objects.get()
    assert (correction.asked, correction.blind, correction.prediction) == ("api", False, face.predictions.get())


def test_the_latest_answer_that_stands_is_shown(owner: APIClient, face: Face) -> None:
    for label in ("sad", "fear"):
        latest = owner.post(address(face), {"label": label}).json()
    shown = owner.get(f"/api/v1/uploads/{face.upload_id}/").json()["faces"][0]["correction"]
    assert (shown["id"], shown["label"]) == (latest["id"], "fear")
    assert [row.state for row in Correction.objects.order_by("id")] == ["withdrawn", "pending"]


def test_the_owner_sees_what_a_reviewer_made_of_it(owner: APIClient, face: Face) -> None:
    owner.post(address(face), {"label": "happy"})
    Correction.objects.update(state="approved", final_label=4)
    shown = owner.get(f"/api/v1/uploads/{face.upload_id}/").json()["faces"][0]["correction"]
    assert (shown["label"], shown["state"], shown["final_label"]) == ("happy", "approved", "sad")


def test_taken_back_while_pending_only(owner: APIClient, face: Face) -> None:
    answer = owner.post(address(face), {"label": "sad"}).json()
    assert owner.delete(f"/api/v1/corrections/{answer['id']}/").status_code == 204
    assert owner.get(f"/api/v1/uploads/{face.upload_id}/").json()["faces"][0]["correction"] is None
    again = owner.delete(f"/api/v1/corrections/{answer['id']}/")
    assert (again.status_code, again.json()["code"]) == (409, "already_reviewed")


@pytest.mark.parametrize("body", [{}, {"label": "cheerful"}, {"label": 3}, {"label": None}, {"label": ["sad"]}])
def test_an_unknown_label_is_named(owner: APIClient, face: Face, body: object) -> None:
    response = owner.post(address(face), body, format="json")
    assert (response.status_code, response.json()["code"]) == (400, "invalid_field")
    assert "label" in response.json()["errors"]
    assert not Correction.objects.exists()


def test_a_photo_that_is_not_done_is_not_ready(owner: APIClient, ada: User) -> None:
    face = make_face(make_upload(ada, status="pending"))
    response = owner.post(address(face), {"label": "sad"})
    assert (response.status_code, response.json()["code"]) == (409, "not_ready")


def test_anothers_do_not_exist(owner: APIClient, stranger: APIClient, face: Face) -> None:
    assert stranger.post(address(face), {"label": "sad"}).status_code == 404
    answer = owner.post(address(face), {"label": "sad"}).json()
    assert stranger.delete(f"/api/v1/corrections/{answer['id']}/").status_code == 404
    assert Correction.objects.get().state == "pending"


def test_anonymous(anonymous: APIClient, face: Face) -> None:
    assert anonymous.post(address(face), {"label": "sad"}).status_code == 401
    assert anonymous.delete("/api/v1/corrections/1/").status_code == 401


def test_only_these_methods(owner: APIClient, face: Face) -> None:
    assert owner.get(address(face)).status_code == 405
    assert owner.get("/api/v1/corrections/1/").status_code == 405


def test_answers_are_limited_by_the_hour(
    owner: APIClient, stranger: APIClient, ada: User, face: Face, settings: Settings
) -> None:
    settings.FERSITE_ANSWERS_PER_HOUR = 2
    first = owner.post(address(face), {"label": "sad"})
    assert first.status_code == 201
    assert check_answer_rate(ada) is None  # on a page
    refused = owner.post(address(face), {"label": "fear"})
    check_problem(refused, 429, "throttled")
    assert 3590 <= int(refused["Retry-After"]) <= 3600
    assert Correction.objects.get().state == "pending"
    assert owner.delete(f"/api/v1/corrections/{first.json()['id']}/").status_code == 204
    assert stranger.post(address(face), {"label": "fear"}).status_code == 404
    give_answer(face=face, author=ada, answer=1, asked="result", prediction=None)  # simulations are not limited

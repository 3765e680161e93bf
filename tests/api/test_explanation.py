"""What the network looked at, over HTTP: asked for, read, and nobody else's."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from classifier.models import Explanation, Face
from tests.api.rows import make_face, make_prediction, make_upload, make_version

ROWS = [[0.5] * 6] * 6


@pytest.fixture
def face(ada: User) -> Face:
    face = make_face(make_upload(ada))
    make_prediction(face, make_version("1.0.0"))
    return face


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    tasks: list[Any] = []
    monkeypatch.setattr("classifier.photos.explanations.enqueue_explanation", tasks.append)
    return tasks


def address(face: Face) -> str:
    return f"/api/v1/faces/{face.pk}/explanation/"


@pytest.mark.django_db(transaction=True)
def test_asked_for_then_read(owner: APIClient, face: Face, sent: list[Any]) -> None:
    assert owner.get(address(face)).status_code == 404
    asked = owner.post(address(face))
    assert asked.status_code == 202
    assert asked.json() == {
        "status": "pending", "label": "happy", "version": "1.0.0", "evidence": None, "error": None,
    }  # fmt: skip
    explanation = Explanation.objects.get()
    assert sent == [explanation.pk]
    owner.post(address(face))
    assert sent == [explanation.pk] * 2  # a lost message is sent again

    Explanation.objects.update(status="done", evidence=ROWS)
    assert owner.get(address(face)).json()["evidence"] == ROWS
    again = owner.post(address(face))
    assert (again.status_code, again.json()["status"]) == (200, "done")
    assert len(sent) == 2


def test_a_face_without_an_answer_is_not_ready(owner: APIClient, ada: User) -> None:
    response = owner.post(address(make_face(make_upload(ada))))
    assert response.status_code == 409
    assert response.json()["code"] == "not_ready"


def test_anothers_face_does_not_exist(stranger: APIClient, face: Face) -> None:
    for method in (stranger.get, stranger.post):
        assert method(address(face)).status_code == 404
    assert not Explanation.objects.exists()


def test_anonymous(anonymous: APIClient, face: Face) -> None:
    for method in (anonymous.get, anonymous.post):
        assert method(address(face)).status_code == 401

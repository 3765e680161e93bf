"""GET /uploads/{id}/: the state, a signed link and the faces, for the owner alone."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
import urllib3
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from classifier.models import Upload
from tests.api.rows import URL, check_problem, make_face, make_prediction, make_upload, make_version


def test_complete_answer(owner: APIClient, ada: User) -> None:
    upload = make_upload(ada)
    face = make_face(upload)
    make_prediction(face, make_version("1.0.0"))
    response = owner.get(f"{URL}{upload.pk}/")
    assert response.status_code == 200
    assert response["Cache-Control"] == "private, no-store"
    body = response.json()
    link = body.pop("image")
    assert "X-Amz-Expires=300" in link
    assert datetime.fromisoformat(body.pop("created_at")) == upload.created_at
    assert body == {
        "id": str(upload.pk),
        "status": "done",
        "error": None,
        "faces": [
            {
                "id": str(face.pk),
                "box": {"x": 10, "y": 20, "width": 30, "height": 40},
                "prediction": {
                    "label": "happy",
                    "confidence": 0.7,
                    "probabilities": {
                        "angry": 0.05,
                        "disgust": 0.05,
                        "fear": 0.05,
                        "happy": 0.7,
                        "sad": 0.05,
                        "surprise": 0.05,
                        "neutral": 0.05,
                    },
                    "set": ["happy", "neutral"],
                    "version": "1.0.0",
                    "ms": 41.5,
                },
                "correction": None,
            }
        ],
    }


def test_stranger_and_anonymous(stranger: APIClient, anonymous: APIClient, ada: User) -> None:
    address = f"{URL}{make_upload(ada).pk}/"
    check_problem(stranger.get(address), 404, "not_found")
    check_problem(anonymous.get(address), 401, "not_authenticated")


def test_unknown_id_looks_like_anothers(stranger: APIClient, ada: User) -> None:
    bodies = [stranger.get(f"{URL}{pk}/").json() | {"instance": ""} for pk in (make_upload(ada).pk, uuid4())]
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize("status", ["pending", "rejected", "dead"])
def test_no_prediction_until_done(owner: APIClient, ada: User, status: str) -> None:
    upload = make_upload(ada, status=status, error="timed_out")
    make_prediction(make_face(upload), make_version("1.0.0"))
    body = owner.get(f"{URL}{upload.pk}/").json()
    assert body["status"] == status
    assert body["error"] == "timed_out"
    assert body["faces"][0]["prediction"] is None


def test_the_champion_speaks(owner: APIClient, ada: User) -> None:
    upload = make_upload(ada)
    face = make_face(upload)
    make_prediction(face, make_version("1.0.0", "champion"), label=0)
    make_prediction(face, make_version("1.1.0", "candidate"), label=1)
    prediction = owner.get(f"{URL}{upload.pk}/").json()["faces"][0]["prediction"]
    assert (prediction["version"], prediction["label"]) == ("1.0.0", "angry")


def test_else_the_version_that_answered_last(owner: APIClient, ada: User) -> None:
    upload = make_upload(ada)
    face = make_face(upload)
    make_prediction(face, make_version("1.0.0", "retired"), label=0)
    make_prediction(face, make_version("1.1.0", "retired"), label=1)
    make_version("1.2.0", "champion")
    assert owner.get(f"{URL}{upload.pk}/").json()["faces"][0]["prediction"]["version"] == "1.1.0"


def test_link_opens_the_photo(owner: APIClient, ada: User) -> None:
    upload = make_upload(ada)
    Upload.objects.filter(pk=upload.pk).update(image=default_storage.save("uploads/a.jpg", ContentFile(b"pixels")))
    link = owner.get(f"{URL}{upload.pk}/").json()["image"]
    assert urllib3.request("GET", link, timeout=5).data == b"pixels"
    assert urllib3.request("GET", link.split("?")[0], timeout=5).status == 403


@pytest.mark.parametrize("faces", [1, 9])
def test_queries(owner: APIClient, ada: User, django_assert_num_queries: DjangoAssertNumQueries, faces: int) -> None:
    upload, version = make_upload(ada), make_version("1.0.0")
    for index in range(faces):
        make_prediction(make_face(upload, index), version)
    with django_assert_num_queries(5):  # token with user; upload; faces; predictions with versions; answers
        owner.get(f"{URL}{upload.pk}/")


def test_times_are_utc(owner: APIClient, ada: User) -> None:
    text = owner.get(f"{URL}{make_upload(ada).pk}/").json()["created_at"]
    assert datetime.fromisoformat(text).tzinfo == UTC

"""A face that was missed, drawn on the result page by its owner: shown while it waits, spoken of when it failed."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from classifier.models import Face, Upload
from tests.api.rows import make_face, make_prediction, make_upload, make_version

SCRIPT = {"accept": "application/json"}
BOX = {"x": 100, "y": 50, "width": 80, "height": 90}


@pytest.fixture
def upload(ada: User) -> Upload:
    return make_upload(ada, status="no_face")


def draw(client: Client, upload: Upload, **fields: Any) -> Any:
    return client.post(f"/uploads/{upload.pk}/faces", BOX | fields, headers=SCRIPT)


def read(client: Client, upload: Upload) -> str:
    return " ".join(client.get(f"/uploads/{upload.pk}/").content.decode().split())


def test_the_page_waits_and_then_shows_the_answer(owner: Client, upload: Upload) -> None:
    assert "A face is missing" in read(owner, upload)
    answer = draw(owner, upload).json()
    assert answer["finished"] is False
    assert "being classified…" in answer["html"]
    assert answer["announcement"] == "The network looks at the face that you marked."
    page = read(owner, upload)
    assert "The network looks at the face that you marked…" in page
    assert "No face was found" not in page
    assert 'http-equiv="refresh"' in page
    address = f"/uploads/{upload.pk}/state"
    assert owner.get(address, {"seen": answer["state"]}).json() == {"state": answer["state"], "finished": False}

    face = Face.objects.get()
    make_prediction(face, make_version("1.0.0"))
    Face.objects.update(crop="c.png", due_at=None)
    Upload.objects.update(status="done")
    fresh = owner.get(address, {"seen": answer["state"]}).json()
    assert fresh["finished"] is True
    assert "This face appears happy" in fresh["html"]
    assert "box-waiting" not in fresh["html"]


def test_beside_faces_that_were_found(owner: Client, upload: Upload) -> None:
    Upload.objects.update(status="done")
    make_prediction(make_face(upload), make_version("1.0.0"))
    draw(owner, upload)
    page = read(owner, upload)
    assert "This face appears happy" in page
    assert 'class="box box-waiting" data-face="2"' in page
    assert "appears happy" in owner.get("/uploads/").content.decode()
    assert owner.get(f"/faces/{Face.objects.get(index=1).pk}/crop").status_code == 404


def test_a_face_that_was_given_up(owner: Client, upload: Upload) -> None:
    draw(owner, upload)
    Face.objects.update(due_at=None)
    page = read(owner, upload)
    assert "No network could answer for this face." in page
    assert "No face was found" in page
    assert 'http-equiv="refresh"' not in page
    again = draw(owner, upload).json()
    assert "being classified…" in again["html"]
    assert "No network could answer" not in again["html"]


def test_refusals(owner: Client, upload: Upload) -> None:
    refused = draw(owner, upload, x=600)
    assert (refused.status_code, refused.json()["error"]) == (409, "The box leaves the photo: draw it inside.")
    assert draw(owner, upload, x="left").json() == {"error": "A box has four whole numbers."}
    owner.post(f"/uploads/{upload.pk}/faces", BOX | {"width": 5}, headers={"accept": "text/html"})
    assert "The box is smaller than 16 × 16 pixels" in read(owner, upload)
    Upload.objects.update(status="running", claimed_until=timezone.now())
    assert "once the network has looked" in draw(owner, upload).json()["error"]
    assert not Face.objects.exists()


def test_without_a_script(owner: Client, upload: Upload) -> None:
    response = owner.post(f"/uploads/{upload.pk}/faces", BOX, headers={"accept": "text/html"})
    assert (response.status_code, response["location"]) == (302, f"/uploads/{upload.pk}/")
    assert Face.objects.get().origin == "drawn"


def test_strangers_and_anonymous(stranger: Client, anonymous: Client, owner: Client, upload: Upload) -> None:
    assert draw(stranger, upload).status_code == 404
    assert draw(anonymous, upload).status_code == 401
    assert owner.get(f"/uploads/{upload.pk}/faces").status_code == 405
    assert not Face.objects.exists()


@pytest.mark.parametrize("status", ["pending", "rejected", "dead"])
def test_the_button_is_there_only_after_a_look(ada: User, owner: Client, status: str) -> None:
    assert "A face is missing" not in read(owner, make_upload(ada, status=status))


def test_the_number_of_queries_stays(owner: Client, upload: Upload, django_assert_max_num_queries: Any) -> None:
    for number in range(3):
        draw(owner, upload, x=100 + 100 * number)
        with django_assert_max_num_queries(7):
            owner.get(f"/uploads/{upload.pk}/")

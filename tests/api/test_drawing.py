"""A face that was missed, added over HTTP: without prediction at first; bad boxes, strangers and anonymous callers."""

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from classifier.models import Face, Upload
from tests.api.rows import URL, check_problem, make_face, make_upload
from tests.api.test_schema import check_body, schema

__all__ = ["schema"]
BOX = {"x": 100, "y": 50, "width": 80, "height": 90}


@pytest.fixture
def upload(ada: User) -> Upload:
    return make_upload(ada)


def draw(client: APIClient, upload: Upload, box: object = BOX) -> Any:
    return client.post(f"{URL}{upload.pk}/faces/", box, format="json")


@pytest.mark.parametrize("status", ["done", "no_face"])
def test_a_face_is_added(owner: APIClient, upload: Upload, schema: dict[str, Any], status: str) -> None:
    Upload.objects.update(status=status)
    response = draw(owner, upload)
    assert response.status_code == 201
    body = response.json()
    check_body(schema, "Face", body)
    face = Face.objects.get()
    assert body == {"id": str(face.pk), "box": BOX, "prediction": None, "correction": None}
    assert owner.get(f"{URL}{upload.pk}/").json()["faces"] == [body]
    refused = owner.post(f"/api/v1/faces/{face.pk}/corrections/", {"label": "sad"}, format="json")
    check_problem(refused, 409, "not_ready")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"x": 600}, "box_outside"),
        ({"height": 10}, "box_too_small"),
        ({"x": 10, "y": 20, "width": 30, "height": 40}, "box_taken"),
    ],
)
def test_boxes_that_cannot_be(owner: APIClient, upload: Upload, change: dict[str, int], code: str) -> None:
    make_face(upload)
    check_problem(draw(owner, upload, BOX | change), 422, code)
    assert Face.objects.count() == 1


@pytest.mark.parametrize(
    "body", [{}, [], BOX | {"x": -1}, BOX | {"width": "wide"}, BOX | {"y": None}, BOX | {"x": 1.5}]
)
def test_what_is_no_box(owner: APIClient, upload: Upload, body: object) -> None:
    check_problem(draw(owner, upload, body), 400, "invalid_field")


def test_too_many(owner: APIClient, upload: Upload) -> None:
    Face.objects.bulk_create(
        Face(
            upload=upload,
            index=index,
            x=index,
            y=400,
            width=1,
            height=1,
            score=1,
            origin="drawn",
            due_at=timezone.now(),
        )
        for index in range(20)
    )
    check_problem(draw(owner, upload), 422, "too_many_boxes")


def test_a_photo_that_waits(owner: APIClient, upload: Upload) -> None:
    Upload.objects.update(status="pending")
    check_problem(draw(owner, upload), 409, "not_ready")


def test_strangers_and_anonymous(stranger: APIClient, anonymous: APIClient, upload: Upload) -> None:
    check_problem(draw(stranger, upload), 404, "not_found")
    check_problem(draw(anonymous, upload), 401, "not_authenticated")
    assert not Face.objects.exists()


def test_a_face_that_was_given_up_is_replaced(owner: APIClient, upload: Upload) -> None:
    given_up = draw(owner, upload).json()
    Face.objects.update(due_at=None)
    again = draw(owner, upload)
    assert again.status_code == 201
    assert owner.get(f"{URL}{upload.pk}/").json()["faces"] == [again.json()]
    assert again.json()["id"] != given_up["id"]

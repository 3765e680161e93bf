"""POST /uploads/: a photo is stored and answered with 202; who may, what else the body may say."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.storage import default_storage
from rest_framework.test import APIClient

from accounts.models import User
from classifier.models import Upload
from tests.api.photos import make_file, make_photo
from tests.api.rows import URL, check_problem

Post = Callable[..., Any]


def test_new_photo(post: Post, owner: APIClient, ada: User) -> None:
    response = post()
    assert response.status_code == 202
    upload = Upload.objects.get()
    address = f"http://testserver{URL}{upload.pk}/"
    assert response.json() == {"id": str(upload.pk), "status": "pending", "url": address}
    assert response["Location"] == address
    assert (upload.owner, upload.source, upload.consent_training) == (ada, "api", False)
    assert (upload.width, upload.height) == (320, 240)
    assert default_storage.exists(upload.image)
    assert owner.get(address).json()["faces"] == []


def test_anonymous(anonymous: APIClient) -> None:
    response = anonymous.post(URL, {"image": make_file(make_photo())}, format="multipart")
    check_problem(response, 401, "not_authenticated")
    assert not Upload.objects.exists()


def test_session(anonymous: APIClient, ada: User) -> None:
    anonymous.force_login(ada)
    anonymous.cookies["csrftoken"] = token = "a" * 32
    body: dict[str, Any] = {"image": make_file(make_photo())}
    response = anonymous.post(URL, body, format="multipart", headers={"X-CSRFToken": token})
    assert response.status_code == 202
    body = {"image": make_file(make_photo(seed=1)), "csrfmiddlewaretoken": token}
    assert anonymous.post(URL, body, format="multipart").status_code == 202


@pytest.mark.parametrize(
    ("text", "agreed"), [("true", True), ("1", True), ("on", True), ("false", False), ("0", False)]
)
def test_consent(post: Post, text: str, agreed: bool) -> None:
    assert post(consent_training=text).status_code == 202
    assert Upload.objects.get().consent_training is agreed


@pytest.mark.parametrize("text", ["maybe", "2"])
def test_consent_that_is_no_answer(post: Post, text: str) -> None:
    body = check_problem(post(consent_training=text), 400, "invalid_field")
    assert list(body["errors"]) == ["consent_training"]
    assert not Upload.objects.exists()


@pytest.mark.parametrize(("name", "kind"), [("PHOTO.JPG", ""), ("x", "text/plain"), ("ünï 1.png", "image/png")])
def test_name_and_type_are_not_believed(owner: APIClient, name: str, kind: str) -> None:
    response = owner.post(URL, {"image": make_file(make_photo(), name, kind)}, format="multipart")
    assert response.status_code == 202


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF"])
def test_formats(post: Post, kind: str) -> None:
    assert post(make_photo(kind=kind)).status_code == 202

"""DELETE /uploads/{id}/: the owner erases a photo and all that was made of it; nobody else can."""

from collections.abc import Callable
from typing import Any

from rest_framework.test import APIClient

from classifier.models import Face, Prediction, Upload
from tests.api.rows import check_problem, make_face, make_prediction, make_version

Post = Callable[..., Any]


def test_owner(post: Post, owner: APIClient) -> None:
    url = post().json()["url"]
    make_prediction(make_face(Upload.objects.get()), make_version("1.0.0"))
    response = owner.delete(url)
    assert (response.status_code, response.content) == (204, b"")
    assert [model.objects.count() for model in (Upload, Face, Prediction)] == [0, 0, 0]
    check_problem(owner.get(url), 404, "not_found")
    check_problem(owner.delete(url), 404, "not_found")


def test_stranger_and_anonymous(post: Post, stranger: APIClient, anonymous: APIClient) -> None:
    url = post().json()["url"]
    check_problem(stranger.delete(url), 404, "not_found")
    check_problem(anonymous.delete(url), 401, "not_authenticated")
    assert Upload.objects.count() == 1


def test_session_needs_csrf(post: Post, anonymous: APIClient, ada: Any) -> None:
    url = post().json()["url"]
    anonymous.force_login(ada)
    check_problem(anonymous.delete(url), 403, "csrf_failed")
    anonymous.cookies["csrftoken"] = token = "a" * 32
    assert anonymous.delete(url, headers={"X-CSRFToken": token}).status_code == 204

"""The same bytes by the same user are one upload, also when they come at the same moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from accounts.models import User
from classifier.models import Upload
from tests.api.photos import make_file, make_photo
from tests.api.rows import URL, make_caller, make_face, make_prediction, make_version

Post = Callable[..., Any]


def test_earlier_upload_in_full(post: Post, owner: APIClient) -> None:
    first = post().json()
    Upload.objects.update(status="done")
    make_prediction(make_face(Upload.objects.get()), make_version("1.0.0"))
    response = post(consent_training="true")
    assert response.status_code == 200
    body = response.json()
    assert body["duplicate"] is True
    assert (body["id"], body["url"], body["status"]) == (first["id"], first["url"], "done")
    detail = owner.get(first["url"]).json()
    assert {key: body[key] for key in detail if key != "image"} == {
        key: value for key, value in detail.items() if key != "image"
    }
    assert Upload.objects.count() == 1


def test_other_users_photo_is_no_duplicate(post: Post, stranger: APIClient) -> None:
    post()
    assert stranger.post(URL, {"image": make_file(make_photo())}, format="multipart").status_code == 202


def test_after_erasing_or_dying_it_is_new(post: Post, owner: APIClient) -> None:
    first = post().json()
    assert owner.delete(first["url"]).status_code == 204
    second = post()
    assert second.status_code == 202
    Upload.objects.update(status="dead")
    assert post().status_code == 202
    assert Upload.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_at_the_same_moment() -> None:
    user = User.objects.create_user("ada", "ada@example.org", "correct horse")
    clients = [make_caller(user) for _ in range(8)]
    photo = make_photo()

    def send(client: APIClient) -> tuple[int, str]:
        try:
            response = client.post(URL, {"image": make_file(photo)}, format="multipart")
            return response.status_code, response.json()["id"]
        finally:
            connection.close()

    with ThreadPoolExecutor(len(clients)) as pool:  # one for all: each new thread makes an S3 client
        for _ in range(3):
            Upload.objects.all().delete()
            answers = list(pool.map(send, clients))
            assert sorted(status for status, _ in answers) == [200] * 7 + [202]
            assert len({pk for _, pk in answers}) == 1
            assert Upload.objects.count() == 1

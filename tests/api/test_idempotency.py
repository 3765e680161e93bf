"""Idempotency-Key: a request that is sent again is answered again, and nothing happens twice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from accounts.models import User
from classifier.models import Upload
from tests.api.photos import make_file, make_photo
from tests.api.rows import URL, check_problem, make_caller

Post = Callable[..., Any]
KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}


def test_same_key_same_photo(post: Post) -> None:
    first, second = post(headers=KEY), post(headers=KEY)
    assert first.status_code == 202
    assert second.status_code == 200
    assert second.json()["duplicate"] is True
    assert first.json()["id"] == second.json()["id"]
    assert Upload.objects.count() == 1


def test_same_key_other_photo(post: Post) -> None:
    post(headers=KEY)
    check_problem(post(make_photo(seed=1), headers=KEY), 422, "idempotency_mismatch")
    assert Upload.objects.count() == 1


def test_keys_belong_to_their_user(post: Post, stranger: APIClient) -> None:
    post(headers=KEY)
    body = {"image": make_file(make_photo(seed=1))}
    assert stranger.post(URL, body, format="multipart", headers=KEY).status_code == 202


def test_refused_photo_leaves_the_key_free(post: Post) -> None:
    check_problem(post(b"hello", headers=KEY), 415, "unsupported_type")
    assert post(headers=KEY).status_code == 202


@pytest.mark.parametrize("key", ["x" * 256, "ключ", "a\tb"])
def test_keys_that_are_none(post: Post, key: str) -> None:
    check_problem(post(headers={"Idempotency-Key": key}), 400, "invalid_idempotency_key")


def test_longest_key(post: Post) -> None:
    assert post(headers={"Idempotency-Key": "x" * 255}).status_code == 202


@pytest.mark.django_db(transaction=True)
def test_one_key_two_photos_at_the_same_moment() -> None:
    user = User.objects.create_user("ada", "ada@example.org", "correct horse")

    def send(seed: int) -> int:
        try:
            body = {"image": make_file(make_photo(seed=seed))}
            response = make_caller(user).post(URL, body, format="multipart", headers=KEY)
            return int(response.status_code)
        finally:
            connection.close()

    make_caller(user)  # makes the token
    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(send, range(4)))
    assert answers == [202, 422, 422, 422]
    assert Upload.objects.count() == 1

"""POST /token/: names and passwords for tokens, and no guessing."""

from unittest.mock import ANY

import pytest
from django.conf import settings
from django.test import RequestFactory, override_settings
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from accounts.models import User
from tests.api.rows import check_problem

URL = "/api/v1/token/"
RIGHT = {"username": "ada", "password": "correct horse"}


def test_right_password_gives_a_token_that_works(anonymous: APIClient, ada: User) -> None:
    response = anonymous.post(URL, RIGHT)
    assert response.status_code == 200
    assert response.json() == {"token": ANY}
    assert response["Cache-Control"] == "private, no-store"
    anonymous.credentials(HTTP_AUTHORIZATION=f"Bearer {response.json()['token']}")
    assert anonymous.get("/api/v1/uploads/").status_code == 200


def test_json_and_the_same_token_again(anonymous: APIClient, ada: User) -> None:
    answers = [anonymous.post(URL, RIGHT, format=kind).json() for kind in ("json", "multipart")]
    assert answers[0] == answers[1] == {"token": Token.objects.get(user=ada).key}


@pytest.mark.parametrize(
    "body",
    [
        {"username": "ada", "password": "wrong"},
        {"username": "nobody", "password": "correct horse"},
        {"username": "ada"},
        {"username": "a\0da", "password": "correct horse"},
        {},
    ],
)
def test_wrong_or_missing_is_one_problem(anonymous: APIClient, ada: User, body: dict[str, str]) -> None:
    check_problem(anonymous.post(URL, body, format="json"), 400, "invalid_credentials")


@pytest.mark.parametrize("body", ["[1]", '"ada"', "null"])
def test_json_that_is_no_object(anonymous: APIClient, body: str) -> None:
    check_problem(anonymous.post(URL, body, content_type="application/json"), 400, "invalid_credentials")


def test_disabled_account_gets_none(anonymous: APIClient, ada: User) -> None:
    ada.is_active = False
    ada.save()
    check_problem(anonymous.post(URL, RIGHT), 400, "invalid_credentials")


@pytest.mark.parametrize("body", ["{", "\x00", '{"username": "\\ud800"'])
def test_broken_json(anonymous: APIClient, body: str) -> None:
    check_problem(anonymous.post(URL, body, content_type="application/json"), 400, "malformed")


def test_other_content_type(anonymous: APIClient) -> None:
    check_problem(anonymous.post(URL, "ada", content_type="text/plain"), 415, "unsupported_media_type")


def test_guessing_one_name_is_stopped_even_with_the_right_password(anonymous: APIClient, ada: User) -> None:
    for _ in range(10):
        check_problem(anonymous.post(URL, {**RIGHT, "password": "guess"}), 400, "invalid_credentials")
    response = anonymous.post(URL, {**RIGHT, "username": "ADA"})
    check_problem(response, 429, "throttled")
    assert response["Retry-After"] == "900"
    check_problem(anonymous.post(URL, {"username": "bob", "password": "x"}), 400, "invalid_credentials")
    assert anonymous.post(URL, RIGHT, REMOTE_ADDR="10.0.0.2").status_code == 200  # its owner is elsewhere


def test_trying_many_names_is_stopped_by_address(anonymous: APIClient, ada: User) -> None:
    for number in range(50):
        check_problem(anonymous.post(URL, {"username": f"n{number}", "password": "x"}), 400, "invalid_credentials")
    check_problem(anonymous.post(URL, RIGHT), 429, "throttled")


def test_right_passwords_start_the_count_afresh(anonymous: APIClient, ada: User) -> None:
    for _ in range(12):
        assert anonymous.post(URL, RIGHT).status_code == 200


def test_forwarded_address_counts_only_behind_a_proxy(anonymous: APIClient, ada: User) -> None:
    def guess(number: int) -> int:
        headers = {"X-Forwarded-For": f"10.0.0.{number}, 10.1.0.{number}"}
        return anonymous.post(URL, {"username": f"n{number}", "password": "guess"}, headers=headers).status_code

    assert [guess(number) for number in range(51)] == [400] * 50 + [429]
    behind = ["fersite.proxy.ProxyAddressMiddleware", *settings.MIDDLEWARE]
    with override_settings(MIDDLEWARE=behind):
        anonymous.handler.load_middleware()
        assert [guess(number) for number in range(51)] == [400] * 51


def test_guesses_on_the_page_count_here(anonymous: APIClient, ada: User) -> None:
    for _ in range(10):
        anonymous.login(username="ada", password="guess", request=RequestFactory().post("/accounts/login/"))
    check_problem(anonymous.post(URL, RIGHT), 429, "throttled")


def test_deeply_nested_json_is_malformed(anonymous: APIClient) -> None:
    answer = anonymous.post(URL, "[" * 100_000, content_type="application/json")
    check_problem(answer, 400, "malformed")

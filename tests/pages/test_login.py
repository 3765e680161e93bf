"""Logging in and out: where `next` may lead, and how many guesses are allowed."""

import logging

import pytest
from django.conf import settings as django_settings
from django.test import Client
from pytest_django import Settings

from accounts import guessing
from accounts.models import User
from tests.pages.people import PASSWORD

URL = "/accounts/login/"


def log_in(client: Client, password: str = PASSWORD, *, address: str = "192.0.2.1", **fields: str) -> int:
    answer = client.post(URL, {"username": "ada", "password": password, **fields}, REMOTE_ADDR=address)
    return answer.status_code


def test_logging_in_and_out(ada: User, anonymous: Client) -> None:
    assert log_in(anonymous) == 302
    assert anonymous.get("/uploads/").status_code == 200
    assert anonymous.get("/accounts/logout/").status_code == 405
    assert anonymous.post("/accounts/logout/").status_code == 302
    assert anonymous.get("/uploads/")["Location"] == "/accounts/login/?next=/uploads/"


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_next_leads_nowhere_else(ada: User, anonymous: Client, wanted: str) -> None:
    response = anonymous.post(URL, {"username": "ada", "password": PASSWORD, "next": wanted})
    assert response["Location"] == "/"


def test_next_leads_back(ada: User, anonymous: Client) -> None:
    response = anonymous.post(URL, {"username": "ada", "password": PASSWORD, "next": "/upload/"})
    assert response["Location"] == "/upload/"


@pytest.mark.parametrize(
    "wanted", ["/accounts/login/", "/accounts/login/?next=/accounts/login/", "http://testserver/accounts/login/"]
)
def test_next_is_never_the_log_in_page_itself(owner: Client, anonymous: Client, ada: User, wanted: str) -> None:
    assert owner.get(URL, {"next": wanted})["Location"] == "/"
    response = anonymous.post(URL, {"username": "ada", "password": PASSWORD, "next": wanted})
    assert response["Location"] == "/"


def test_ten_wrong_passwords_stop_the_eleventh_from_there_only(ada: User, anonymous: Client) -> None:
    for _ in range(guessing.FAILURES_PER_ADDRESS):
        assert log_in(anonymous, "wrong") == 200
    response = anonymous.post(URL, {"username": "ADA ", "password": PASSWORD}, REMOTE_ADDR="192.0.2.1")
    assert "Too many wrong passwords" in response.content.decode()
    assert log_in(anonymous) == 200
    assert log_in(anonymous, address="192.0.2.2") == 302


def test_the_admin_log_in_is_limited_too(ada: User, anonymous: Client) -> None:
    User.objects.filter(pk=ada.pk).update(is_staff=True, is_superuser=True)
    for _ in range(guessing.FAILURES_PER_ADDRESS):
        anonymous.post("/admin/login/", {"username": "ada", "password": "wrong"})
    assert anonymous.post("/admin/login/", {"username": "ada", "password": PASSWORD}).status_code == 200


def test_many_names_from_one_address_are_stopped_on_every_way_in(ada: User, anonymous: Client) -> None:
    User.objects.filter(pk=ada.pk).update(is_staff=True, is_superuser=True)
    there = "192.0.2.1"
    for number in range(guessing.FAILURES_OF_ADDRESS):
        anonymous.post(URL, {"username": f"n{number}", "password": "x"}, REMOTE_ADDR=there)
    right = {"username": "ada", "password": PASSWORD}
    page = anonymous.post(URL, right, REMOTE_ADDR=there)
    assert "Too many wrong passwords came from your network. Please wait 15 minutes." in page.content.decode()
    assert anonymous.post("/admin/login/", right, REMOTE_ADDR=there).status_code == 200
    asked = anonymous.post("/api/v1/token/", right, content_type="application/json", REMOTE_ADDR=there)
    assert (asked.status_code, asked["Retry-After"]) == (429, "900")
    assert log_in(anonymous, address="192.0.2.2") == 302


def test_who_logged_in_from_there_lately_is_not_locked_out_by_others(ada: User, anonymous: Client) -> None:
    assert log_in(anonymous) == 302
    anonymous.post("/accounts/logout/")
    for number in range(guessing.FAILURES_OF_ADDRESS):
        anonymous.post(URL, {"username": f"n{number}", "password": "x"}, REMOTE_ADDR="192.0.2.1")
    assert log_in(anonymous) == 302


def test_the_right_password_starts_afresh(ada: User, anonymous: Client) -> None:
    for _ in range(guessing.FAILURES_PER_ADDRESS - 1):
        log_in(anonymous, "wrong")
    assert log_in(anonymous) == 302
    anonymous.post("/accounts/logout/")
    assert log_in(anonymous, "wrong") == 200
    assert log_in(anonymous) == 302


def test_without_redis_people_still_get_in(
    ada: User, anonymous: Client, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    dead = dict(django_settings.CACHES["default"], LOCATION="redis://127.0.0.1:1/0")
    settings.CACHES = {"default": dead}
    settings.REDIS_URL = dead["LOCATION"]
    with caplog.at_level(logging.WARNING, logger="fersite.rates"):
        assert log_in(anonymous) == 302
    assert "rate of password guesses not checked" in caplog.text

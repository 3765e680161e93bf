"""Signing up: the notice is shown, must be agreed to, and the agreement is kept."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts import notice
from accounts.models import NoticeAcceptance, User

URL = "/accounts/signup/"
FIELDS = {
    "username": "ada",
    "email": "ada@example.org",
    "password1": "correct horse 1",
    "password2": "correct horse 1",
    "accept": "on",
}


def test_the_notice_is_shown(anonymous: Client) -> None:
    page = anonymous.get(URL).content.decode()
    for words in ("What is stored", "For how long", "Who sees it", "workers or pupils", "AI Act", 'type="checkbox"'):
        assert words in page


def test_signing_up_records_the_acceptance_and_logs_in(anonymous: Client) -> None:
    response = anonymous.post(URL, FIELDS)
    assert response.status_code == 302
    assert response["Location"] == "/upload/"
    user = User.objects.get(username="ada")
    assert NoticeAcceptance.objects.get(user=user).notice_version == notice.VERSION
    assert anonymous.get("/uploads/").status_code == 200
    assert f"version {notice.VERSION}, accepted on" in anonymous.get("/accounts/").content.decode()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("accept", "", "Please tick the box"),
        ("email", "", "This field is required"),
        ("password2", "other", "match"),
        ("password1", "12345678", "numeric"),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_made(anonymous: Client, field: str, value: str, words: str) -> None:
    fields = FIELDS | {field: value}
    if field == "password1":
        fields["password2"] = value
    response = anonymous.post(URL, fields)
    assert response.status_code == 200
    assert words in response.content.decode()
    assert not User.objects.exists()
    assert not NoticeAcceptance.objects.exists()


@pytest.mark.parametrize(("field", "value"), [("username", "ADA"), ("email", "Ada@Example.org")])
def test_names_and_addresses_are_taken_whatever_their_case(
    ada: User, anonymous: Client, field: str, value: str
) -> None:
    response = anonymous.post(URL, FIELDS | {"username": "other", "email": "other@example.org", field: value})
    assert response.status_code == 200
    assert User.objects.count() == 1


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_next_leads_nowhere_else(anonymous: Client, wanted: str) -> None:
    assert wanted not in anonymous.get(URL, {"next": wanted}).content.decode()
    assert anonymous.post(URL, FIELDS | {"next": wanted})["Location"] == "/upload/"


def test_next_leads_to_where_one_came_from(anonymous: Client) -> None:
    assert anonymous.post(URL, FIELDS | {"next": "/uploads/?status=done"})["Location"] == "/uploads/?status=done"


@pytest.mark.parametrize(
    ("name", "words"),
    [("ﬀ" * 80, "at most 150 characters"), ("ＡＤＡ", "This name is taken")],
    ids=["ligatures", "wide letters"],
)
def test_names_are_checked_as_they_are_stored(ada: User, anonymous: Client, name: str, words: str) -> None:
    response = anonymous.post(URL, FIELDS | {"username": name, "email": "other@example.org"})
    assert response.status_code == 200
    assert words in response.content.decode()
    assert User.objects.get() == ada


def test_accounts_from_one_address_are_limited(anonymous: Client, settings: Settings) -> None:
    settings.FERSITE_SIGNUPS_PER_HOUR = 2

    def sign_up(name: str, address: str, **fields: str) -> Any:
        mine = FIELDS | {"username": name, "email": f"{name}@example.org"} | fields
        return Client().post(URL, mine, REMOTE_ADDR=address)

    assert sign_up("one", "192.0.2.1").status_code == 302
    assert sign_up("two", "192.0.2.1", accept="").status_code == 200  # no account, no place taken
    assert sign_up("two", "192.0.2.1").status_code == 302
    refused = sign_up("three", "192.0.2.1")
    assert (refused.status_code, refused["Retry-After"]) == (429, "3600")
    assert "Many accounts were made from your network" in refused.content.decode()
    assert 'value="three@example.org"' in refused.content.decode()
    assert sign_up("three", "192.0.2.2").status_code == 302
    assert User.objects.count() == 3

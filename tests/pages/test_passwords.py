"""Changing a password, and getting back in by mail without telling anybody who has an account."""

import io
import re

import pytest
from django.core import mail
from django.core.management import call_command
from django.test import Client
from rest_framework.authtoken.models import Token

from accounts import guessing
from accounts.models import User
from tests.pages.people import PASSWORD

NEW = {"new_password1": "another horse 2", "new_password2": "another horse 2"}


def test_a_changed_password_ends_other_sessions(ada: User, owner: Client) -> None:
    elsewhere = Client()
    elsewhere.force_login(ada)
    Token.objects.create(user=ada)
    response = owner.post("/accounts/password/change/", {"old_password": PASSWORD, **NEW})
    assert response["Location"] == "/accounts/"
    assert owner.get("/accounts/").status_code == 200
    assert elsewhere.get("/accounts/").status_code == 302
    assert not Token.objects.exists()


def test_changing_needs_the_present_password(ada: User, owner: Client) -> None:
    assert owner.post("/accounts/password/change/", {"old_password": "wrong", **NEW}).status_code == 200
    ada.refresh_from_db()
    assert ada.check_password(PASSWORD)


def test_the_mailed_link_sets_a_new_password_once(ada: User, anonymous: Client) -> None:
    Token.objects.create(user=ada)
    assert anonymous.post("/accounts/password/reset/", {"email": ada.email})["Location"].endswith("/reset/sent/")
    found = re.search(r"http://testserver(\S+)", str(mail.outbox[0].body))
    assert found is not None
    page = anonymous.get(found[1], follow=True)
    assert "Set a new password" in page.content.decode()
    assert anonymous.post(page.redirect_chain[-1][0], NEW)["Location"] == "/accounts/login/"
    assert Client().login(username="ada", password=NEW["new_password1"])
    assert not Token.objects.exists()
    assert "no longer works" in Client().get(found[1], follow=True).content.decode()


def test_an_unknown_address_gets_the_same_answer_and_no_mail(ada: User, anonymous: Client) -> None:
    response = anonymous.post("/accounts/password/reset/", {"email": "nobody@example.org"})
    assert response["Location"].endswith("/reset/sent/")
    assert mail.outbox == []


def test_mails_to_one_address_are_limited(ada: User, anonymous: Client) -> None:
    for _ in range(guessing.MAILS_PER_HOUR + 2):
        assert anonymous.post("/accounts/password/reset/", {"email": ada.email}).status_code == 302
    assert len(mail.outbox) == guessing.MAILS_PER_HOUR


def test_a_password_set_by_an_administrator_ends_the_token(ada: User, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_staff=True, is_superuser=True)
    admin = Client()
    admin.force_login(bob)
    Token.objects.create(user=ada)
    others = Token.objects.create(user=bob)
    address = f"/admin/accounts/user/{ada.pk}/password/"
    assert "API token" in admin.get(address).content.decode()
    fields = {"password1": "another horse 2", "password2": "another horse 2", "usable_password": "true"}
    assert admin.post(address, fields).status_code == 302
    assert Client().login(username="ada", password="another horse 2")
    assert list(Token.objects.all()) == [others]


def test_a_password_taken_away_by_an_administrator_ends_the_token(ada: User, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_staff=True, is_superuser=True)
    admin = Client()
    admin.force_login(bob)
    Token.objects.create(user=ada)
    fields = {"password1": "", "password2": "", "usable_password": "false", "unset-password": "1"}
    assert admin.post(f"/admin/accounts/user/{ada.pk}/password/", fields).status_code == 302
    ada.refresh_from_db()
    assert not ada.has_usable_password()
    assert not Token.objects.exists()


def test_a_password_set_by_a_command_ends_the_token(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    Token.objects.create(user=ada)
    monkeypatch.setattr("getpass.getpass", lambda prompt: "another horse 2")
    call_command("changepassword", "ada", stdout=io.StringIO())
    assert not Token.objects.exists()


def test_who_was_blocked_gets_in_with_a_new_password(ada: User, anonymous: Client) -> None:
    """From another machine than the one where the mail was opened, too."""

    def log_in(password: str, address: str) -> int:
        fields = {"username": "ada", "password": password}
        return Client().post("/accounts/login/", fields, REMOTE_ADDR=address).status_code

    for number in range(guessing.FAILURES_PER_NAME):
        log_in("wrong", f"192.0.2.{number // 10}")
    assert log_in(PASSWORD, "192.0.2.200") == 200
    anonymous.post("/accounts/password/reset/", {"email": ada.email})
    found = re.search(r"http://testserver(\S+)", str(mail.outbox[0].body))
    assert found is not None
    page = anonymous.get(found[1], follow=True)
    assert anonymous.post(page.redirect_chain[-1][0], NEW)["Location"] == "/accounts/login/"
    new = NEW["new_password1"]
    assert [log_in(new, address) for address in ("192.0.2.1", "192.0.2.200")] == [302, 302]
    for _ in range(guessing.FAILURES_PER_ADDRESS):
        log_in("wrong", "192.0.2.1")
    assert log_in(new, "192.0.2.1") == 200

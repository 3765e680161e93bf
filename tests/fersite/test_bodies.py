"""Bodies that are too large, or that nobody can read, where no photo is taken: said in words, and kept nowhere."""

import io
from typing import Any

import pytest
from django.test import Client

from tests.api.rows import check_problem, make_caller
from tests.factories import make_user

pytestmark = pytest.mark.django_db
MULTIPART = "multipart/form-data; boundary=x"
TOKEN = "a" * 32


class Untouched(io.RawIOBase):
    """A body of which nothing may be read."""

    def read(self, size: int = -1) -> bytes:
        raise AssertionError("the body was read")


def send(client: Any, address: str, length: int = 10**10) -> Any:
    """A multipart body that says it is so long."""
    extra: dict[str, Any] = {"CONTENT_LENGTH": str(length), "wsgi.input": Untouched()}
    return client.generic("POST", address, "", MULTIPART, CONTENT_TYPE=MULTIPART, **extra)


@pytest.mark.parametrize("address", ["/accounts/login/", "/accounts/signup/", "/admin/login/", "/label/"])
def test_strangers_cannot_fill_the_disk_by_way_of_a_page(address: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.cookies["csrftoken"] = TOKEN  # with it, the check for forged requests reads the body
    answer = send(client, address)
    assert answer.status_code == 413
    assert "too large for this page" in answer.content.decode()


def test_nor_by_way_of_the_interface() -> None:
    check_problem(send(make_caller(None), "/api/v1/token/"), 413, "too_large")


def test_people_hear_it_from_the_interface() -> None:
    user = make_user("ada")
    address = "/api/v1/faces/7f1f7a3e-3c1d-4a53-9a53-0d9b8f1a2c44/corrections/"
    upload = "/api/v1/uploads/7f1f7a3e-3c1d-4a53-9a53-0d9b8f1a2c44/faces/"
    session = Client(enforce_csrf_checks=True)
    session.force_login(user)
    session.cookies["csrftoken"] = TOKEN
    for path in (address, upload):
        check_problem(send(session, path), 413, "too_large")


def test_small_multipart_is_a_form_as_before() -> None:
    make_user("ada")
    fields = {"username": "ada", "password": "wrong", "file": io.BytesIO(b"x" * 100_000)}
    assert Client().post("/accounts/login/", fields).status_code == 200

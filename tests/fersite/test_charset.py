"""Content-Types that name no charset for text are refused in words, on pages and in the interface."""

import io
import json
from typing import Any

import pytest
from django.test import RequestFactory

pytestmark = pytest.mark.django_db
NO_TEXT = [
    "charset=rot13", "charset=hex", "charset=idna", "charset=undefined", "charset*=nope''x",
    "charset*=undefined''x", "charset*=utf-8''%00",
]  # fmt: skip


def call(address: str, kind: str, body: bytes = b"") -> tuple[int, bytes]:
    """Through the door that gunicorn uses: Django's test client would fail as the server did."""
    from fersite.wsgi import application

    method = "POST" if body else "GET"
    environ: dict[str, Any] = RequestFactory().generic(method, address, body).environ
    environ |= {"CONTENT_TYPE": kind, "wsgi.input": io.BytesIO(body)}
    answers: list[str] = []
    chunks = application(environ, lambda status, headers, *rest: answers.append(status))  # type: ignore[arg-type]
    return int(answers[0][:3]), b"".join(chunks)


@pytest.mark.parametrize("query", ["", "?next=zzz-99999999"])
@pytest.mark.parametrize("parameter", NO_TEXT)
def test_no_charset_for_text(parameter: str, query: str) -> None:
    status, page = call(f"/accounts/login/{query}", f"text/plain; {parameter}")
    assert status == 400
    assert b"did not understand" in page
    status, body = call(f"/api/v1/schema/{query}", f"text/plain; {parameter}")
    assert (status, json.loads(body)["code"]) == (400, "malformed")


def test_a_charset_that_fails_on_this_address() -> None:
    address, kind = "/accounts/login/?next=zzz-99999999", "text/plain; charset=punycode"
    try:
        b"zzz-99999999".decode("punycode")
    except UnicodeDecodeError:  # Python 3.13: Django then reads the address as Latin-1
        assert call(address, kind)[0] == 200
    except UnicodeError:
        assert call(address, kind)[0] == 400


def test_forms_too() -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="username"\r\n\r\nada\r\n--x--\r\n'
    assert call("/api/v1/token/", "multipart/form-data; boundary=x; charset=rot13", body)[0] == 400


@pytest.mark.parametrize("kind", ["text/plain", "text/plain; charset=latin-1", "x; charset=utf-16", "x; charset=nope"])
def test_all_others_are_read_as_before(kind: str) -> None:
    assert call("/accounts/login/?next=%E4", kind)[0] == 200

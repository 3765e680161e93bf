"""Error pages: plain words, no traceback, no inline code, whatever broke."""

import pytest
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.test import Client
from django.views import defaults

from classifier.models.registry import VersionQuerySet


def test_unknown_addresses(anonymous: Client) -> None:
    response = anonymous.get("/nothing/")
    assert response.status_code == 404
    assert "Nothing here" in response.content.decode()


def test_a_failure_shows_no_traceback(anonymous: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(version: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(VersionQuerySet, "champions", fail)
    anonymous.raise_request_exception = False
    response = anonymous.get("/")
    assert response.status_code == 500
    page = response.content.decode()
    assert "Something broke on our side" in page
    assert "secret detail" not in page
    assert "Traceback" not in page


def test_a_missing_token_is_explained(db: None) -> None:
    response = Client(enforce_csrf_checks=True).post("/accounts/login/", {"username": "a", "password": "b"})
    assert response.status_code == 403
    assert "open too long" in response.content.decode()


def test_bad_requests_are_explained() -> None:
    response = defaults.bad_request(HttpRequest(), Exception())
    assert "did not understand" in response.content.decode()


@pytest.mark.parametrize("name", ["400", "403", "404", "500", "403_csrf", "413"])
def test_error_pages_need_no_request(name: str) -> None:
    page = render_to_string(f"{name}.html")
    assert "<h1>" in page
    assert "style=" not in page
    assert "<script>" not in page


def test_every_page_has_the_footer_and_a_favicon(anonymous: Client) -> None:
    page = anonymous.get("/").content.decode()
    assert 'href="/api/">API<' in page
    assert "favicon.svg" in page
    assert anonymous.get("/favicon.ico").status_code == 302


def test_the_interface_can_be_read_in_a_browser(anonymous: Client) -> None:
    page = anonymous.get("/api/")
    assert page["Content-Type"].startswith("text/html")
    words = page.content.decode()
    for line in ("POST /api/v1/token/", "Hand in a photo", "413: too_large", "(without an account)", "/api/v1/schema/"):
        assert line in words
    assert words.count("(without an account)") == 2
    assert anonymous.get("/api/nothing/").status_code == 404


def test_the_notice_can_be_read_by_anybody(anonymous: Client) -> None:
    assert "workers or pupils" in anonymous.get("/accounts/notice/").content.decode()

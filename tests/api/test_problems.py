"""Every error under /api/v1/ is a problem: unknown paths, methods, types, and what nobody foresaw."""

import logging

import pytest
from django.db import OperationalError
from django.test import override_settings
from rest_framework.test import APIClient

from accounts.models import User
from classifier.api import limits, problems
from tests.api.rows import URL, check_problem


@pytest.mark.parametrize("path", ["", "nothing/", "uploads", "uploads/12/", "uploads/x/y/", "tokens/%00/"])
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_unknown_path(anonymous: APIClient, method: str, path: str) -> None:
    check_problem(getattr(anonymous, method)(f"/api/v1/{path}"), 404, "not_found")


def test_method_not_allowed(owner: APIClient) -> None:
    response = owner.put(URL)
    check_problem(response, 405, "method_not_allowed")
    assert response["Allow"] == "GET, POST, HEAD, OPTIONS"


@pytest.mark.parametrize("path", ["uploads/", "limits/", "schema/"])
def test_not_acceptable(owner: APIClient, path: str) -> None:
    check_problem(owner.get(f"/api/v1/{path}", headers={"Accept": "image/png"}), 406, "not_acceptable")


def test_anonymous_is_asked_for_a_token(anonymous: APIClient) -> None:
    for method in ("get", "post", "put", "options"):
        response = getattr(anonymous, method)(URL)
        check_problem(response, 401, "not_authenticated")
        assert response["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("value", ["Bearer wrong", "Bearer", "Bearer a b", "Bearer \xff"])
def test_wrong_token(anonymous: APIClient, value: str) -> None:
    anonymous.credentials(HTTP_AUTHORIZATION=value)
    check_problem(anonymous.get(URL), 401, "invalid_token")


def test_token_of_a_disabled_account(owner: APIClient, ada: User) -> None:
    ada.is_active = False
    ada.save()
    check_problem(owner.get(URL), 401, "invalid_token")


def test_session_reads_freely_and_writes_with_csrf(anonymous: APIClient, ada: User) -> None:
    anonymous.force_login(ada)
    assert anonymous.get(URL).status_code == 200
    check_problem(anonymous.post(URL), 403, "csrf_failed")
    anonymous.cookies["csrftoken"] = token = "a" * 32
    check_problem(anonymous.post(URL, headers={"X-CSRFToken": token}), 400, "image_required")


@override_settings(DEBUG=True)
def test_unforeseen_error_is_logged_and_not_shown(
    anonymous: APIClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr(limits.LimitsView, "get")
    monkeypatch.setattr(limits.LimitsView, "get", lambda self, request: 1 / 0, raising=False)
    with caplog.at_level(logging.ERROR):
        response = anonymous.get("/api/v1/limits/")
    check_problem(response, 500, "server_error")
    assert b"ZeroDivision" not in response.content
    assert "ZeroDivisionError" in caplog.text


def test_outage_asks_to_try_again(anonymous: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(limits.LimitsView, "get", fail)
    response = anonymous.get("/api/v1/limits/")
    check_problem(response, 503, "unavailable")
    assert response["Retry-After"] == "5"


def test_head_and_options(owner: APIClient) -> None:
    assert owner.head(URL).status_code == 200
    assert owner.options(URL).status_code == 200


def test_codes_are_words() -> None:
    assert all(400 <= status < 600 and code.isidentifier() for code, (status, _) in problems.PROBLEMS.items())

"""Callers and checks that the tests of the interface share; rows come from tests.factories."""

from typing import Any

from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from accounts.models import User
from tests.factories import make_face, make_prediction, make_upload, make_version

__all__ = ["URL", "check_problem", "make_caller", "make_face", "make_prediction", "make_upload", "make_version"]
URL = "/api/v1/uploads/"


def make_caller(user: User | None) -> APIClient:
    """A client that sends the user's token; nobody's when there is no user. CSRF is checked as in production."""
    client = APIClient(enforce_csrf_checks=True)
    if user:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {Token.objects.get_or_create(user=user)[0].key}")
    return client


def check_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    """The response is this problem, complete; its body is returned."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["code"] == code, body
    assert body["status"] == status
    assert body["type"] == f"urn:fersite:problem:{code}"
    assert body["title"]
    assert body["detail"]
    assert body["instance"].startswith("/api/v1/")
    return body

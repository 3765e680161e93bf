"""Rows and checks that the tests of the interface share."""

from typing import Any

from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from accounts.models import User
from classifier.models import Face, Prediction, Upload, Version

URL = "/api/v1/uploads/"


def make_caller(user: User | None) -> APIClient:
    """A client that sends the user's token; nobody's when there is no user. CSRF is checked as in production."""
    client = APIClient(enforce_csrf_checks=True)
    if user:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {Token.objects.get_or_create(user=user)[0].key}")
    return client


def make_version(name: str, state: str = Version.State.CHAMPION) -> Version:
    return Version.objects.create(name=name, state=state, digest=name.ljust(64, "0"))


def make_upload(user: User, number: int = 0, status: str = Upload.Status.DONE, **fields: Any) -> Upload:
    return Upload.objects.create(
        owner=user, sha256=f"{number:064x}", status=status, source="api", width=640, height=480,
        image=f"uploads/{number}.jpg", **fields,
    )  # fmt: skip


def make_face(upload: Upload, index: int = 0) -> Face:
    return Face.objects.create(
        upload=upload, index=index, x=10 + index, y=20, width=30, height=40, score=0.9, origin="detector", crop="c.png"
    )


def make_prediction(face: Face, version: Version, label: int = 3) -> Prediction:
    probabilities = [0.05] * 7
    probabilities[label] = 0.7
    return Prediction.objects.create(
        face=face, version=version, label=label, confidence=0.7, probabilities=probabilities,
        prediction_set=[label, 6], ms=41.5,
    )  # fmt: skip


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

"""GET /schema/: valid OpenAPI 3 without a warning, and the answers keep to it."""

import json
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from accounts.models import User
from classifier.answers.corrections import give_answer
from classifier.models import Correction
from tests.api.rows import URL, make_face, make_prediction, make_upload, make_version


@pytest.fixture
def schema(anonymous: APIClient) -> dict[str, Any]:
    response = anonymous.get("/api/v1/schema/?format=json")
    assert response.status_code == 200
    body: dict[str, Any] = json.loads(response.content)
    return body


def check_body(schema: dict[str, Any], name: str, body: Any) -> None:
    """OpenAPI 3.0's nullable aside, its schemas are JSON Schema."""
    resolved = {"$ref": f"#/components/schemas/{name}", "components": nullable_as_type(schema["components"])}
    jsonschema.Draft202012Validator(resolved).validate(body)


def nullable_as_type(node: Any) -> Any:
    if isinstance(node, list):
        return [nullable_as_type(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: nullable_as_type(value) for key, value in node.items()}
    return {"anyOf": [node, {"type": "null"}]} if node.pop("nullable", False) else node


def test_no_warning() -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", "/dev/null")


def test_addresses(schema: dict[str, Any]) -> None:
    found = {(path, method) for path, methods in schema["paths"].items() for method in methods}
    assert found == {
        ("/api/v1/token/", "post"),
        ("/api/v1/limits/", "get"),
        ("/api/v1/uploads/", "get"),
        ("/api/v1/uploads/", "post"),
        ("/api/v1/uploads/{id}/", "get"),
        ("/api/v1/uploads/{id}/", "delete"),
        ("/api/v1/uploads/{id}/faces/", "post"),
        ("/api/v1/faces/{id}/explanation/", "get"),
        ("/api/v1/faces/{id}/explanation/", "post"),
        ("/api/v1/faces/{id}/corrections/", "post"),
        ("/api/v1/corrections/", "get"),
        ("/api/v1/corrections/{id}/", "delete"),
        ("/api/v1/dashboard/", "get"),
        ("/api/v1/dashboard/{page}/", "get"),
    }
    body = schema["paths"]["/api/v1/uploads/"]["post"]["requestBody"]["content"]
    assert list(body) == ["multipart/form-data"]
    fields = schema["components"]["schemas"]["NewUploadRequest"]["properties"]
    assert fields["image"]["format"] == "binary"


def test_refusals_are_described(schema: dict[str, Any]) -> None:
    answers = schema["paths"]["/api/v1/uploads/"]["post"]["responses"]
    assert {"200", "202", "400", "401", "403", "413", "415", "422", "429"} <= set(answers)
    content = answers["422"]["content"]["application/problem+json"]
    assert {"too_many_pixels", "too_small", "unreadable_image", "idempotency_mismatch"} == {
        example["value"]["code"] for example in content["examples"].values()
    }


@pytest.mark.parametrize("accept", ["*/*", "application/vnd.oai.openapi", "text/html,*/*;q=0.8"])
def test_yaml_by_default(anonymous: APIClient, accept: str) -> None:
    response = anonymous.get("/api/v1/schema/", headers={"Accept": accept})
    assert response.content.startswith(b"openapi: 3")


@pytest.mark.parametrize("query", ["version=%0A", "version=2", "lang=de", "lang=xx-nowhere", "version=%00&lang=%00"])
def test_the_same_for_everybody(anonymous: APIClient, query: str) -> None:
    plain = anonymous.get("/api/v1/schema/")
    asked = anonymous.get(f"/api/v1/schema/?{query}")
    assert (asked.status_code, asked.content) == (200, plain.content)
    assert asked["Content-Disposition"] == plain["Content-Disposition"] == 'inline; filename="fersite.yaml"'


def test_it_is_made_once(anonymous: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    anonymous.get("/api/v1/schema/")
    monkeypatch.setattr(SchemaGenerator, "parse", None)  # called again, it would fail
    assert anonymous.get("/api/v1/schema/?format=json").status_code == 200


def test_answers_keep_to_it(owner: APIClient, ada: User, schema: dict[str, Any]) -> None:
    upload = make_upload(ada)
    face = make_face(upload)
    prediction = make_prediction(face, make_version("1.0.0"))
    for label in (None, 3):
        said = give_answer(face=face, author=ada, answer=4, asked="api", prediction=prediction)
        state = "rejected" if label is None else "approved"
        Correction.objects.filter(pk=said.pk).update(final_label=label, state=state)
    make_face(make_upload(ada, 1, "no_face"))
    check_body(schema, "PaginatedUploadList", owner.get(URL).json())
    check_body(schema, "Upload", owner.get(f"{URL}{upload.pk}/").json())
    check_body(schema, "Problem", owner.get(f"{URL}?status=x").json())
    check_body(schema, "PaginatedOwnCorrectionList", owner.get("/api/v1/corrections/").json())
    check_body(schema, "Limits", owner.get("/api/v1/limits/").json())

"""Words and examples of the OpenAPI schema that several addresses share, and the address of the schema itself."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from classifier.api.base import ApiView
from classifier.api.problems import CONTENT_TYPE, PROBLEMS

UPLOAD_ID = "7f1f7a3e-3c1d-4a53-9a53-0d9b8f1a2c44"
PROBABILITIES = {
    "angry": 0.01,
    "disgust": 0.0,
    "fear": 0.01,
    "happy": 0.93,
    "sad": 0.01,
    "surprise": 0.01,
    "neutral": 0.03,
}
ACCEPTED = {"id": UPLOAD_ID, "status": "pending", "url": f"https://example.org/api/v1/uploads/{UPLOAD_ID}/"}
UPLOAD: dict[str, Any] = {
    "id": UPLOAD_ID,
    "status": "done",
    "error": None,
    "created_at": "2026-11-21T09:30:00.123456Z",
    "image": f"https://s3.example.org/fersite/uploads/{UPLOAD_ID}.jpg?X-Amz-Signature=…",
    "faces": [
        {
            "id": "0b6c7e5e-6a8f-4a0c-8d5b-0f4f6f0d9e21",
            "box": {"x": 412, "y": 180, "width": 236, "height": 236},
            "prediction": {
                "label": "happy",
                "confidence": 0.93,
                "probabilities": PROBABILITIES,
                "set": ["happy"],
                "version": "1.0.0",
                "ms": 41.7,
            },
            "correction": None,
        }
    ],
}


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457. `code` is stable: decide by it, show `detail` to people."""

    type = serializers.CharField(help_text="a name for the kind of problem, made of its code")
    title = serializers.CharField()
    status = serializers.IntegerField(help_text="the HTTP status again")
    detail = serializers.CharField(help_text="what happened and what to do")
    instance = serializers.CharField(help_text="the path that was asked for")
    code = serializers.ChoiceField(choices=sorted(PROBLEMS))
    errors = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()), required=False, help_text="messages by field"
    )


def describe_problems(*codes: str) -> dict[tuple[int, str], OpenApiResponse]:
    """One response for each status among the codes, with an example for each code."""
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(PROBLEMS[code][0], []).append(code)
    return {
        (status, CONTENT_TYPE): OpenApiResponse(
            ProblemSerializer, description=" | ".join(names), examples=list(make_examples(names))
        )
        for status, names in by_status.items()
    }


def make_examples(codes: Iterable[str]) -> Iterable[OpenApiExample]:
    """A body for each code."""
    for code in codes:
        status, title = PROBLEMS[code]
        body = {"type": f"urn:fersite:problem:{code}", "title": title, "status": status, "code": code}
        body |= {"detail": "What happened and what to do.", "instance": "/api/v1/"}
        yield OpenApiExample(code, value=body, response_only=True, status_codes=[str(status)])


# Any address may answer these to a caller who is signed in, or ought to be.
SIGNED_IN = ("not_authenticated", "invalid_token", "not_acceptable", "server_error", "unavailable")


class SchemaView(SpectacularAPIView, ApiView):
    """This description, for tools: OpenAPI 3 as YAML, or as JSON with `?format=json`. Open to everybody."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The same for everybody: drf-spectacular's own parameters `version` and `lang` change nothing."""
        name = f"fersite.{request.accepted_renderer.format}"
        return Response(build_schema(), headers={"Content-Disposition": f'inline; filename="{name}"'})


@cache
def build_schema() -> dict[str, Any]:
    """The schema, made once a process: making it takes longer than sending it."""
    schema: dict[str, Any] = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]
    return schema

"""The interface on a page for people: every address with what it answers, from the same schema that tools read."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from classifier.api.schema import build_schema


@dataclass(frozen=True)
class Operation:
    """What one method of one address does. open: without an account; answers: status and words, problems by code."""

    method: str
    path: str
    summary: str
    description: str
    open: bool
    answers: list[tuple[str, str]]


@require_safe
def show_api(request: HttpRequest) -> HttpResponse:
    return render(request, "classifier/api.html", {"operations": list(read_operations())})


def read_operations() -> Iterator[Operation]:
    """Every operation of the API, in the schema's order."""
    for path, methods in build_schema()["paths"].items():
        for method, operation in methods.items():
            security = operation.get("security", [])
            yield Operation(
                method=method.upper(),
                path=path,
                summary=operation["summary"],
                description=operation.get("description", ""),
                open=not security or {} in security,
                answers=[
                    (status, answer["description"].replace(" | ", ", "))
                    for status, answer in operation["responses"].items()
                ],
            )

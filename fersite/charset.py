"""Content-Types whose charset is none for text: 400, where Django would fail while it reads the address or the form."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse

REFUSED = "fersite.charset_refused"


def check_charset(environ: dict[str, Any]) -> None:
    """Take a Content-Type away that Django cannot work with: with most it cannot even make its request."""
    if ";" not in environ.get("CONTENT_TYPE", ""):
        return
    try:
        request = WSGIRequest(environ.copy())
        b"a".decode(request.encoding or "utf-8", "replace")
    except (LookupError, ValueError, SuspiciousOperation):
        environ |= {"CONTENT_TYPE": "", REFUSED: True}


class CharsetMiddleware:
    """Refuses the requests whose Content-Type was taken away, in words."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if REFUSED in request.META:
            raise BadRequest("The Content-Type names no charset for text.")
        return self.get_response(request)

"""Errors of the interface: every one is `application/problem+json` (RFC 9457) with a stable `code`."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse, UnreadablePostError
from django.utils.log import log_response
from rest_framework import exceptions

from classifier.api.bodies import drain_after
from classifier.storage.objects import StorageUnavailable

CONTENT_TYPE = "application/problem+json"
RETRY_SECONDS = 5
# code: (status, title). Codes are a promise to clients: add, never rename.
PROBLEMS: dict[str, tuple[int, str]] = {
    "image_required": (400, "An image is required"),
    "invalid_credentials": (400, "The name or the password is wrong"),
    "invalid_cursor": (400, "The page does not exist"),
    "invalid_field": (400, "A field is not valid"),
    "invalid_filters": (400, "The filters are not valid"),
    "invalid_idempotency_key": (400, "The Idempotency-Key is not valid"),
    "invalid_status": (400, "There is no such status"),
    "malformed": (400, "The request cannot be read"),
    "not_authenticated": (401, "Sign in first"),
    "invalid_token": (401, "The token is not valid"),
    "csrf_failed": (403, "The CSRF token is missing or wrong"),
    "permission_denied": (403, "Not allowed"),
    "not_found": (404, "Not found"),
    "method_not_allowed": (405, "Method not allowed"),
    "not_acceptable": (406, "Only JSON can be sent"),
    "not_ready": (409, "The photo has no answer yet"),
    "already_reviewed": (409, "The answer cannot be taken back any more"),
    "length_required": (411, "Content-Length is required"),
    "too_large": (413, "The file is too large"),
    "unsupported_type": (415, "This kind of file is not supported"),
    "unsupported_media_type": (415, "This content type is not supported"),
    "box_outside": (422, "The box leaves the photo"),
    "box_taken": (422, "There is a face in that place already"),
    "box_too_small": (422, "The box is too small"),
    "too_many_boxes": (422, "Too many faces were drawn in this photo"),
    "idempotency_mismatch": (422, "The Idempotency-Key was used for another photo"),
    "too_many_pixels": (422, "The image has too many pixels"),
    "too_small": (422, "The image is too small"),
    "unreadable_image": (422, "The image cannot be read"),
    "throttled": (429, "Too many requests"),
    "server_error": (500, "Something went wrong here"),
    "unavailable": (503, "A part of the site is not reachable"),
}
# What REST framework calls some of them.
SYNONYMS = {
    "authentication_failed": "invalid_token",
    "parse_error": "malformed",
    "invalid": "invalid_field",
    "error": "server_error",
}
OUTAGES = (OperationalError, InterfaceError, BotoCoreError, ClientError, StorageUnavailable)


class Problem(exceptions.APIException):
    """Raise it with one of PROBLEMS' codes; `errors` maps fields to their messages."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: Mapping[str, list[str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail, code)
        self.status_code = PROBLEMS[code][0]
        self.errors = dict(errors or {})
        self.headers = dict(headers or {})


def handle_exception(error: Exception, context: dict[str, Any]) -> JsonResponse:
    """REST framework's hook: any exception at all becomes a problem; the unforeseen ones are logged in full."""
    request: HttpRequest = context["request"]._request
    if isinstance(error, exceptions.APIException):
        return answer_refusal(error, request)
    if isinstance(error, Http404):
        return answer(request, "not_found", "There is nothing here that you may see.")
    if isinstance(error, PermissionDenied):
        return answer(request, "permission_denied", "You may not do this.")
    if isinstance(error, SuspiciousOperation | RecursionError | UnreadablePostError):
        return handle_unreadable(error, request)
    if isinstance(error, OUTAGES):
        headers = {"Retry-After": str(RETRY_SECONDS)}
        response = answer(request, "unavailable", "Please try again in a moment.", headers=headers)
    else:
        response = answer(request, "server_error", "The error was logged. Please try again later.")
    log_response("%s: %s", response.reason_phrase, request.path, response=response, request=request, exception=error)
    return response


def handle_unreadable(error: Exception, request: HttpRequest) -> JsonResponse:
    """Answer a body that is too large, or that cannot be parsed."""
    if isinstance(error, RequestDataTooBig):
        response = answer(request, "too_large", "The body, or a field of it, is too large.")
        drain_after(response, request)
        return response
    return answer(request, "malformed", "The request cannot be read.")


def answer_refusal(error: exceptions.APIException, request: HttpRequest) -> JsonResponse:
    """Turn an exception of REST framework, or a Problem, into its answer."""
    errors, headers = dict(getattr(error, "errors", {})), dict(getattr(error, "headers", {}))
    detail, code = error.detail, getattr(error.detail, "code", "invalid")
    if isinstance(detail, (dict, list)):
        errors = detail if isinstance(detail, dict) else {"non_field_errors": detail}
        text = "Correct the fields named in errors."
    else:
        text = str(detail)
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(int(wait))
    return answer(request, SYNONYMS.get(code, code), text, errors=errors, headers=headers)


def answer(
    request: HttpRequest,
    code: str,
    detail: str,
    *,
    errors: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JsonResponse:
    """Make the response of a problem; an empty `errors` is left out."""
    status, title = PROBLEMS[code]
    body = {
        "type": f"urn:fersite:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": request.path,
        "code": code,
        **({"errors": errors} if errors else {}),
    }
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE, headers=headers)

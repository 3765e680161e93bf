"""What is said about requests that cannot be read and so never reached a view: a page, or a problem under /api/."""

from http import HTTPStatus

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views import defaults

from classifier.api.bodies import drain_after
from classifier.api.problems import handle_unreadable


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """413 for a body that is too large, 400 for all else."""
    if request.path.startswith("/api/"):
        return handle_unreadable(exception, request)
    if not isinstance(exception, RequestDataTooBig):
        return defaults.bad_request(request, exception)
    page = HttpResponse(render_to_string("413.html"), status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    drain_after(page, request)
    return page

"""What all views of the interface share: authentication, problems as answers, no caching; and unknown paths."""

from collections.abc import Callable, Sequence
from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from classifier.api.authentication import BearerAuthentication, PageSession
from classifier.api.problems import handle_exception


class ApiView(APIView):
    """Base view: signed-in callers only unless a view says otherwise."""

    authentication_classes: Sequence[type[BaseAuthentication]] = (BearerAuthentication, PageSession)
    permission_classes: Sequence[type[BasePermission]] = (IsAuthenticated,)

    def get_exception_handler(self) -> Callable[..., HttpResponseBase]:
        """Answer errors as problems, not in REST framework's own form."""
        return handle_exception

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Forbid caching: answers hold personal data and signed links."""
        final = super().finalize_response(request, response, *args, **kwargs)
        final.headers.setdefault("Cache-Control", "private, no-store")
        return final


@extend_schema(exclude=True)
class UnknownPath(ApiView):
    """404 as a problem for every other path under the interface, whatever the method."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Raise NotFound before anything else is looked at."""
        hint = "" if request.path.endswith("/") else " Addresses end with a slash."
        raise NotFound(f"There is no such address.{hint}")

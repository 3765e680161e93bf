"""Who calls: a token in `Authorization: Bearer …` first, so that anonymous calls get 401, else the site session."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import SessionAuthentication, TokenAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request


class BearerAuthentication(TokenAuthentication):
    """The token that POST /api/v1/token/ gives."""

    keyword = "Bearer"


class PageSession(SessionAuthentication):
    """The session of the pages; writes need the X-CSRFToken header."""

    def enforce_csrf(self, request: Request) -> None:
        """Check CSRF as REST framework does; a failure has the code csrf_failed."""
        try:
            super().enforce_csrf(request)
        except PermissionDenied as error:
            raise PermissionDenied(str(error.detail), code="csrf_failed") from error


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Tells the schema about the token."""

    target_class = BearerAuthentication
    name = "token"
    priority = 1

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "The token of POST /api/v1/token/."}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Tells the schema about the session."""

    target_class = PageSession
    name = "session"
    priority = 1

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        text = "The pages' session; POST and DELETE need the header X-CSRFToken as well."
        return {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": text}

"""The WSGI application that gunicorn serves."""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fersite.settings")

# A client that stops sending in the middle of a body gives its thread back after so long.
BODY_SECONDS = 10
_django = get_wsgi_application()


def application(environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
    """Django, with a limit on the time that a client may be silent while it sends."""
    if (connection := environ.get("gunicorn.socket")) is not None:
        connection.settimeout(BODY_SECONDS)
    return _django(environ, start_response)


get_resolver().url_patterns  # noqa: B018 - load the views now, not in the first request

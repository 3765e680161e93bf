"""The WSGI application that gunicorn serves; a client that stops sending its body is given up after ten seconds."""

import os
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from fersite.charset import check_charset

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fersite.settings")

BODY_SECONDS = 10
_django = get_wsgi_application()
get_resolver().url_patterns  # noqa: B018 - load the views now, not in the first request


class ImpatientBody:
    """The request's body; after a time-out nothing more is read, or gunicorn would wait for the rest of it in its one
    loop, and everybody with it."""

    def __init__(self, body: Any, connection: socket.socket) -> None:
        self._body, self._connection = body, connection

    def read(self, *size: int) -> bytes:
        """Read as any file does; raises TimeoutError when the client was silent for BODY_SECONDS."""
        return self._take(self._body.read, *size)

    def readline(self, *size: int) -> bytes:
        """Read as any file does; raises TimeoutError when the client was silent for BODY_SECONDS."""
        return self._take(self._body.readline, *size)

    def _take(self, take: Any, *size: int) -> bytes:
        try:
            return bytes(take(*size))
        except TimeoutError:
            self._connection.shutdown(socket.SHUT_RD)
            raise


def application(environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
    """Django, behind a limit on silence and a look at the Content-Type."""
    if (connection := environ.get("gunicorn.socket")) is not None:
        connection.settimeout(BODY_SECONDS)
        environ["wsgi.input"] = ImpatientBody(environ["wsgi.input"], connection)
    check_charset(environ)
    return _django(environ, start_response)

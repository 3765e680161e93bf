"""Behind a proxy every request comes from the proxy's address; limits per address need the caller's."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class ProxyAddressMiddleware:
    """Puts the address that the proxy saw into REMOTE_ADDR; on only with FERSITE_BEHIND_PROXY.

    Of X-Forwarded-For only the last entry counts, the one that the proxy itself added: a caller can write the others.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        seen = request.headers.get("X-Forwarded-For", "").rsplit(",", 1)[-1].strip()
        if seen:
            request.META["REMOTE_ADDR"] = seen
        return self.get_response(request)

"""The caller's address behind a proxy."""

import pytest
from django.http import HttpRequest, HttpResponse

from fersite.proxy import ProxyAddressMiddleware


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [("203.0.113.9", "203.0.113.9"), ("10.9.9.9, 203.0.113.9", "203.0.113.9"), ("", "127.0.0.1"), (", ", "127.0.0.1")],
)
def test_only_what_the_proxy_saw_counts(forwarded: str, address: str) -> None:
    request = HttpRequest()
    request.META = {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": forwarded}
    answer = HttpResponse()
    assert ProxyAddressMiddleware(lambda _: answer)(request) is answer
    assert request.META["REMOTE_ADDR"] == address

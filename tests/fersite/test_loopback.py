"""Proxies are for other machines only."""

from urllib.request import proxy_bypass

import pytest

from fersite.loopback import bypass_proxies


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"no_proxy": "example.org"},
        {"NO_PROXY": "example.org, 127.0.0.1"},
        {"no_proxy": "", "NO_PROXY": "example.org"},
        {"no_proxy": "example.org,", "NO_PROXY": "localhost"},
    ],
)
def test_loopback_is_bypassed(given: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {**given, "http_proxy": "http://127.0.0.1:9"}
    bypass_proxies(environ)
    assert environ["no_proxy"] == environ["NO_PROXY"]
    monkeypatch.setenv("no_proxy", environ["no_proxy"])
    for address in ("localhost", "127.0.0.1", "127.0.0.1:8000"):
        assert proxy_bypass(address)
    assert not proxy_bypass("pypi.org")
    if given:
        assert proxy_bypass("example.org")
    assert environ["http_proxy"] == "http://127.0.0.1:9"


def test_no_proxy_for_anything_stays() -> None:
    environ = {"no_proxy": "*"}
    bypass_proxies(environ)
    assert environ == {"no_proxy": "*"}

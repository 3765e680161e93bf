"""Loopback needs no proxy, whatever http_proxy, https_proxy and ALL_PROXY say: the local services are there."""

import os
from collections.abc import MutableMapping

HOSTS = ("localhost", "127.0.0.1", "::1")


def bypass_proxies(environ: MutableMapping[str, str] = os.environ) -> None:
    """Add loopback to no_proxy, for this process and those that it starts; all other addresses keep their proxy.

    Call it before the first client is made: boto3's read the variables once.
    """
    names = ("no_proxy", "NO_PROXY")  # some programs read only the one, some only the other
    given = [word.strip() for name in names for word in environ.get(name, "").split(",")]
    if "*" in given:  # no proxy for anything; as part of a list it would mean nothing
        return
    for name in names:
        environ[name] = ",".join(dict.fromkeys(filter(None, (*given, *HOSTS))))

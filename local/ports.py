"""Ports of this machine: which are free, and which one the site is to have.

Run as a script it ends with one line when the site cannot have PORT. That is done before anything is installed, so with
whatever Python there is and its standard library only.
"""

import os
import re
import socket
import sys
from typing import List


class PortError(Exception):
    """The site cannot have its port; the message is one line that says what to do."""


def try_port(port: int) -> None:
    """OSError when no server could listen on this loopback port."""
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(("127.0.0.1", port))


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port."""
    try:
        try_port(port)
    except OSError:
        return False
    return True


def free_ports(count: int) -> List[int]:
    """Ports that are free on loopback now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def read_port() -> int:
    """PORT, by default 8000."""
    text = os.environ.get("PORT") or "8000"
    if not re.match("[1-9][0-9]{0,4}$", text) or int(text) > 65535:
        raise PortError("PORT must be a number from 1 to 65535, not {!r}".format(text))
    return int(text)


def check_port(port: int) -> None:
    """PortError when the site cannot listen there."""
    try:
        try_port(port)
    except PermissionError:
        raise PortError("port {} is for root only: choose another: make run PORT=8000".format(port)) from None
    except OSError:
        message = "port {} is taken: stop what uses it (a site that already runs?), or choose another: make run PORT={}"
        raise PortError(message.format(port, port % 65535 + 1)) from None


if __name__ == "__main__":
    try:
        check_port(read_port())
    except PortError as error:
        sys.exit("make run: {}".format(error))

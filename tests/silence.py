"""A server that takes connections and never answers, and counts who came: what was waited for, whatever the clock says.

A busy machine makes everything slow; how often somebody waits for a timeout it does not change.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager


class SilentServer:
    """Listens on a port of loopback."""

    def __init__(self, server: socket.socket) -> None:
        self._server, self._callers = server, 0
        self.port: int = server.getsockname()[1]

    def count_callers(self) -> int:
        """How many connections were made so far; each waits for its own timeout."""
        self._server.setblocking(False)
        while True:
            try:
                self._server.accept()[0].close()
            except BlockingIOError:
                return self._callers
            self._callers += 1


@contextmanager
def open_silent_server() -> Iterator[SilentServer]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield SilentServer(server)

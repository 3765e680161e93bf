"""A child that is watched: its log shown on the console, itself started again when it ends."""

import os
import signal
from contextlib import suppress
from time import monotonic

from local.processes import Child

STABLE_SECONDS = 60  # a process that ran so long before it ended starts over with the shortest pause
LONGEST_PAUSE = 30
LOG_BYTES = 20_000_000


def say(line: str) -> None:
    """One line on the console; a console that is gone must not stop the site's orderly end."""
    with suppress(OSError, ValueError):
        print(line, flush=True)


class Watched:
    """A child that is restarted when it ends, and whose log is shown on the console."""

    def __init__(self, child: Child, *, shown: bool) -> None:
        self.child, self.shown = child, shown
        self.pause, self.started, self.restart_at = 1.0, 0.0, 0.0
        self.position = 0

    def start(self) -> None:
        """Start (again); the console shows what is logged from here on."""
        if self.child.log.exists():
            self.position = self.child.log.stat().st_size
        self.child.start()
        self.started, self.restart_at = monotonic(), 0.0

    def follow_log(self, *, show: bool) -> None:
        """Print complete new lines if wanted; keep the file from growing without end."""
        with self.child.log.open("rb") as file:
            file.seek(self.position)
            text, mark, _ = file.read(1_000_000).rpartition(b"\n")
            self.position += len(text) + len(mark)
            if show and self.shown and text:
                for line in text.decode(errors="replace").splitlines():
                    say(f"{self.child.name:<9} | {line[:200]}")
            if self.position > LOG_BYTES:
                self.child.log.with_suffix(".log.1").write_bytes(self.child.log.read_bytes())
                os.truncate(self.child.log, 0)
                self.position = 0

    def keep_alive(self) -> bool:
        """Start it again some time after its end, later each time; True if it was started now."""
        if self.child.alive():
            return False
        now = monotonic()
        if not self.restart_at:
            self.pause = 1.0 if now - self.started > STABLE_SECONDS else min(self.pause * 2, LONGEST_PAUSE)
            self.restart_at = now + self.pause
            say(f"{self.child.name} ended ({describe(self.child)}); it starts again in {self.pause:.0f} s")
            return False
        if now < self.restart_at:
            return False
        self.start()
        return True


def describe(child: Child) -> str:
    """How it ended, and where to read why."""
    code = child.returncode() or 0
    how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
    return f"{how}, log {child.log}"

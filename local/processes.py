"""Child processes that never outlive their parent: start, stop, and clear what an earlier parent left behind.

A child dies with the thread that started it (Linux' PR_SET_PDEATHSIG), so start children from the main thread.
"""

import json
import os
import signal
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psutil

from fersite.orphans import die_with_parent


class ServiceError(Exception):
    """A local service cannot run here; the message says what to do."""


@dataclass(eq=False)
class Child:
    """One process in a session of its own, so that Ctrl-C in the terminal reaches the manager alone."""

    name: str
    command: list[str]
    log: Path
    env: dict[str, str] = field(default_factory=dict)
    user: tuple[int, int] | None = None  # (uid, gid) to run as; None: ours
    cwd: Path | None = None
    nice: int = 0
    stop_signal: signal.Signals = signal.SIGTERM
    console: bool = False  # standard output goes to our own, only standard error to the log
    grace: float = 4.0  # seconds between stop_signal and SIGKILL
    orphan_signal: signal.Signals = signal.SIGKILL  # what it gets when its parent is killed
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; output is appended to `log`."""
        parent = os.getpid()

        def prepare() -> None:  # runs in the child, after the change of user, which would undo the request
            die_with_parent(self.orphan_signal, parent)
            if self.nice:
                os.nice(self.nice)

        identity: dict[str, Any] = {}
        if self.user is not None:
            identity = {"user": self.user[0], "group": self.user[1], "extra_groups": []}
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 - the commands are ours
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=None if self.console else output,
                stderr=output,
                env={**os.environ, **self.env},
                cwd=self.cwd or ("/" if self.user else None),
                start_new_session=True,
                preexec_fn=prepare,
                **identity,
            )

    @property
    def pid(self) -> int | None:
        """Its process id once started."""
        return self.process.pid if self.process else None

    def returncode(self) -> int | None:
        """None while it runs (or before its start), else its exit status; negative: the signal that ended it."""
        return self.process.poll() if self.process else None

    def alive(self) -> bool:
        """Whether it runs now."""
        return self.process is not None and self.process.poll() is None


def stop_children(children: Iterable[Child]) -> None:
    """Stop all at once: each gets its stop signal, then SIGKILL after its grace; returns when none is left."""
    waiting = {child: monotonic() + child.grace for child in children if child.alive()}
    families = [_family(child) for child in waiting]
    for child in waiting:
        _send(child, child.stop_signal)
    while waiting:
        for child, end in list(waiting.items()):
            if not child.alive():
                del waiting[child]
            elif monotonic() > end:
                _send(child, signal.SIGKILL)
        sleep(0.02)
    for process in chain(*families):  # workers that a killed master left
        with suppress(psutil.Error):
            process.kill()


def _family(child: Child) -> list[psutil.Process]:
    try:
        return psutil.Process(child.pid).children(recursive=True)
    except psutil.Error:
        return []


def _send(child: Child, signum: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        if child.process is not None:
            child.process.send_signal(signum)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, in one step: readers see the old text or the new one."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    new.rename(path)


def record_children(path: Path, children: Iterable[Child]) -> None:
    """Note pid and start time of each, so that the next manager can end what a killed one left."""
    rows = []
    for child in children:
        with suppress(psutil.Error):
            if child.alive():
                rows.append({"name": child.name, "pid": child.pid, "since": psutil.Process(child.pid).create_time()})
    write_private(path, json.dumps(rows))


def kill_recorded(path: Path) -> list[str]:
    """End what `record_children` noted and still runs, children included; returns the names."""
    try:
        rows = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return []
    found: list[str] = []
    victims: list[psutil.Process] = []
    for row in rows:
        with suppress(psutil.Error):
            process = psutil.Process(row["pid"])
            if process.create_time() == row["since"] and process.status() != psutil.STATUS_ZOMBIE:
                victims += [process, *process.children(recursive=True)]
                found.append(row["name"])
    end_processes(victims)
    path.unlink(missing_ok=True)
    return found


def end_processes(victims: list[psutil.Process]) -> None:
    """Send SIGINT (PostgreSQL: fast shutdown), SIGKILL after three seconds, and wait."""
    for signum in (signal.SIGINT, signal.SIGKILL):
        for process in victims:
            with suppress(psutil.Error):
                process.send_signal(signum)
        _, victims = psutil.wait_procs(victims, timeout=3)

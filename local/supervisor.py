"""The process manager behind `make run`: `python -m local.supervisor`; PORT and FERSITE_STATE say where.

One thread does everything: starts services, prepares the site, starts its processes, watches, and stops them all.
"""

import fcntl
import json
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from types import FrameType
from urllib.error import URLError
from urllib.request import urlopen

from fersite.orphans import die_with_parent
from local.embedded import LocalServices, read_secrets
from local.ports import PortError, check_port, read_port
from local.postgres import last_line
from local.prepare import PREPARED
from local.processes import Child, ServiceError, kill_recorded, record_children, stop_children, write_private
from local.programs import ROOT, python_process, site_environment, site_processes
from local.watch import Watched, describe, say

SERVICE_SECONDS, PREPARE_SECONDS, READY_SECONDS = 60, 180, 120
NEEDED = ("inference", "web")  # by a photo that is sent in; the others load Python when the site is ready
START_PAUSE, WATCH_PAUSE = 0.05, 0.2  # seconds between two looks


class StartError(Exception):
    """The site cannot start; the message is one line that says what to do."""


class Stopped(Exception):
    """Somebody asked the manager to stop."""


class Manager:
    """All processes of one state folder."""

    def __init__(self, state: Path, port: int) -> None:
        self.state, self.port = state, port
        self.logs = state / "log"
        self.stop_asked = self.ready = False
        self.watched: list[Watched] = []
        self.services: LocalServices | None = None
        self.environment: dict[str, str] = {}

    def run(self) -> None:
        """Start, watch until somebody asks to stop, stop. Raises StartError when it cannot start."""
        self.make_state()
        with (self.state / "manager.lock").open("a+") as lock:
            self.take_lock(lock.fileno())
            try:
                self.start()
                self.ready = True
                say(f"Ready: {self.address}")
                while True:
                    self.tick()
            except Stopped:
                say("Stopping")
            finally:
                with suppress(OSError):  # on a full disk everything is stopped all the same
                    write_private(self.state / "manager.json", json.dumps({"pid": os.getpid(), "stopping": True}))
                self.stop()
                (self.state / "manager.json").unlink(missing_ok=True)

    @property
    def address(self) -> str:
        """Where browsers find the site."""
        return f"http://127.0.0.1:{self.port}"

    def make_state(self) -> None:
        """Create the state folder; only its owner can list or read it (root's: PostgreSQL's user must pass through)."""
        try:
            self.logs.mkdir(parents=True, exist_ok=True)
            self.state.chmod(0o711 if os.geteuid() == 0 else 0o700)
            self.logs.chmod(0o700)
        except OSError as error:
            raise StartError(
                f"cannot write {self.state}: {error.strerror}; name another folder: FERSITE_STATE=…"
            ) from None

    def take_lock(self, descriptor: int) -> None:
        """One manager per state; waits for one that is just stopping."""
        end = monotonic() + 12
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                owner = read_json(self.state / "manager.json")
                if not owner.get("stopping") or monotonic() > end:
                    raise StartError(
                        f"a site already runs on {self.state} (process {owner.get('pid', 'unknown')}): stop it first, "
                        "or name another folder: FERSITE_STATE=…"
                    ) from None
                sleep(0.1)
        write_private(self.state / "manager.json", json.dumps({"pid": os.getpid(), "stopping": False}))

    # Start

    def start(self) -> None:
        """Start everything, until a probe photo went through the queue."""
        left = kill_recorded(self.state / "processes.json")
        if left:
            say(f"Ended what an earlier manager left: {', '.join(left)}")
        check_port(self.port)
        try:
            self.services = LocalServices.plan(self.state, os.environ, durable=True)
            children = self.services.children()
        except ServiceError as error:
            raise StartError(str(error)) from None
        except OSError as error:
            raise StartError(f"cannot prepare {error.filename or self.state}: {error.strerror}") from None
        self.write_environment(self.services)
        if children:
            say(f"Starting {', '.join(child.name for child in children)}")
        for child in children:
            self.add(child, shown=False)
        for name in ("postgres", "redis"):
            self.wait_for_service(name)
        prepare = self.start_prepare()
        try:
            self.wait_until((self.state / PREPARED).exists, PREPARE_SECONDS, "prepare", prepare)
            processes = site_processes(self.logs, self.environment, self.port)
            needed = [child for child in processes if child.name in NEEDED]
            self.add_site(needed)
            self.wait_until(lambda: prepare.returncode() == 0, READY_SECONDS, "prepare", prepare)
        finally:
            stop_children([prepare])
        self.wait_until(self.web_answers, READY_SECONDS, "web")
        self.add_site([child for child in processes if child not in needed])

    def add_site(self, children: list[Child]) -> None:
        """Start processes of the site; the console shows their logs."""
        say(f"Starting {', '.join(child.name for child in children)}")
        for child in children:
            self.add(child, shown=True)

    def start_prepare(self) -> Child:
        """Start the process that prepares the site and later sends the probe photo; it writes to the console."""
        (self.state / PREPARED).unlink(missing_ok=True)
        prepare = python_process("prepare", self.logs, self.environment, "local.prepare")
        prepare.console = True
        prepare.start()
        return prepare

    def write_environment(self, services: LocalServices) -> None:
        """Tell `manage.py` of the same state where everything is, and keep what our processes need."""
        known = site_environment(read_secrets(self.state)["secret_key"], services.environment)
        write_private(self.state / "services.json", json.dumps(known, indent=1))
        own = {"DJANGO_SETTINGS_MODULE": "fersite.settings", "FERSITE_STATE": str(self.state), "PYTHONUNBUFFERED": "1"}
        self.environment = known | own

    def add(self, child: Child, *, shown: bool) -> None:
        """Start a child and watch it from now on."""
        watched = Watched(child, shown=shown)
        self.watched.append(watched)
        watched.start()
        self.record()

    def record(self) -> None:
        """Keep the list that lets the next manager clean up after a kill -9; a full disk must not end the site."""
        try:
            record_children(self.state / "processes.json", [one.child for one in self.watched])
        except OSError as error:
            say(f"The list of processes could not be written: {error.strerror}")

    def wait_for_service(self, name: str) -> None:
        """Wait until the local service answers; real ones are the operator's."""
        server = self.services.servers.get(name) if self.services else None
        if server is not None:
            self.wait_until(server.ready, SERVICE_SECONDS, name)

    def web_answers(self) -> bool:
        """Whether gunicorn serves the site."""
        try:
            urlopen(f"{self.address}/healthz", timeout=0.5).close()  # noqa: S310 - our own address
        except (URLError, OSError):
            return False
        return True

    def wait_until(self, done: Callable[[], bool], seconds: float, what: str, *helpers: Child) -> None:
        """Wait, and give up when it takes too long or when a process that is needed has ended."""
        end = monotonic() + seconds
        while not done():
            for child in (*(one.child for one in self.watched), *helpers):
                if child.returncode() is not None and not done():
                    why = last_line(child.log.read_text(errors="replace")[-4000:])
                    raise StartError(f"{child.name} failed: {why[:300]} ({describe(child)})")
            if monotonic() > end:
                raise StartError(f"{what} was not ready after {seconds:.0f} s: see {self.logs / what}.log")
            self.tick()

    # Watch and stop

    def tick(self) -> None:
        """One round of the loop: log lines, restarts, and Stopped when somebody asked for it.

        Until the site is ready nothing is shown or restarted: a start that fails ends with one clear line.
        """
        for one in self.watched:
            one.follow_log(show=self.ready)
        if self.ready and any([one.keep_alive() for one in self.watched]):
            self.record()
        sleep(WATCH_PAUSE if self.ready else START_PAUSE)
        if self.stop_asked:
            raise Stopped

    def stop(self) -> None:
        """Stop the site's own processes first, then what they need."""
        site = [one.child for one in self.watched if one.shown]
        stop_children(reversed(site))
        stop_children(one.child for one in self.watched if not one.shown)
        if self.services:
            self.services.clear()
        for name in ("processes.json", "services.json"):
            (self.state / name).unlink(missing_ok=True)

    def ask_to_stop(self, signum: int, frame: FrameType | None) -> None:
        """Signal handler: the loop looks at the flag."""
        self.stop_asked = True


def read_json(path: Path) -> dict[str, object]:
    """A small JSON file; {} when it is not there or half made."""
    try:
        found: dict[str, object] = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return found


def main() -> int:
    """Exit status 0 after an orderly stop, 1 when the site could not start."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    if os.environ.pop("FERSITE_UNDER_MAKE", ""):
        die_with_parent(signal.SIGTERM, os.getppid())  # killing make must not leave a site that nobody sees
    state = Path(os.environ.get("FERSITE_STATE") or "var").expanduser()
    try:
        manager = Manager((ROOT / state).resolve(), read_port())
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, manager.ask_to_stop)
        manager.run()
    except (StartError, PortError) as error:
        say(f"make run: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

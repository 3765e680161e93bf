"""`make run`'s manager, for real: on a state folder and a port of its own it starts, refuses, stops and recovers."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from urllib.request import urlopen

import psutil
import pytest

from local.ports import free_ports
from local.programs import ROOT, read_procfile
from local.supervisor import Manager

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]

READY_SECONDS = 150  # generous: other processes may keep the machine busy


class Site:
    """A manager on a temporary state folder."""

    def __init__(self, state: Path) -> None:
        self.state, self.port = state, free_ports(1)[0]
        self.output = state / "console.txt"

    def start(self) -> subprocess.Popen[bytes]:
        """Start the manager; its console goes to a file."""
        with self.output.open("wb") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "local.supervisor"],
                cwd=ROOT,
                env=clean_environment(self.state, self.port),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start_ready(self) -> subprocess.Popen[bytes]:
        """Start the manager and wait for its Ready line."""
        manager = self.start()
        end = monotonic() + READY_SECONDS
        while f"\nReady: http://127.0.0.1:{self.port}\n" not in self.output.read_text():
            assert manager.poll() is None, self.output.read_text()
            assert monotonic() < end, self.output.read_text()
            sleep(0.1)
        return manager

    def processes(self) -> list[psutil.Process]:
        """Every process that was started for this state."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("FERSITE_STATE") == str(self.state):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def wait_empty(self, seconds: float) -> None:
        """Fail when a process is left after that time."""
        end = monotonic() + seconds
        while left := self.processes():
            assert monotonic() < end, [process.cmdline() for process in left]
            sleep(0.1)


def clean_environment(state: Path, port: int) -> dict[str, str]:
    """An environment that names no services (those of the test run must not be used), but a proxy that is dead."""
    ours = re.compile(r"^(DATABASE_URL|REDIS_URL|SECRET_KEY|ALLOWED_HOSTS|DJANGO_|FERSITE_|S3_|AWS_)")
    kept = {name: value for name, value in os.environ.items() if not ours.match(name)}
    dead = "http://127.0.0.1:9"  # nobody listens there
    proxies = {name: dead for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")}
    no_bypass = {"no_proxy": "", "NO_PROXY": "example.org"}
    return kept | proxies | no_bypass | {"FERSITE_STATE": str(state), "PORT": str(port)}


def run_manager(state: Path, port: int) -> subprocess.CompletedProcess[str]:
    """A manager that is expected to give up."""
    return subprocess.run(
        [sys.executable, "-m", "local.supervisor"],
        cwd=ROOT,
        env=clean_environment(state, port),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """One state folder for all tests here: every start after the first is a restart."""
    with tempfile.TemporaryDirectory(prefix="fersite's Site ") as folder:  # a name that has to be quoted
        site = Site(Path(folder))
        yield site
        for process in site.processes():
            process.kill()


def test_starts_refuses_and_stops(site: Site) -> None:
    manager = site.start_ready()
    try:
        console = site.output.read_text()
        assert "Admin account (shown once): admin / " in console
        assert console.count("Ready: ") == 1
        with urlopen(f"http://127.0.0.1:{site.port}/readyz", timeout=5) as answer:
            assert answer.status == 200
        assert (site.state / "services.json").stat().st_mode & 0o777 == 0o600
        assert_only_loopback(site.processes())
        assert [name for name in read_procfile() if not (site.state / "log" / f"{name}.log").exists()] == []
        training = [one for one in site.processes() if "training@%h" in one.cmdline()]
        assert {one.nice() for one in training} == {19}  # photos come first; empty where none was found
        assert_command_sees_site(site)

        second = run_manager(site.state, free_ports(1)[0])
        assert second.returncode == 1
        assert f"a site already runs on {site.state} (process {manager.pid})" in second.stdout
        assert "Traceback" not in second.stdout + second.stderr
    finally:
        started = monotonic()
        manager.send_signal(signal.SIGTERM)
        assert manager.wait(10) == 0
    site.wait_empty(10 - (monotonic() - started))


def assert_only_loopback(processes: list[psutil.Process]) -> None:
    """No process of the site listens where another machine could reach it."""
    for process in processes:
        for connection in process.net_connections("inet"):
            if connection.status == psutil.CONN_LISTEN:
                assert connection.laddr.ip == "127.0.0.1", (process.name(), connection.laddr)


def assert_command_sees_site(site: Site) -> None:
    """`FERSITE_STATE=… manage.py …` talks to the running site's database."""
    command = [sys.executable, "manage.py", "shell", "-v0", "-c"]
    code = "from accounts.models import User; print(User.objects.filter(username='admin', is_superuser=True).count())"
    env = clean_environment(site.state, site.port) | {"AWS_ACCESS_KEY_ID": "of-another-account"}
    done = subprocess.run([*command, code], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "1"


def test_recovers_from_kill(site: Site) -> None:
    manager = site.start_ready()
    manager.kill()
    manager.wait()
    site.wait_empty(10)  # the kernel ends the children

    manager = site.start_ready()
    assert "Admin account" not in site.output.read_text()
    web = next(p for p in psutil.Process(manager.pid).children() if "gunicorn" in " ".join(p.cmdline()))
    web.kill()
    end = monotonic() + 30
    while "web ended (killed by SIGKILL" not in site.output.read_text():
        assert monotonic() < end, site.output.read_text()
        sleep(0.1)
    manager.send_signal(signal.SIGINT)
    assert manager.wait(10) == 0
    site.wait_empty(1)


@pytest.fixture
def state() -> Iterator[Path]:
    """A state folder that PostgreSQL's user can reach (pytest's tmp_path is closed to others)."""
    with tempfile.TemporaryDirectory(prefix="fersite-site-") as folder:
        yield Path(folder)


def test_taken_port(state: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = run_manager(state, port)
        early = run_ports(port)
    assert done.returncode == early.returncode == 1
    assert done.stdout == early.stderr  # before anything is installed, the same line
    assert done.stdout.startswith(f"make run: port {port} is taken")
    assert done.stdout.count("\n") == 1
    assert "Traceback" not in done.stderr
    assert run_ports(port).returncode == 0


def run_ports(port: int) -> subprocess.CompletedProcess[str]:
    """What looks at the port before anything is installed."""
    command = [sys.executable, "-I", "-S", "local/ports.py"]
    return subprocess.run(
        command, cwd=ROOT, env={"PORT": str(port)}, capture_output=True, text=True, timeout=20, check=False
    )


def test_service_that_does_not_start(state: Path) -> None:
    data = state / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("7\n")
    done = run_manager(state, free_ports(1)[0])
    assert done.returncode == 1
    message = done.stdout.splitlines()[-1]
    assert message.startswith("make run: postgres failed: ")
    assert f"log {state}/log/postgres.log" in message
    assert "Traceback" not in done.stdout + done.stderr


def test_make_passes_names_with_spaces() -> None:
    state = "/proc/it's $HOME"  # where nobody can write
    command = ["make", "run", f"PORT={free_ports(1)[0]}", f"FERSITE_STATE={state.replace('$', '$$')}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert f"make run: cannot write {state}: " in done.stdout


@pytest.mark.parametrize("port", ["0", "65536", "http", "80 80"])
def test_bad_port(state: Path, port: str) -> None:
    env = clean_environment(state, 1) | {"PORT": port}
    command = [sys.executable, "-m", "local.supervisor"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stdout == f"make run: PORT must be a number from 1 to 65535, not '{port}'\n"


def test_a_full_disk_does_not_end_the_manager(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that is gone refuses to be written, too."""
    Manager(tmp_path / "gone", 8000).record()
    assert "could not be written" in capsys.readouterr().out

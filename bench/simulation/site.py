"""Real services and workers in a folder that is thrown away: PostgreSQL, Redis, S3, Celery."""

import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from local.embedded import LocalServices
from local.processes import Child, stop_children

ROOT = Path(__file__).resolve().parent.parent.parent
CHOSEN = ("DATABASE_URL", "REDIS_URL", "S3_ENDPOINT_URL", "AWS_STORAGE_BUCKET_NAME")


@dataclass(frozen=True)
class Site:
    """A running one. state: its folder; children: its processes, services first."""

    state: Path
    children: list[Child]


def wait_for(what: str, ready: Callable[[], object], seconds: float = 60.0) -> None:
    """Ask until it is so; ends the benchmark when it takes too long."""
    end = monotonic() + seconds
    while not ready():
        if monotonic() > end:
            raise SystemExit(f"{what}: not after {seconds:.0f} s")
        sleep(0.05)


@contextmanager
def open_site(*, queues: Sequence[str] = ("inference", "training"), **settings: str) -> Iterator[Site]:
    """Start the services and a worker for each queue, set Django up on them.

    Whatever services the environment names are left alone: a benchmark must not fill anybody's bucket.

    Args:
        queues: () for no worker at all.
        settings: variables of the environment, for this process and the workers.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that what follows is cleared away
    state = Path(tempfile.mkdtemp(prefix="fersite-bench-"))
    state.chmod(0o711)  # PostgreSQL's user must be able to enter it
    (state / "static").mkdir()  # where collected files would be: WhiteNoise warns without it
    children: list[Child] = []
    services = LocalServices.plan(state, {k: v for k, v in os.environ.items() if k not in CHOSEN}, durable=True)
    try:
        children.extend(services.children())
        for child in children:
            child.start()
        for name, server in services.servers.items():
            wait_for(f"{name} does not start", server.ready)
        _prepare(state, services.environment | settings)
        for queue in queues:
            children.append(_start_worker(state, queue))
        yield Site(state, children)
    finally:
        stop_children(reversed(children))
        services.clear()
        shutil.rmtree(state, ignore_errors=True)


def _prepare(state: Path, environment: dict[str, str]) -> None:
    os.environ.update(
        environment,
        DJANGO_SETTINGS_MODULE="fersite.settings",
        FERSITE_STATE=str(state),
        FERSITE_INSECURE_HTTP="1",
        SECRET_KEY=secrets.token_urlsafe(64),
        ALLOWED_HOSTS="127.0.0.1",
    )
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    import django
    from django.core.management import call_command

    django.setup()
    from fersite.s3 import create_bucket

    call_command("migrate", verbosity=0)
    create_bucket()


def _start_worker(state: Path, queue: str) -> Child:
    command = [sys.executable, "-m", "celery", "--quiet", "-A", "fersite", "worker", "--pool=prefork", "-c1"]
    command += ["-Q", queue, "-n", f"{queue}@%h", "-l", "WARNING", "--without-gossip", "--without-mingle"]
    worker = Child(queue, command, state / f"{queue}.log", cwd=ROOT)
    worker.start()
    return worker

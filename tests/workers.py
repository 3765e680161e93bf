"""Real Celery workers for tests, on the test's own database."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

ROOT = Path(__file__).resolve().parent.parent


def start_worker(
    *, processes: int = 1, app: str = "fersite", queue: str = "inference", **settings: str
) -> subprocess.Popen[bytes]:
    """`celery worker` for one queue, as the site starts it; `settings` are laid over the environment.

    `app` may name another module that prepares the worker and has the same Celery application.
    """
    from django.db import connection

    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    environment = {**os.environ, **settings, "DATABASE_URL": urlunsplit(url)}
    command = [sys.executable, "-m", "celery", "-A", app, "worker", "--pool=prefork", f"-c{processes}"]
    command += ["-Q", queue, "-l", "WARNING", "--without-gossip", "--without-mingle"]
    return subprocess.Popen(command, cwd=ROOT, env=environment)


def stop_worker(process: subprocess.Popen[bytes]) -> None:
    """Orderly, or after ten seconds at once."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

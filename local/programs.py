"""The site's own processes: the command line of each, and the environment that they share."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from local.processes import Child

ROOT = Path(__file__).resolve().parent.parent
SERVICE_VARIABLES = (
    "DATABASE_URL", "REDIS_URL", "S3_ENDPOINT_URL", "S3_PUBLIC_ENDPOINT_URL", "AWS_STORAGE_BUCKET_NAME",
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_S3_REGION_NAME",
)  # fmt: skip


def site_environment(secret_key: str, services: Mapping[str, str]) -> dict[str, str]:
    """What our processes, and `manage.py` of the same state, need to know; what the operator set is kept."""
    defaults = {"SECRET_KEY": secret_key, "ALLOWED_HOSTS": "localhost,127.0.0.1", "FERSITE_INSECURE_HTTP": "1"}
    chosen = {name: os.environ.get(name) or value for name, value in defaults.items()}
    given = {name: os.environ[name] for name in SERVICE_VARIABLES if os.environ.get(name)}
    return {**given, **chosen, **services}


def python_process(name: str, logs: Path, env: dict[str, str], *arguments: str, nice: int = 0) -> Child:
    """A Python module as a process; celery's and gunicorn's own orderly ends are cut short after 3.5 s."""
    # Celery warns root on every start; make run as root is common in containers, and tasks are JSON, never pickles.
    command = [sys.executable, "-W", "ignore:You're running the worker with superuser", "-m", *arguments]
    return Child(name, command, logs / f"{name}.log", env=env, cwd=ROOT, nice=nice, grace=3.5)


def site_processes(logs: Path, env: dict[str, str], port: int) -> list[Child]:
    """Web, the workers and beat.

    The one for upkeep (aggregates, alerts) is a single process: photos must not wait for it, nor it for trainings.
    """
    web = ["gunicorn", "fersite.wsgi:application", f"--bind=127.0.0.1:{port}", "--worker-class=gthread"]
    web += ["--workers=2", "--threads=24", "--graceful-timeout=3", "--timeout=60", "--preload", "--no-control-socket"]
    celery = ["celery", "--quiet", "--skip-checks", "-A", "fersite"]  # prepare has checked
    worker = [*celery, "worker", "--pool=prefork", "--without-gossip", "--without-mingle", "-l", "INFO"]
    solo = [*celery, "worker", "--pool=solo", "--without-gossip", "--without-mingle", "-l", "INFO"]
    shared = {"PROMETHEUS_MULTIPROC_DIR": str(make_empty(logs.parent / "prometheus"))}
    photos = max(1, min(4, (os.cpu_count() or 2) // 2))
    return [
        python_process("inference", logs, env, *worker, "-Q", "inference", "-c", str(photos), "-n", "inference@%h"),
        python_process("web", logs, env | shared, *web, f"--access-logfile={logs / 'access.log'}"),
        python_process(
            "training",
            logs,
            env,
            *worker,
            "-Q",
            "training",
            "-c",
            "1",
            "-n",
            "training@%h",
            "--max-tasks-per-child=1",
            nice=19,
        ),
        python_process("upkeep", logs, env, *solo, "-Q", "upkeep", "-n", "upkeep@%h", nice=10),
        python_process("beat", logs, env, *celery, "beat", "-l", "INFO", "--pidfile=", nice=10),
    ]


def make_empty(folder: Path) -> Path:
    """The folder, without what an earlier start left: web's processes count together in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return folder

"""The site's own processes, as Procfile lists them, and the environment that they share."""

import os
import shlex
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


def read_procfile() -> dict[str, list[str]]:
    """The words of each process' command, by the process' name."""
    lines = (ROOT / "Procfile").read_text().splitlines()
    named = [line.split(":", 1) for line in lines if not line.startswith("#")]
    return {name: shlex.split(command) for name, command in named}


def site_processes(logs: Path, env: dict[str, str], port: int) -> list[Child]:
    """The processes of Procfile: run by our Python, on loopback only, and quick to end.

    The one for upkeep (aggregates, alerts) is a single process: photos must not wait for it, nor it for trainings.
    """
    shared = {"PROMETHEUS_MULTIPROC_DIR": str(make_empty(logs.parent / "prometheus"))}
    web = [f"--bind=127.0.0.1:{port}", "--graceful-timeout=3", f"--access-logfile={logs / 'access.log'}"]
    found = []
    for name, words in read_procfile().items():
        nice = 0
        if words[:2] == ["nice", "-n"]:
            nice, words = int(words[2]), words[3:]
        program, *arguments = words
        if program == "gunicorn":
            found.append(python_process(name, logs, env | shared, program, *web, *arguments, nice=nice))
        else:  # celery; prepare has made the checks
            found.append(python_process(name, logs, env, program, "--skip-checks", *arguments, nice=nice))
    return found


def make_empty(folder: Path) -> Path:
    """The folder, without what an earlier start left: web's processes count together in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return folder

"""Settings come from the environment, are safe when nothing is set, and say which value is wrong."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = re.compile(
    r"^(DATABASE_URL|REDIS_URL|SECRET_KEY|ALLOWED_HOSTS|CSRF_|DEBUG|EMAIL_|DJANGO_|FERSITE_|S3_|AWS_|LOG_LEVEL)"
)
MINIMUM = {
    "SECRET_KEY": "only-for-this-test-0123456789-abcdefghijklmnopqrstuvwxyz",
    "DATABASE_URL": "postgresql://somebody:secret@db.example.org/fersite",
    "REDIS_URL": "redis://redis.example.org:6379/0",
}


def load(state: Path, names: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Print settings (a space between the names) as JSON from a process with these variables only."""
    code = (
        f"import json; from fersite import settings as s; print(json.dumps([getattr(s, n) for n in {names.split()}]))"
    )
    env = {name: value for name, value in os.environ.items() if not OURS.match(name)}
    env |= {"FERSITE_STATE": str(state), **variables}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)


def values(state: Path, names: str, **variables: str) -> list[object]:
    """The settings' values; MINIMUM is set too."""
    done = load(state, names, **(MINIMUM | variables))
    assert done.returncode == 0, done.stderr
    found: list[object] = json.loads(done.stdout)
    return found


def test_safe_by_default(tmp_path: Path) -> None:
    names = "DEBUG ALLOWED_HOSTS SESSION_COOKIE_SECURE CSRF_COOKIE_SECURE SECURE_SSL_REDIRECT"
    assert values(tmp_path, names) == [False, [], True, True, True]


def test_plain_http_on_loopback(tmp_path: Path) -> None:
    names = "SESSION_COOKIE_SECURE SECURE_SSL_REDIRECT SECURE_HSTS_SECONDS"
    assert values(tmp_path, names, FERSITE_INSECURE_HTTP="1") == [False, False, 0]


@pytest.mark.parametrize("name", sorted(MINIMUM))
def test_required(tmp_path: Path, name: str) -> None:
    done = load(tmp_path, "DEBUG", **{key: value for key, value in MINIMUM.items() if key != name})
    assert done.returncode != 0
    assert f"{name} is not set" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "maybe"),
        ("FERSITE_UPLOADS_PER_HOUR", "many"),
        ("EMAIL_URL", "mail.example.org"),
        ("DATABASE_URL", "sqlite:///db.sqlite3"),
    ],
)
def test_wrong_value(tmp_path: Path, name: str, value: str) -> None:
    done = load(tmp_path, "DEBUG", **(MINIMUM | {name: value}))
    assert done.returncode != 0
    assert name in done.stderr.splitlines()[-1]


def test_mail_server(tmp_path: Path) -> None:
    names = "EMAIL_BACKEND EMAIL_HOST EMAIL_PORT EMAIL_USE_TLS EMAIL_HOST_PASSWORD"
    found = values(tmp_path, names, EMAIL_URL="smtp+tls://me:p%40ss@mail.example.org")
    assert found == ["django.core.mail.backends.smtp.EmailBackend", "mail.example.org", 587, True, "p@ss"]
    assert values(tmp_path, "EMAIL_BACKEND") == ["django.core.mail.backends.console.EmailBackend"]


LOCAL = {
    "DATABASE_URL": "postgresql://local/fersite",
    "S3_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_STORAGE_BUCKET_NAME": "fersite",
}
S3 = "S3_ENDPOINT_URL AWS_ACCESS_KEY_ID AWS_STORAGE_BUCKET_NAME"


def test_running_site_is_found(tmp_path: Path) -> None:
    (tmp_path / "services.json").write_text(json.dumps(LOCAL))
    found = values(tmp_path, S3, AWS_ACCESS_KEY_ID="for-something-else")
    assert found == ["http://127.0.0.1:1", "local", "fersite"]


def test_named_services_win(tmp_path: Path) -> None:
    (tmp_path / "services.json").write_text(json.dumps(LOCAL))
    found = values(tmp_path, S3, AWS_STORAGE_BUCKET_NAME="photos", AWS_ACCESS_KEY_ID="real")
    assert found == [None, "real", "photos"]


def test_web_processes_load_no_network(tmp_path: Path) -> None:
    code = (
        "import os, sys, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'fersite.settings'; django.setup()\n"
        "import fersite.urls\n"
        "print(sorted({'tensorflow', 'keras', 'ai_edge_litert'} & set(sys.modules)))"
    )
    env = {name: value for name, value in os.environ.items() if not OURS.match(name)}
    env |= MINIMUM | {"FERSITE_STATE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

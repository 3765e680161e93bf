"""Liveness asks nobody; readiness names the dependency that does not answer."""

from time import monotonic

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from fersite import health

pytestmark = pytest.mark.django_db

GONE = "127.0.0.1:1"


@pytest.fixture
def worker() -> None:
    """The mark that an inference worker renews."""
    cache.set(health.HEARTBEAT_KEY, "now", 20)


def states(client: Client) -> dict[str, str]:
    started = monotonic()
    answer = client.get("/readyz")
    assert monotonic() - started < 2
    found: dict[str, str] = answer.json()
    assert answer.status_code == (200 if set(found.values()) == {"ok"} else 503)
    return found


def test_alive_without_dependencies(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = f"redis://{GONE}/0"
    assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.usefixtures("worker")
def test_ready(client: Client) -> None:
    assert states(client) == dict.fromkeys(("database", "broker", "storage", "worker"), "ok")


def test_no_worker(client: Client) -> None:
    assert states(client) == {"database": "ok", "broker": "ok", "storage": "ok", "worker": "error"}

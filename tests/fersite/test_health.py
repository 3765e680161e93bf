"""Liveness asks nobody; readiness names the dependency that does not answer, within two seconds."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import monotonic, sleep

import pytest
import redis
from django.core.cache import cache
from django.db import connections
from django.test import Client
from pytest_django import Settings

from fersite import health

pytestmark = pytest.mark.django_db

PROBE_SECONDS = health.PROBE_SECONDS
ALL = ("database", "broker", "storage", "worker")


@pytest.fixture
def worker() -> None:
    """The mark that an inference worker renews."""
    cache.set(health.HEARTBEAT_KEY, "now", 20)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test looks for itself, and gives those that answer more time than the site does: the machine may be busy."""
    monkeypatch.setattr(health, "PROBE_SECONDS", 30.0)
    health.readiness.forget()
    yield
    health.readiness.forget()


def failing(client: Client) -> set[str]:
    """The dependencies that /readyz calls broken."""
    answer = client.get("/readyz")
    assert answer.headers["Cache-Control"].startswith("max-age=0")
    found = answer.json()
    assert tuple(found) == ALL
    broken = {name for name, state in found.items() if state != "ok"}
    assert all(found[name] == "error" for name in broken)
    assert answer.status_code == (503 if broken else 200)
    return broken


@pytest.fixture
def kept_database() -> Iterator[None]:
    """Give the connection's address back after the test."""
    kept = dict(connections["default"].settings_dict)
    yield
    connections["default"].settings_dict.update(kept)


def test_alive_while_everything_is_down(client: Client, settings: Settings, closed_port: int) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{closed_port}/0"
    settings.S3_ENDPOINT_URL = f"http://127.0.0.1:{closed_port}"
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}


@pytest.mark.usefixtures("worker")
def test_ready(client: Client) -> None:
    assert failing(client) == set()


def test_no_worker(client: Client) -> None:
    assert failing(client) == {"worker"}


@pytest.mark.usefixtures("worker", "kept_database")
@pytest.mark.parametrize("kind", ["closed_port", "silent_port"])
def test_database_down(client: Client, request: pytest.FixtureRequest, kind: str) -> None:
    connections["default"].settings_dict.update(HOST="127.0.0.1", PORT=str(request.getfixturevalue(kind)))
    assert failing(client) == {"database"}


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("kind", ["closed_port", "silent_port"])
def test_broker_down(client: Client, settings: Settings, request: pytest.FixtureRequest, kind: str) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{request.getfixturevalue(kind)}/0"
    assert failing(client) == {"broker"}


@pytest.mark.usefixtures("worker")
def test_broker_takes_no_writes(client: Client, settings: Settings) -> None:
    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        broker.config_set("maxmemory", 1)
        try:
            assert broker.ping()
            assert failing(client) == {"broker"}
        finally:
            broker.config_set("maxmemory", 0)


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("kind", ["closed_port", "silent_port"])
def test_storage_down(client: Client, settings: Settings, request: pytest.FixtureRequest, kind: str) -> None:
    settings.S3_ENDPOINT_URL = f"http://127.0.0.1:{request.getfixturevalue(kind)}"
    assert failing(client) == {"storage"}


@pytest.mark.usefixtures("worker")
def test_bucket_missing(client: Client, settings: Settings) -> None:
    settings.AWS_STORAGE_BUCKET_NAME = "there-is-no-such-bucket"
    assert failing(client) == {"storage"}


def test_who_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert PROBE_SECONDS < 2  # the site's own
    monkeypatch.setattr(health, "PROBE_SECONDS", 0.1)
    answers = Event()

    def hang() -> None:
        answers.wait(60)

    def answer() -> None:
        pass

    assert health.run_probes({"slow": hang, "quick": answer}) == {"slow": "error", "quick": "ok"}
    answers.set()


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_may_come_under_any_host(client: Client, path: str) -> None:
    assert client.get(path, headers={"Host": "10.1.2.3:8000"}).status_code in (200, 503)
    assert client.get("/", headers={"Host": "10.1.2.3"}).status_code == 400


@pytest.mark.usefixtures("worker")
def test_the_dependencies_are_asked_once_a_second(
    client: Client, settings: Settings, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "KEPT_SECONDS", 60.0)
    assert failing(client) == set()
    settings.S3_ENDPOINT_URL = f"http://127.0.0.1:{closed_port}"
    assert failing(client) == set()
    later = monotonic() + 60
    monkeypatch.setattr(health, "monotonic", lambda: later)
    assert failing(client) == {"storage"}


@pytest.mark.usefixtures("worker")
def test_many_who_ask_at_once_look_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    def look(probes: object) -> dict[str, str]:
        looks.append(1)
        sleep(0.1)
        return {"database": "ok"}

    monkeypatch.setattr(health, "run_probes", look)
    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda _: health.readiness.read(), range(20)))
    assert found == [{"database": "ok"}] * 20
    assert len(looks) == 1
    health.readiness.forget()

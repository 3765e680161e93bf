"""The local Redis, for real: what it wrote is there after a restart, and files that it cannot read do not stop it."""

from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest
import redis

from local.embedded import LocalRedis
from local.ports import free_ports
from local.processes import Child, stop_children


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A folder whose name has to be quoted."""
    folder = tmp_path / "a state's folder"
    folder.mkdir()
    return folder


@pytest.fixture
def running() -> Iterator[list[Child]]:
    """Stopped when the test ends."""
    children: list[Child] = []
    yield children
    stop_children(children)


def start(state: Path, running: list[Child]) -> LocalRedis:
    """A server that answers."""
    server = LocalRedis(state, password="secret", port=free_ports(1)[0], durable=True)
    server.prepare()
    child = server.child(state / "redis.log")
    child.start()
    running.append(child)
    end = monotonic() + 20
    while not server.ready():
        assert child.alive(), child.log.read_text()
        assert monotonic() < end, child.log.read_text()
        sleep(0.02)
    return server


def test_redis_keeps_what_it_wrote(state: Path, running: list[Child]) -> None:
    with redis.Redis.from_url(start(state, running).url()) as client:
        client.lpush("inference", "a photo")
    stop_children(running)
    with redis.Redis.from_url(start(state, running).url()) as client:
        assert client.lrange("inference", 0, -1) == [b"a photo"]


def test_redis_starts_on_files_of_another_server(state: Path, running: list[Child]) -> None:
    for folder in ("appendonlydir", "redis-99.9/appendonlydir"):  # where Redis 7 put it; where a later one would
        (state / "redis" / folder).mkdir(parents=True)
        (state / "redis" / folder / "appendonly.aof.manifest").write_text("file from-the-future.rdb seq 1 type b\n")
    (state / "redis" / "appendonly.aof").write_text("nonsense")  # where Redis 6 put it
    with redis.Redis.from_url(start(state, running).url()) as client:
        assert client.dbsize() == 0
    assert {path.name for path in (state / "redis").iterdir()} == {"redis.conf", running[0].cwd.name}  # type: ignore[union-attr]

"""The inference worker's sign of life: there while it runs, gone when it ends, and no broken Redis stops it."""

import time
from typing import Any

import pytest
import redis
from django.core.cache import cache

from classifier.serving import heartbeat
from classifier.serving.heartbeat import EXPIRE_SECONDS, Heartbeat, beat_once
from fersite.health import HEARTBEAT_KEY

pytestmark = pytest.mark.django_db


def wait_for_beat() -> Any:
    end = time.monotonic() + 5
    while (beat := cache.get(HEARTBEAT_KEY)) is None and time.monotonic() < end:
        time.sleep(0.01)
    return beat


def test_beats_while_it_runs_and_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "RENEW_SECONDS", 0.01)
    life = Heartbeat()
    life.start()
    first = wait_for_beat()
    cache.delete(HEARTBEAT_KEY)
    second = wait_for_beat()
    assert None not in (first, second)
    assert first != second
    life.stop()
    life._thread.join(5)
    cache.delete(HEARTBEAT_KEY)  # a beat that was under way
    time.sleep(0.05)
    assert cache.get(HEARTBEAT_KEY) is None


def test_sign_of_a_killed_worker_expires(settings: Any) -> None:
    beat_once()
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        [key] = [name for name in client.scan_iter() if HEARTBEAT_KEY.encode() in name]
        assert 0 < client.ttl(key) <= EXPIRE_SECONDS


def test_a_worker_that_stops_leaves_the_sign_to_the_others(settings: Any) -> None:
    beat_once()
    Heartbeat().stop()
    assert cache.get(HEARTBEAT_KEY) is not None
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        [key] = [name for name in client.scan_iter() if HEARTBEAT_KEY.encode() in name]
        assert heartbeat.RENEW_SECONDS < client.ttl(key) <= heartbeat.LAST_SECONDS


def test_dead_redis_stops_nothing(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    dead = {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {"default": dead}
    beat_once()
    Heartbeat().stop()
    assert "heartbeat could not be written" in caplog.text

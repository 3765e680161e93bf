"""POST /uploads/ is quick while workers, broker and cache are dead; lenient here, bench/upload_latency.py measures."""

import socket
from collections.abc import Callable, Iterator
from statistics import median
from time import perf_counter
from typing import Any

import pytest
from pytest_django import Settings

from classifier import jobs
from classifier.models import Upload
from classifier.photos.upkeep import sweep_uploads
from fersite.celery import app
from tests.api.photos import make_photo


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("kind", ["refused", "silent"])
def test_everything_else_is_dead(
    transactional_db: None,
    post: Callable[..., Any],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    silent_port: int,
    kind: str,
) -> None:
    settings.REDIS_URL = dead = f"redis://127.0.0.1:{1 if kind == 'refused' else silent_port}/0"
    connect = app.connection_for_write
    photos = [make_photo(1280, 960, seed=seed) for seed in range(20)]
    times = []
    with monkeypatch.context() as away:
        away.setattr(app, "connection_for_write", lambda **options: connect(dead, **options))
        away.setattr(jobs, "_paused_until", 0.0)
        for photo in photos:
            start = perf_counter()
            assert post(photo).status_code == 202
            times.append(perf_counter() - start)
        assert "broker unreachable" in caplog.text
    assert Upload.objects.filter(status="pending").count() == len(photos)
    assert median(times) < 0.6

    # The broker is back: what was not sent is handed out by the sweeper.
    monkeypatch.setattr(jobs, "_paused_until", 0.0)
    Upload.objects.update(due_at=None)
    assert sweep_uploads() == len(photos)

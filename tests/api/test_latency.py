"""POST /uploads/ is quick while workers, broker and cache are dead: what it computes, and how often it waits.

bench/upload_latency.py measures what the clock says.
"""

from collections.abc import Callable, Iterator
from statistics import median
from time import thread_time
from typing import Any

import pytest
from pytest_django import Settings

from classifier import jobs
from classifier.jobs import BROKER_SECONDS
from classifier.models import Upload
from classifier.photos.upkeep import sweep_uploads
from fersite.celery import app
from fersite.rates import REDIS_SECONDS
from tests.api.photos import make_photo
from tests.silence import SilentServer, open_silent_server


@pytest.fixture
def silent() -> Iterator[SilentServer]:
    with open_silent_server() as server:
        yield server


@pytest.mark.parametrize("kind", ["refused", "silent"])
def test_everything_else_is_dead(
    transactional_db: None,
    post: Callable[..., Any],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    silent: SilentServer,
    kind: str,
) -> None:
    settings.REDIS_URL = dead = f"redis://127.0.0.1:{1 if kind == 'refused' else silent.port}/0"
    connect = app.connection_for_write
    photos = [make_photo(1280, 960, seed=seed) for seed in range(20)]
    times = []
    with monkeypatch.context() as away:
        away.setattr(app, "connection_for_write", lambda **options: connect(dead, **options))
        away.setattr(jobs, "_paused_until", 0.0)
        away.setattr(jobs, "PAUSE_SECONDS", 3600.0)  # however long twenty photos take on a busy machine
        for photo in photos:
            start = thread_time()
            assert post(photo).status_code == 202
            times.append(thread_time() - start)
        assert "broker unreachable" in caplog.text
    assert Upload.objects.filter(status="pending").count() == len(photos)
    # Each asks for its place in the window of uploads, and the first one the broker.
    assert silent.count_callers() == (0 if kind == "refused" else len(photos) + 1)
    assert median(times) + REDIS_SECONDS + BROKER_SECONDS < 0.6

    # The broker is back: what was not sent is handed out by the sweeper.
    monkeypatch.setattr(jobs, "_paused_until", 0.0)
    Upload.objects.update(due_at=None)
    assert sweep_uploads() == len(photos)

"""POST /uploads/ is quick while workers, broker and cache are dead; lenient here, bench/upload_latency.py measures."""

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import pytest
from pytest_django import Settings

from classifier import enqueue
from classifier.models import Upload
from fersite.celery import app
from tests.api.photos import make_photo


def test_everything_else_is_dead(post: Callable[..., Any], settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    dead = "redis://127.0.0.1:1/0"
    settings.REDIS_URL = dead
    monkeypatch.setattr(app.conf, "broker_url", dead)
    monkeypatch.setattr(app.conf, "broker_write_url", dead)
    monkeypatch.setattr(enqueue, "_paused_until", 0.0)
    photos = [make_photo(1280, 960, seed=seed) for seed in range(20)]
    times = []
    for photo in photos:
        start = perf_counter()
        assert post(photo).status_code == 202
        times.append(perf_counter() - start)
    assert Upload.objects.filter(status="pending").count() == len(photos)
    assert median(times) < 0.6

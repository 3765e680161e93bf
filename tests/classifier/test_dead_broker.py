"""A broker that refuses, or takes connections and never answers, delays nobody; it is used again soon after."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from statistics import median
from time import monotonic, perf_counter
from typing import Any

import pytest
import redis
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from classifier import jobs
from classifier.photos.upkeep import sweep_uploads
from fersite.celery import app
from tests.api.photos import make_photo

Take = Callable[..., Any]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a fresh process."""
    monkeypatch.setattr(jobs, "_paused_until", 0.0)


@contextmanager
def dead_broker(kind: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Celery's broker is a port that refuses, or one that takes connections and stays silent."""
    connect = app.connection_for_write
    with socket.create_server(("127.0.0.1", 0)) as server, monkeypatch.context() as away:
        port = server.getsockname()[1]
        if kind == "refused":
            server.close()
        address = f"redis://127.0.0.1:{port}/0"
        away.setattr(app, "connection_for_write", lambda **options: connect(address, **options))
        yield


def count_messages(settings: Any) -> int:
    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        return int(broker.llen("inference"))


@pytest.mark.parametrize("kind", ["refused", "silent"])
def test_photo_is_taken_at_once_and_sent_by_the_next_sweep(
    take: Take, monkeypatch: pytest.MonkeyPatch, settings: Any, kind: str
) -> None:
    photos = [SimpleUploadedFile("photo.jpg", make_photo(1280, 960, seed=seed)) for seed in range(7)]
    times = []
    with dead_broker(kind, monkeypatch):
        for photo in photos:
            monkeypatch.setattr(jobs, "_paused_until", 0.0)  # the worst case: every one asks the dead broker
            start = perf_counter()
            assert take(file=photo).created
            times.append(perf_counter() - start)
        assert sweep_uploads() == 0
    assert median(times) < 0.6  # three times would be more: a broker that is down is not waited for again and again
    assert count_messages(settings) == 0
    monkeypatch.setattr(jobs, "_paused_until", 0.0)
    assert sweep_uploads() == len(photos)
    assert count_messages(settings) == len(photos)


def test_dead_broker_is_asked_once_then_left_alone_for_seconds(take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    pk = take().upload.pk
    with dead_broker("silent", monkeypatch):
        times = []
        for _ in range(20):
            start = perf_counter()
            assert not jobs.hand_over(jobs.UPLOADS, pk)
            times.append(perf_counter() - start)
    assert times[0] >= jobs.BROKER_SECONDS
    assert max(times[1:]) < jobs.BROKER_SECONDS
    assert not jobs.hand_over(jobs.UPLOADS, pk)  # it is back, but nobody has looked yet
    assert jobs._paused_until - monotonic() <= jobs.PAUSE_SECONDS == 5
    monkeypatch.setattr(jobs, "_paused_until", monotonic())
    assert jobs.hand_over(jobs.UPLOADS, pk)
    assert jobs.hand_over(jobs.UPLOADS, pk)


def test_photo_the_broker_did_not_take_is_due_at_once(take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    with dead_broker("refused", monkeypatch):
        upload = take().upload
    upload.refresh_from_db()
    assert upload.due_at is not None
    assert upload.due_at <= timezone.now()
    monkeypatch.setattr(jobs, "_paused_until", 0.0)
    sent = take(2).upload
    sent.refresh_from_db()
    assert sent.due_at is not None
    assert sent.due_at - timezone.now() > timedelta(seconds=50)

"""A broker that refuses, or takes connections and never answers, delays nobody; it is used again soon after."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from statistics import median
from time import monotonic, thread_time
from typing import Any

import pytest
import redis
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from classifier import jobs
from classifier.photos.intake import Outcome
from classifier.photos.upkeep import sweep_uploads
from fersite.celery import app
from tests.api.photos import make_photo
from tests.silence import SilentServer, open_silent_server

Take = Callable[..., Any]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a fresh process."""
    monkeypatch.setattr(jobs, "_paused_until", 0.0)


@contextmanager
def dead_broker(kind: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[SilentServer]:
    """Celery's broker is a port that refuses, or one that takes connections and stays silent."""
    connect = app.connection_for_write
    with open_silent_server() as server, monkeypatch.context() as away:
        address = f"redis://127.0.0.1:{1 if kind == 'refused' else server.port}/0"
        away.setattr(app, "connection_for_write", lambda **options: connect(address, **options))
        yield server


def count_messages(settings: Any) -> int:
    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        return int(broker.llen("inference"))


@pytest.mark.parametrize("kind", ["refused", "silent"])
def test_photo_is_taken_at_once_and_sent_by_the_next_sweep(
    take: Take, monkeypatch: pytest.MonkeyPatch, settings: Any, kind: str
) -> None:
    photos = [SimpleUploadedFile("photo.jpg", make_photo(1280, 960, seed=seed)) for seed in range(7)]
    times = []
    with dead_broker(kind, monkeypatch) as server:
        for photo in photos:
            monkeypatch.setattr(jobs, "_paused_until", 0.0)  # the worst case: every one asks the dead broker
            start = thread_time()
            assert take(file=photo).outcome is Outcome.CREATED
            times.append(thread_time() - start)
        assert sweep_uploads() == 0
        # A broker that is down is not waited for again and again.
        assert server.count_callers() == (0 if kind == "refused" else len(photos))
    assert median(times) + jobs.BROKER_SECONDS < 0.6
    assert count_messages(settings) == 0
    monkeypatch.setattr(jobs, "_paused_until", 0.0)
    assert sweep_uploads() == len(photos)
    assert count_messages(settings) == len(photos)


def test_dead_broker_is_asked_once_then_left_alone_for_seconds(take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    pk = take().upload.pk
    with dead_broker("silent", monkeypatch) as server:
        start = monotonic()
        for _ in range(20):
            assert not jobs.hand_over(jobs.UPLOADS, pk)
        assert server.count_callers() == 1
        assert monotonic() - start >= jobs.BROKER_SECONDS
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

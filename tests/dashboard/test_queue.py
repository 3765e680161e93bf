"""Looks at the queue: what waits and since when, who is at work, what is kept and for how long."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection

from classifier.models import Upload
from classifier.serving.heartbeat import beat_once
from dashboard import tasks
from dashboard.models import QueueSample
from dashboard.rollups.queue import QUEUE_DAYS, look_at_queue, sample_queue
from tests.dashboard.alerting import MINUTE, NOW
from tests.dashboard.history import at
from tests.factories import make_upload, make_user

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


def make_photo(number: int, age: timedelta, status: str, **fields: Any) -> Upload:
    owner = make_user(f"person-{number}")
    with at(NOW - age):
        return make_upload(owner, number, status, **fields)


def test_counts_what_waits_and_what_is_at_work() -> None:
    make_photo(1, 30 * SECOND, "pending")
    make_photo(2, 90 * SECOND, "pending")
    make_photo(3, 20 * SECOND, "running", claimed_until=NOW + 10 * SECOND)
    make_photo(4, 500 * SECOND, "done")
    make_photo(5, 500 * SECOND, "dead")
    found = look_at_queue(now=NOW)
    assert (found.pending, found.running, found.oldest_seconds) == (2, 1, 90)


def test_a_lapsed_lease_waits() -> None:
    make_photo(1, 300 * SECOND, "running", claimed_until=NOW - SECOND)
    found = look_at_queue(now=NOW)
    assert (found.pending, found.running, found.oldest_seconds) == (1, 0, 300)


def test_probes_are_not_counted() -> None:
    photo = make_photo(1, 300 * SECOND, "pending")
    Upload.objects.filter(pk=photo.pk).update(source="probe")
    assert look_at_queue(now=NOW).pending == 0


def test_nothing_waits() -> None:
    found = look_at_queue(now=NOW)
    assert (found.pending, found.running, found.oldest_seconds, found.worker_alive) == (0, 0, 0, False)


def test_sees_the_worker(settings: Any) -> None:
    beat_once()
    assert look_at_queue(now=NOW).worker_alive
    cache.clear()
    assert not look_at_queue(now=NOW).worker_alive
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}
    assert not look_at_queue(now=NOW).worker_alive


def test_one_sample_a_minute() -> None:
    make_photo(1, 30 * SECOND, "pending")
    sample = sample_queue(now=NOW + 17 * SECOND)
    assert (sample.at, sample.pending, sample.oldest_seconds) == (NOW, 1, 47)
    assert sample_queue(now=NOW + 40 * SECOND) == sample
    assert sample_queue(now=NOW + MINUTE) != sample
    assert QueueSample.objects.count() == 2


def test_old_samples_go() -> None:
    for days in (QUEUE_DAYS + 1, QUEUE_DAYS - 1):
        sample_queue(now=NOW - timedelta(days=days))
    sample_queue(now=NOW)
    assert [sample.at for sample in QueueSample.objects.all()] == [NOW - timedelta(days=QUEUE_DAYS - 1), NOW]


def test_one_query_over_the_unfinished_alone(django_assert_num_queries: Any) -> None:
    make_photo(1, 30 * SECOND, "pending")
    with django_assert_num_queries(1) as captured:
        look_at_queue(now=NOW)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {captured[0]['sql']}")
        plan = " ".join(row[0] for row in cursor.fetchall())
    assert "upload_sweep" in plan


def test_the_task_samples_now() -> None:
    tasks.sample_queue()
    assert QueueSample.objects.count() == 1

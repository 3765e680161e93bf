"""The photos' page: every number is the one that the rows give, quantiles to within one bucket."""

import math
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from pytest_django import DjangoDbBlocker
from pytest_django.fixtures import DjangoAssertNumQueries

from classifier.models import Upload
from dashboard.charts.chart import Cell, Chart
from dashboard.charts.photos import FEWEST_TIMED, build_photos
from dashboard.figures.scope import Scope
from dashboard.models import QueueSample
from tests.dashboard.history import LAST
from tests.dashboard.plain import kept_history, last_days, table

pytestmark = pytest.mark.django_db
DAYS = 3


@pytest.fixture(scope="module", autouse=True)
def history(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with kept_history(django_db_blocker, days=DAYS + 1, photos=220):
        yield


def chart_of(scope: Scope, name: str) -> Chart:
    return next(chart for chart in build_photos(scope) if chart.name == name)


def photos(scope: Scope) -> list[Upload]:
    """Of the range and the source, probes left out."""
    rows = Upload.objects.filter(created_at__gte=scope.since, created_at__lt=scope.end)
    return [one for one in rows if one.source != "probe" and scope.source in (None, one.source)]


def day_of(photo: Upload) -> datetime:
    return photo.created_at.replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.mark.parametrize("source", [None, "api"])
def test_volume_and_failures(source: str | None) -> None:
    scope = last_days(DAYS, source=source)
    rows = photos(scope)
    counted: Counter[tuple[Cell, str]] = Counter((day_of(one), one.status) for one in rows)
    volume = chart_of(scope, "volume")
    assert volume.n == len(rows) > 20
    for row in table(volume):
        assert {status: row[status] for status in Upload.Status.values} == {
            status: counted[row["start"], status] for status in Upload.Status.values
        }
    failed = Counter((one.error, one.status) for one in rows if one.error)
    failures = list(table(chart_of(scope, "failures")))
    assert {(row["error"], row["status"]): row["uploads"] for row in failures} == failed
    assert all(
        row["share"] == pytest.approx(failed[str(row["error"]), str(row["status"])] / len(rows)) for row in failures
    )


def test_times_lie_within_one_bucket() -> None:
    scope = last_days(DAYS)
    found: dict[tuple[Cell, str], list[float]] = {}
    for photo in photos(scope):
        if photo.finished_at:
            total = (photo.finished_at - photo.created_at).total_seconds()
            found.setdefault((day_of(photo), "total"), []).append(total)
            if photo.ms is not None:
                found.setdefault((day_of(photo), "work"), []).append(photo.ms / 1000)
                found.setdefault((day_of(photo), "wait"), []).append(max(total - photo.ms / 1000, 0))
    chart = chart_of(scope, "times")
    assert chart.n == sum(len(values) for (_, stage), values in found.items() if stage == "total")
    compared = 0
    for row in table(chart):
        for stage in ("total", "wait", "work"):
            values = sorted(found.get((row["start"], stage), []))
            for name, share in (("p50", 0.5), ("p95", 0.95)):
                shown = row[f"{stage}_{name}"]
                if len(values) < FEWEST_TIMED:
                    assert shown is None
                    continue
                assert isinstance(shown, float)
                exact = values[math.ceil(share * len(values)) - 1]
                assert exact <= shown * 1.000001 or shown == 1000
                assert shown <= max(exact * 10**0.1 * 1.000001, 0.01)
                compared += 1
    assert compared >= 12


def test_the_queue_at_its_longest() -> None:
    for minutes, pending, oldest in ((10, 3, 5.0), (70, 9, 2.5), (600, 1, 40.0)):
        at = LAST + timedelta(minutes=minutes)
        alive = pending != 9
        QueueSample.objects.create(at=at, pending=pending, running=1, oldest_seconds=oldest, worker_alive=alive)
    chart = chart_of(last_days(DAYS), "queue")
    rows = list(table(chart))
    assert [(row["pending"], row["running"], row["oldest_seconds"]) for row in rows] == [
        (None, None, None),
        (None, None, None),
        (9, 1, 40.0),
    ]
    heartbeat = list(table(chart_of(last_days(DAYS), "worker")))
    assert [(row["looks"], row["alive"]) for row in heartbeat] == [(0, None), (0, None), (3, pytest.approx(2 / 3))]


def test_queries(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(3):
        build_photos(last_days(DAYS))


def test_nothing_is_not_enough() -> None:
    empty = last_days(DAYS)
    scope = Scope(since=empty.since - timedelta(days=300), end=empty.since - timedelta(days=299))
    assert [chart.is_enough for chart in build_photos(scope)] == [False] * 5

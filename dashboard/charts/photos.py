"""Photos on their way: how many came, how they ended, how long they took, how long the queue is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Q, Sum
from django.db.models.functions import Trunc

from classifier.models import Upload
from dashboard.charts.chart import START, Cell, Chart, Column, Series
from dashboard.figures.aggregates import SumArrays
from dashboard.figures.scope import Scope
from dashboard.models import Grain, QueueSample, UploadRollup
from dashboard.models.buckets import read_quantile

STAGES = {"total": "from arrival to the end", "wait": "waiting", "work": "the network at work"}
# A 95th percentile of fewer photos is the slowest one.
FEWEST_TIMED = 20


def build_photos(scope: Scope) -> list[Chart]:
    """Every chart of the page; three queries."""
    states = UploadRollup.objects.filter(scope.matching("source")).values_list("start", "status", "error")
    counted = list(states.annotate(Sum("uploads")).order_by("start"))
    looks = read_looks(scope)
    return [
        show_volume(scope, counted),
        show_failures(counted),
        show_times(scope),
        show_queue(scope, looks),
        show_worker(scope, looks),
    ]


def show_volume(scope: Scope, counted: Sequence[tuple[datetime, str, str, int]]) -> Chart:
    """Photos by state."""
    numbers = {(start, status): 0 for start in scope.starts() for status in Upload.Status.values}
    for start, status, _, uploads in counted:
        numbers[start, status] = numbers.get((start, status), 0) + uploads
    return Chart(
        name="volume",
        title="Photos handed in, by what became of them",
        plot="stacked",
        columns=[START, *(Column(one.value, one.value.replace("_", " ")) for one in Upload.Status)],
        rows=[(start, *(numbers[start, one] for one in Upload.Status.values)) for start in scope.starts()],
        n=sum(uploads for *_, uploads in counted),
        of="photos",
        note="Counted when they arrived. The version and label filters do not apply: a photo has neither.",
        series=[Series(one) for one in Upload.Status.values],
    )


def show_failures(counted: Sequence[tuple[datetime, str, str, int]]) -> Chart:
    """Photos that ended badly, by code."""
    numbers: dict[tuple[str, str], int] = {}
    for _, status, error, uploads in counted:
        if error:
            numbers[error, status] = numbers.get((error, status), 0) + uploads
    total = sum(uploads for *_, uploads in counted)
    rows: list[tuple[Cell, ...]] = [
        (error, status, uploads, uploads / total)
        for (error, status), uploads in sorted(numbers.items(), key=lambda item: -item[1])
    ]
    return Chart(
        name="failures",
        title="Photos that could not be read or were given up, by error code",
        plot="bars",
        columns=[
            Column("error", "Code", "text"),
            Column("status", "State", "text"),
            Column("uploads", "Photos"),
            Column("share", "Of all photos", "share"),
        ],
        rows=rows,
        n=total,
        of="photos",
        note="Photos refused at the door (too large, of an unknown type) are not stored, so they are not counted here.",
        series=[Series("uploads")],
    )


def show_times(scope: Scope) -> Chart:
    """p50 and p95 of each stage."""
    rows = UploadRollup.objects.filter(scope.matching("source")).values_list("start")
    found = {start: sums for start, *sums in rows.annotate(*(SumArrays(f"{stage}_bins") for stage in STAGES))}
    columns = [START]
    for stage, title in STAGES.items():
        columns += [Column(f"{stage}_{p}", f"{title}, {p}", "seconds") for p in ("p50", "p95")]
    table: list[tuple[Cell, ...]] = []
    for start in scope.starts():
        cells: list[Cell] = [start]
        for counts in found.get(start, [[]] * len(STAGES)):
            enough = sum(counts) >= FEWEST_TIMED
            between = [read_quantile("seconds", counts, share) if enough else None for share in (0.5, 0.95)]
            cells += [edges[1] if edges else None for edges in between]
        table.append(tuple(cells))
    return Chart(
        name="times",
        title="How long photos took: median and 95th percentile by stage",
        plot="lines",
        columns=columns,
        rows=table,
        n=sum(sum(sums[0]) for sums in found.values()),
        of="finished photos",
        minimum=FEWEST_TIMED,
        note="From histogram buckets each a quarter wider than the one before; the upper edge of the bucket is shown, "
        f"so a figure may be up to a quarter too high. Nothing for fewer than {FEWEST_TIMED} photos.",
        series=[Series("total_p50"), Series("total_p95"), Series("wait_p95"), Series("work_p95")],
    )


def read_looks(scope: Scope) -> dict[datetime, tuple[int, int, float, int, int]]:
    """Of each hour or day: most photos waiting and at work, longest wait in seconds, looks, and those with a worker."""
    step = "hour" if scope.grain == Grain.HOUR else "day"
    samples = QueueSample.objects.filter(at__gte=scope.since, at__lt=scope.end)
    found: Any = samples.annotate(start=Trunc("at", step)).values_list("start").order_by("start")
    worst = found.annotate(Max("pending"), Max("running"), Max("oldest_seconds"))
    looks = worst.annotate(Count("pk"), alive=Count("pk", filter=Q(worker_alive=True)))
    return {start: tuple(rest) for start, *rest in looks}


def show_queue(scope: Scope, looks: dict[datetime, tuple[int, int, float, int, int]]) -> Chart:
    """Depth and age, the worst of each hour or day."""
    return Chart(
        name="queue",
        title="The queue at its longest: photos waiting, and how long the oldest had waited",
        plot="lines",
        columns=[
            START,
            Column("pending", "Photos waiting"),
            Column("running", "Photos at work"),
            Column("oldest_seconds", "Oldest, waiting for", "seconds"),
        ],
        rows=[(start, *looks.get(start, (None,) * 3)[:3]) for start in scope.starts()],
        n=sum(count for *_, count, _ in looks.values()),
        of="looks",
        note="Looked at once a minute. No filter but the range applies.",
        series=[Series("pending"), Series("oldest_seconds")],
    )


def show_worker(scope: Scope, looks: dict[datetime, tuple[int, int, float, int, int]]) -> Chart:
    """The heartbeat: how often the worker for photos was there."""
    shares = {start: (count, alive / count) for start, (*_, count, alive) in looks.items()}
    return Chart(
        name="worker",
        title="Heartbeat: how often the worker for photos showed a sign of life",
        plot="lines",
        columns=[START, Column("looks", "Looks"), Column("alive", "With a worker", "share")],
        rows=[(start, *shares.get(start, (0, None))) for start in scope.starts()],
        n=sum(count for count, _ in shares.values()),
        of="looks",
        note="Looked at once a minute; a worker that has been silent for 20 s counts as gone. Without looks the "
        "process that looks was down itself.",
        series=[Series("alive")],
    )

"""Keeps the rollups true: computes the hours anew whose rows changed, and the days they belong to; writes only.

Stale hours are named by triggers, in the transaction of the change. An hour is deleted and written again, so a run may
be cut off, repeated, or done twice at once without harm, and a rebuild of everything gives the same numbers.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep

from django.db import connection, transaction
from django.utils import timezone

from dashboard.models import StaleHour
from dashboard.rollups.statements import DAYS, HOURS, TABLES

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# How many hours one transaction computes, so that a long backlog is not lost when it is cut off.
PIECE = 24
# Between two looks whether another process has finished.
PAUSE_SECONDS = 0.2
# Names the lock that lets one process at a time write rollups.
LOCK = 0x726F6C6C


def roll_up(*, limit: int | None = None) -> int:
    """Compute what has become stale. Return the number of hours computed; 0 too when another process is at it.

    Args:
        limit: hours at most; what remains is done by the next call.
    """
    done = 0
    while limit is None or done < limit:
        hours = _roll_up_piece(PIECE if limit is None else min(PIECE, limit - done))
        if not hours:
            break
        done += hours
    return done


@transaction.atomic
def _roll_up_piece(size: int) -> int:
    if not _take_turn():
        return 0
    hours = list(StaleHour.objects.order_by("hour").values_list("hour", flat=True).distinct()[:size])
    # Rows that are written meanwhile stay for the next run: only what is read here is deleted.
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM dashboard_stalehour WHERE hour = ANY(%s) RETURNING kind, hour", [hours])
        stale = set(cursor.fetchall())
    compute_hours(stale)
    return len(hours)


def _take_turn() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        return bool(cursor.fetchone()[0])


def compute_hours(stale: Iterable[tuple[str, datetime]]) -> None:
    """Write hours again from the rows, and their days from the hours; inside the caller's transaction.

    Args:
        stale: kind (a StaleHour.Kind) and the hour's start.
    """
    days: dict[str, set[datetime]] = defaultdict(set)
    with connection.cursor() as cursor:
        # Many rows are sorted and joined: not in the megabytes that are enough for a page.
        cursor.execute("SET LOCAL work_mem = '64MB'")
        for kind, start, end in join_hours(stale):
            for table in TABLES[kind]:
                cursor.execute(f"DELETE FROM {table} WHERE grain = 'h' AND start >= %s AND start < %s", [start, end])
                cursor.execute(HOURS[table], {"start": start, "end": end})
            days[kind].add(start_of_day(start))
        for kind, starts in days.items():
            for start in sorted(starts):
                for table in TABLES[kind]:
                    cursor.execute(f"DELETE FROM {table} WHERE grain = 'd' AND start = %s", [start])
                    cursor.execute(DAYS[table], {"start": start, "end": start + DAY})


def join_hours(stale: Iterable[tuple[str, datetime]]) -> list[tuple[str, datetime, datetime]]:
    """Kind, start and end of the stretches that stale hours of one day make: one statement is quicker than 24."""
    found: list[tuple[str, datetime, datetime]] = []
    for kind, hour in sorted(set(stale)):
        if found and found[-1][0] == kind and found[-1][2] == hour and hour != start_of_day(hour):
            found[-1] = (kind, found[-1][1], hour + HOUR)
        else:
            found.append((kind, hour, hour + HOUR))
    return found


def work_off(*, before: datetime | None = None, seconds: float | None = None) -> int:
    """Roll up until nothing is stale, in turns with another process that is at it; how many hours this one computed.

    Args:
        before: what is stale later than this may stay; None: everything must be done.
        seconds: how long to wait for it at most; None: as long as it takes.

    Raises:
        TimeoutError: something is stale after that time.
    """
    stale = StaleHour.objects.all() if before is None else StaleHour.objects.filter(hour__lt=before)
    began, done = monotonic(), roll_up()
    while stale.exists():
        if seconds is not None and monotonic() > began + seconds:
            raise TimeoutError(f"rollups are still stale after {seconds:.0f} s")
        sleep(PAUSE_SECONDS)
        done += roll_up()
    return done


def rebuild() -> int:
    """Compute all rollups of the hours before this one anew from the rows; how many hours this process computed.

    Readers see the old numbers of an hour until the new ones are written. Cut off, the next roll_up goes on.
    """
    present = timezone.now().replace(minute=0, second=0, microsecond=0)
    mark_everything_stale()
    return work_off(before=present)


@transaction.atomic
def mark_everything_stale() -> None:
    """Mark every hour as stale that has rows or rollups."""
    sources = {
        StaleHour.Kind.UPLOAD: "classifier_upload",
        StaleHour.Kind.PREDICTION: "classifier_prediction",
        StaleHour.Kind.SAMPLE: "classifier_sample",
    }
    with connection.cursor() as cursor:
        for kind, rows in sources.items():
            hours = [f"SELECT date_trunc('hour', created_at, 'UTC') AS hour FROM {rows}"]
            hours += [f"SELECT start FROM {table} WHERE grain = 'h'" for table in TABLES[kind]]
            cursor.execute(
                f"INSERT INTO dashboard_stalehour (kind, hour) SELECT %s, hour FROM ({' UNION '.join(hours)}) AS found",
                [kind],
            )


def start_of_day(moment: datetime) -> datetime:
    """The midnight before a moment, UTC."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)

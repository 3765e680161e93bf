"""Looks at the queue once a minute and keeps what it saw: writes QueueSample, and forgets the old ones."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db.models import Count, Min, Q

from classifier.models import Upload
from dashboard.models import QueueSample
from fersite.health import HEARTBEAT_KEY

QUEUE_DAYS = 90


@dataclass(frozen=True)
class Queue:
    """The queue at a moment, as QueueSample keeps it; the probe photos of the system account are not counted."""

    pending: int
    running: int
    oldest_seconds: float
    worker_alive: bool


def look_at_queue(*, now: datetime) -> Queue:
    """Read it; one query over the partial index of unfinished photos, however many are finished.

    A photo whose worker let its lease run out waits again, whatever its status says.
    """
    unfinished = Upload.objects.measured().filter(status__in=[Upload.Status.PENDING, Upload.Status.RUNNING])
    waits = Q(status=Upload.Status.PENDING) | Q(claimed_until__lt=now)
    found = unfinished.aggregate(
        pending=Count("pk", filter=waits), all=Count("pk"), oldest=Min("created_at", filter=waits)
    )
    oldest = found["oldest"]
    return Queue(
        pending=found["pending"],
        running=found["all"] - found["pending"],
        oldest_seconds=max((now - oldest).total_seconds(), 0.0) if oldest else 0.0,
        worker_alive=is_worker_alive(),
    )


def is_worker_alive() -> bool:
    """Whether a worker for photos showed a sign of life within the last 20 seconds."""
    try:
        return cache.get(HEARTBEAT_KEY) is not None
    except Exception:  # noqa: BLE001 - whatever Redis' client raises: no sign can be seen
        return False


def sample_queue(*, now: datetime) -> QueueSample:
    """Keep what the queue looks like; a second look in the same minute changes nothing.

    Samples that are older than QUEUE_DAYS are deleted.
    """
    queue = look_at_queue(now=now)
    sample, _ = QueueSample.objects.get_or_create(
        at=now.replace(second=0, microsecond=0),
        defaults={
            "pending": queue.pending,
            "running": queue.running,
            "oldest_seconds": queue.oldest_seconds,
            "worker_alive": queue.worker_alive,
        },
    )
    QueueSample.objects.filter(at__lt=now - timedelta(days=QUEUE_DAYS)).delete()
    return sample

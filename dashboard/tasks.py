"""Celery's entries: thin. All on the queue `upkeep` (CELERY_TASK_ROUTES), which has a worker of its own.

Not "inference": they would delay photos, and an alert that the worker is silent could never open. Not "training": that
worker is busy for hours. Each is short, or stops in time for the others.
"""

from time import monotonic

from celery import shared_task
from django.utils import timezone

from dashboard.alerts import episodes
from dashboard.rollups import hours, queue

PIECE_HOURS = 24
# A backlog is worked off for so long, then the other tasks have their turn.
TURN_SECONDS = 30.0


@shared_task(name="dashboard.tasks.roll_up")
def roll_up() -> int:
    """Bring the rollups up to date; how many hours were computed."""
    end, done = monotonic() + TURN_SECONDS, 0
    while computed := hours.roll_up(limit=PIECE_HOURS):
        done += computed
        if computed < PIECE_HOURS or monotonic() > end:
            break
    return done


@shared_task(name="dashboard.tasks.sample_queue")
def sample_queue() -> None:
    queue.sample_queue(now=timezone.now())


@shared_task(name="dashboard.tasks.check_alerts")
def check_alerts() -> int:
    """Look at all rules; how many alerts were opened or resolved."""
    return len(episodes.check_alerts_now())

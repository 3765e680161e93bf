"""What the queue looked like, minute by minute: the one thing that cannot be computed later."""

from typing import ClassVar

from django.db import models


class QueueSample(models.Model):
    """Photos that wait, at one moment; kept for QUEUE_DAYS (dashboard.rollups.queue)."""

    at = models.DateTimeField(unique=True)
    pending = models.PositiveIntegerField(help_text="photos that wait")
    running = models.PositiveIntegerField(help_text="photos a worker has")
    oldest_seconds = models.FloatField(help_text="how long the oldest of them has waited, in seconds; 0 when none does")
    worker_alive = models.BooleanField(help_text="whether the worker for photos showed a sign of life")

    class Meta:
        ordering: ClassVar = ["at"]

    def __str__(self) -> str:
        return f"{self.pending} waiting at {self.at:%Y-%m-%d %H:%M}"

"""Replays of history: that some of what the dashboard shows was played in later, and what."""

from typing import ClassVar

from django.db import models


class Replay(models.Model):
    """Photos of a public dataset that went through the site's own pipeline and were dated back (dashboard.replay)."""

    first_day = models.DateField()
    last_day = models.DateField()
    drift_from = models.DateField(null=True, help_text="from this day on the photos were darkened")
    faces = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-started_at"]

    def __str__(self) -> str:
        return f"replay of {self.first_day} to {self.last_day}"

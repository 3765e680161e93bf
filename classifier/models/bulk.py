"""Bulk reviews: one decision about many answers, carried out by a worker."""

from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from classifier.models.label import Label
from classifier.models.lease import Leased, LeasedQuerySet


class BulkReviewQuerySet(LeasedQuerySet["BulkReview"]):
    def open(self) -> "BulkReviewQuerySet":
        """Waiting for a worker, or held by one."""
        return self.exclude(state="done")


class BulkReview(Leased):
    """What a reviewer confirmed after seeing the counts; `done` and `problems` say how far it is.

    pending → running (a worker holds the lease `claimed_until`) → done. An answer that was decided stays so, so a
    lost worker's successor goes on where it was.
    """

    class State(models.TextChoices):
        PENDING = "pending"
        RUNNING = "running"
        DONE = "done"

    class Action(models.TextChoices):
        APPROVE = "approve"
        REJECT = "reject"

    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="bulk_reviews")
    action = models.CharField(max_length=7, choices=Action.choices)
    label = models.PositiveSmallIntegerField(
        choices=Label.choices, null=True, help_text="approve as; null: as answered"
    )
    reason = models.CharField(max_length=500, blank=True, default="")
    corrections = ArrayField(models.BigIntegerField(), help_text="ids, in the order they are decided")
    state = models.CharField(max_length=7, choices=State.choices, default=State.PENDING)
    done = models.PositiveIntegerField(default=0, help_text="how many of the ids were gone through")
    decided = models.PositiveIntegerField(default=0, help_text="how many of them were decided by this")
    problems = models.JSONField(default=list, help_text="[id, why not] of each that was not")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = BulkReviewQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.action} {len(self.corrections)} answers ({self.state})"

    def age(self, now: datetime) -> timedelta:
        """How long ago it was asked for."""
        return now - self.created_at

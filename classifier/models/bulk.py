"""Bulk reviews: one decision about many answers, carried out by a worker."""

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from classifier.models.label import Label


class BulkReviewQuerySet(models.QuerySet["BulkReview"]):
    def claimable(self, *, now: datetime) -> "BulkReviewQuerySet":
        """Waiting, or left by a worker whose lease ran out."""
        return self.filter(Q(state="pending") | Q(state="running", claimed_until__lt=now))

    def stalled(self, *, now: datetime) -> "BulkReviewQuerySet":
        """Waiting for longer than the queue should take, or left by a worker: to be sent again."""
        return self.exclude(state="done").filter(Q(claimed_until__isnull=True) | Q(claimed_until__lt=now))


class BulkReview(models.Model):
    """What a reviewer confirmed after seeing the counts; `done` and `problems` say how far it is.

    pending → running (a worker holds the lease `claimed_until`) → done. An answer that was decided stays so, so a
    lost worker's successor goes on where it was. While it is pending, `claimed_until` is how long its message may take.
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
    claimed_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = BulkReviewQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.action} {len(self.corrections)} answers ({self.state})"

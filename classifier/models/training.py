"""Training runs and the gate's decisions: what was tried, how far it is, and why a network may serve or not."""

import uuid
from datetime import datetime
from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

from classifier.models.kept import Refuse
from classifier.models.lease import Leased, LeasedQuerySet
from classifier.models.registry import Version
from classifier.models.snapshot import Snapshot


class TrainingRunQuerySet(LeasedQuerySet["TrainingRun"]):
    def open(self) -> "TrainingRunQuerySet":
        """Waiting or at work; at most one row."""
        return self.filter(state__in=["queued", "running"])

    def lost(self, *, now: datetime) -> "TrainingRunQuerySet":
        """Left by a worker whose lease ran out."""
        return self.filter(state="running", claimed_until__lt=now)


class TrainingRun(Leased):
    """One retraining. The row, not the queue, is the truth; checkpoints lie in FERSITE_STATE/training/<id>.

    queued → running (a worker holds the lease `claimed_until`, and waits with it while bucket or database are away)
    → done | failed | cancelled; running → queued when the worker was lost and attempts are left, or when it stopped in
    order, which costs no attempt; skipped: nothing was to be done, `reason` says why.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"
        SKIPPED = "skipped"

    class Trigger(models.TextChoices):
        NIGHTLY = "nightly", "nightly check"
        BUTTON = "button", "asked for by staff"
        COMMAND = "command", "command"

    class Mode(models.TextChoices):
        FINE_TUNE = "fine_tune", "go on from the network that serves"
        SCRATCH = "scratch", "from random weights"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    state = models.CharField(max_length=9, choices=State.choices, default=State.QUEUED)
    trigger = models.CharField(max_length=7, choices=Trigger.choices)
    mode = models.CharField(max_length=9, choices=Mode.choices, default=Mode.FINE_TUNE)
    options = models.JSONField(default=dict, help_text="epochs, rates, weights: see ml.recipe.TrainingConfig")
    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, null=True, related_name="runs")
    champion = models.ForeignKey(Version, on_delete=models.PROTECT, null=True, related_name="+")
    version = models.OneToOneField(Version, on_delete=models.PROTECT, null=True, related_name="run")
    reason = models.TextField(blank=True, default="", help_text="why it was skipped, failed or cancelled")
    stage = models.CharField(max_length=20, blank=True, default="", help_text="what it is at: reading, training, …")
    progress = models.JSONField(default=dict, help_text="epoch, epochs, loss, seconds_left")
    log = models.JSONField(default=list, help_text="one object per finished epoch")
    cancel_asked = models.BooleanField(default=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = TrainingRunQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at"]
        permissions: ClassVar = [("manage_training", "Can start and cancel training, promote and roll back versions")]
        constraints: ClassVar = [
            # One row at most with state queued or running: the expression is the same for both.
            models.UniqueConstraint(
                models.Value(1), condition=Q(state__in=["queued", "running"]), name="one_active_training_run"
            ),
            models.CheckConstraint(
                condition=Q(state="running", claimed_until__isnull=False)
                | (~Q(state="running") & Q(claimed_until__isnull=True)),
                name="only_running_runs_are_leased",
            ),
        ]

    def __str__(self) -> str:
        return f"run {str(self.pk)[:8]} ({self.state})"

    @property
    def is_active(self) -> bool:
        """Whether it waits or is at work."""
        return self.state in (self.State.QUEUED, self.State.RUNNING)


class GateDecision(models.Model):
    """A candidate measured against the network that served; append-only, every number in `report`."""

    class Outcome(models.TextChoices):
        PROMOTED = "promoted"
        WAITS = "waits", "waits for staff"
        REJECTED = "rejected"

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="decisions")
    champion = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="+")
    outcome = models.CharField(max_length=8, choices=Outcome.choices)
    frozen_digest = models.CharField(
        max_length=64, db_index=True, help_text="of the frozen test set it was measured on"
    )
    report = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        triggers: ClassVar = [Refuse(name="keep_row", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.version}: {self.get_outcome_display()}"

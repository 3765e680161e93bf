"""The registry of networks: every version that was made, which one serves, and every change of it."""

from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from classifier.models.kept import append_only
from classifier.models.snapshot import Snapshot


class VersionQuerySet(models.QuerySet["Version"]):
    def champions(self) -> "VersionQuerySet":
        """The version that serves; at most one row."""
        return self.filter(state="champion")

    def shadows(self) -> "VersionQuerySet":
        """The version that answers silently beside it; at most one row."""
        return self.filter(is_shadow=True)


class Version(models.Model):
    """A network: an immutable artifact in the bucket under `versions/<digest>/`."""

    class State(models.TextChoices):
        CANDIDATE = "candidate"
        CHAMPION = "champion"
        RETIRED = "retired"
        REJECTED = "rejected"

    name = models.CharField(max_length=40, unique=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.CANDIDATE)
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the artifact's manifest.json")
    metrics = models.JSONField(default=dict, blank=True)
    card = models.JSONField(default=dict, blank=True)
    parent = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="children")
    snapshot = models.ForeignKey(
        Snapshot, on_delete=models.PROTECT, null=True, blank=True, related_name="versions", help_text="trained on"
    )
    is_shadow = models.BooleanField(default=False, help_text="answers beside the champion, unseen, for comparison")
    created_at = models.DateTimeField(auto_now_add=True)
    # Of a rejection by hand; the gate's own is told by its decision.
    rejected_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    rejected_at = models.DateTimeField(null=True, blank=True)
    rejection_reason = models.TextField(blank=True, default="")

    objects = VersionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["state"], condition=Q(state="champion"), name="one_champion"),
            models.UniqueConstraint(fields=["is_shadow"], condition=Q(is_shadow=True), name="one_shadow"),
            models.CheckConstraint(condition=~Q(state="champion", is_shadow=True), name="champion_is_no_shadow"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_retrained(self) -> bool:
        """Whether a training run made it here, from this site's own dataset."""
        return self.snapshot_id is not None or self.parent_id is not None

    def find_gate_figures(self) -> dict[str, Any]:
        """n, accuracy, ece and nll on the frozen test set, when the gate last measured it; {} where it did not."""
        decisions = list(self.decisions.all())  # all: lists have fetched them
        frozen = decisions[0].report.get("frozen") if decisions else None
        return {"n": frozen["n"], **frozen["candidate"]} if frozen else {}


class PromotionQuerySet(models.QuerySet["Promotion"]):
    def served_at(self, moment: datetime) -> "PromotionQuerySet":
        """The promotion in force at `moment`: at most one row, whose `version` served then."""
        return self.filter(at__lte=moment).select_related("version").order_by("-at", "-id")[:1]

    def find_rollback_target(self) -> "Version | None":
        """The version that served before the champion; a step back ended all that came after the one it led to."""
        served: list[Version] = []
        for promotion in self.select_related("version").order_by("at", "pk"):
            if promotion.kind == Promotion.Kind.ROLLED_BACK:
                while served and served[-1] != promotion.version:
                    served.pop()
            if served[-1:] != [promotion.version]:
                served.append(promotion.version)
        return served[-2] if len(served) > 1 else None


class Promotion(models.Model):
    """`version` took the place of `previous` at `at`; append-only. The latest one at or before T served at T."""

    class Kind(models.TextChoices):
        PROMOTED = "promoted"
        ROLLED_BACK = "rolled_back", "rolled back"

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="promotions")
    previous = models.ForeignKey(Version, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    kind = models.CharField(max_length=11, choices=Kind.choices, default=Kind.PROMOTED)
    reason = models.TextField()
    at = models.DateTimeField(auto_now_add=True, db_index=True)

    objects = PromotionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-at", "-id"]
        triggers: ClassVar = append_only(name="actor")

    def __str__(self) -> str:
        return f"{self.version} at {self.at:%Y-%m-%d %H:%M}"

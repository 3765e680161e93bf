"""Snapshots: immutable lists of the dataset's samples, so that it can be said what a network was trained on."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from classifier.models.kept import append_only


class Snapshot(models.Model):
    """The list lies in the bucket as `snapshots/<digest>.csv.gz`; triggers refuse to change or delete the row.

    Counts are in label order. What a person erases later leaves the bucket: the list still names its hash, no pixels.
    """

    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the list, before compression")
    size = models.PositiveIntegerField(help_text="samples")
    train_counts = ArrayField(models.PositiveIntegerField(), size=7)
    test_counts = ArrayField(models.PositiveIntegerField(), size=7)
    corrections = models.PositiveIntegerField(help_text="samples that people's answers gave")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(train_counts__len=7, test_counts__len=7), name="snapshot_counts_seven_labels"
            ),
        ]
        triggers: ClassVar = append_only(name="created_by")

    def __str__(self) -> str:
        return f"snapshot {self.pk}"

    @property
    def key(self) -> str:
        """Where the list lies in the bucket."""
        return f"snapshots/{self.digest}.csv.gz"

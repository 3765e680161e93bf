"""Labelling batches: faces that staff, or an alert, want labelled before the others."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from classifier.models.face import Face
from classifier.querysets import BatchFaceQuerySet, LabellingBatchQuerySet


class LabellingBatch(models.Model):
    """A slice of shared faces; one answer about each is wanted, by anybody.

    open → closed: by hand, or once every face has been answered about or is gone. It never opens again.
    """

    name = models.CharField(max_length=100, help_text="whoever labels its faces reads it")
    why = models.TextField(help_text="for staff alone")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="nobody: an alert opened it",
    )
    closed_at = models.DateTimeField(null=True)

    objects = LabellingBatchQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        verbose_name_plural = "labelling batches"
        permissions: ClassVar = [("close_labellingbatch", "Can close a labelling batch")]

    def __str__(self) -> str:
        return self.name


class BatchFace(models.Model):
    """A face in a batch."""

    batch = models.ForeignKey(LabellingBatch, on_delete=models.CASCADE, related_name="batch_faces")
    face = models.ForeignKey(Face, on_delete=models.CASCADE, related_name="batch_faces")

    objects = BatchFaceQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["batch", "face"], name="one_row_per_batch_and_face"),
        ]

    def __str__(self) -> str:
        return f"{self.face_id} in {self.batch_id}"

"""Labelling batches: faces that staff, or an alert, want labelled before the others."""

from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Count, Exists, OuterRef, Q

from classifier.models.correction import Correction
from classifier.models.face import Face


class LabellingBatchQuerySet(models.QuerySet["LabellingBatch"]):
    """Batches; that nothing is left to ask about counts as closed, whether `closed_at` says so yet or not."""

    def open(self) -> "LabellingBatchQuerySet":
        """Not closed, and with a face left to ask about."""
        return self.filter(self._left(), closed_at__isnull=True)

    def finished(self) -> "LabellingBatchQuerySet":
        """Not closed yet, though every face is answered about or gone."""
        return self.filter(~self._left(), closed_at__isnull=True)

    @staticmethod
    def _left() -> Exists:
        return Exists(BatchFace.objects.unlabelled().filter(batch=OuterRef("pk")))

    def holding(self, face_id: UUID) -> "LabellingBatchQuerySet":
        """With this face among theirs."""
        return self.filter(Exists(BatchFace.objects.filter(batch=OuterRef("pk"), face=face_id)))

    def with_progress(self) -> "LabellingBatchQuerySet":
        """`answered`: faces about which somebody's answer stands; `total`: those, and the ones that wait."""
        said = Exists(Correction.objects.standing().filter(face=OuterRef("batch_faces__face")))
        waits = Exists(Face.objects.unlabelled().filter(pk=OuterRef("batch_faces__face")))
        return self.annotate(
            answered=Count("batch_faces", filter=said), total=Count("batch_faces", filter=Q(said) | Q(waits))
        )


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


class BatchFaceQuerySet(models.QuerySet["BatchFace"]):
    def unlabelled(self) -> "BatchFaceQuerySet":
        """Still shared, and about which nobody's answer stands; in closed batches too."""
        return self.filter(Exists(Face.objects.unlabelled().filter(pk=OuterRef("face"))))

    def waiting(self) -> "BatchFaceQuerySet":
        """To be asked before other faces; anybody may be, since they are shared."""
        return self.unlabelled().filter(batch__closed_at__isnull=True)


class BatchFace(models.Model):
    batch = models.ForeignKey(LabellingBatch, on_delete=models.CASCADE, related_name="batch_faces")
    face = models.ForeignKey(Face, on_delete=models.CASCADE, related_name="batch_faces")

    objects = BatchFaceQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["batch", "face"], name="one_row_per_batch_and_face"),
        ]

    def __str__(self) -> str:
        return f"{self.face_id} in {self.batch_id}"

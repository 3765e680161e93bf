"""Explanations: which parts of a face spoke for the answer, computed when somebody asks."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from classifier.models.prediction import Prediction


class Explanation(models.Model):
    """Asked for once per prediction; pending → done | failed, and never changed after."""

    class Status(models.TextChoices):
        PENDING = "pending"
        DONE = "done"
        FAILED = "failed"

    prediction = models.OneToOneField(Prediction, on_delete=models.CASCADE, related_name="explanation")
    status = models.CharField(max_length=7, choices=Status.choices, default=Status.PENDING)
    evidence = models.JSONField(
        null=True, help_text="6 rows of 6 numbers, top left first: the label's evidence less the mean of all labels'"
    )
    error = models.CharField(max_length=40, blank=True, default="", help_text="a code; empty when nothing went wrong")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(status="done", evidence__isnull=False) | (~Q(status="done") & Q(evidence__isnull=True)),
                name="only_done_explanations_have_evidence",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prediction_id} ({self.status})"

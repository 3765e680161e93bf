"""Predictions: one network version's answer for one face."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Exists, OuterRef, Q

from classifier.models.face import Face
from classifier.models.label import Label
from classifier.models.registry import Version
from classifier.models.relations import rows_of

if TYPE_CHECKING:
    from accounts.models import User


class PredictionQuerySet(models.QuerySet["Prediction"]):
    def shared(self) -> "PredictionQuerySet":
        """Predictions for faces of photos whose owners agreed to share them for training."""
        return self.filter(face__upload__consent_training=True)

    def measured(self) -> "PredictionQuerySet":
        """What metrics may count: everything but the probes of the system account."""
        return self.exclude(face__upload__source="probe")

    def shown(self) -> "PredictionQuerySet":
        """Not those of a version that answers silently beside the champion."""
        return self.filter(shadow=False)

    def chosen(self) -> "PredictionQuerySet":
        """At most one of each face: what choose_prediction says, as SQL."""
        better = Q(version__state="champion") | Q(created_at__gt=OuterRef("created_at"))
        better |= Q(created_at=OuterRef("created_at"), id__gt=OuterRef("id"))
        rivals = self.model.objects.shown().filter(better, face=OuterRef("face"))
        return self.shown().filter(Q(version__state="champion") | ~Exists(rivals))

    def askable_to(self, user: "User | Any") -> "PredictionQuerySet":
        """About faces that may be put to this user: their own and shared ones, without a standing answer of theirs."""
        said = rows_of(self.model, "face__corrections").standing().filter(face=OuterRef("face"), author_id=user.pk)
        mine_or_shared = Q(face__upload__owner_id=user.pk) | Q(face__upload__consent_training=True)
        return self.measured().filter(mine_or_shared, ~Exists(said), face__upload__status="done")


class Prediction(models.Model):
    """Written once per (face, version) and never edited; probabilities in label order, summing to 1."""

    face = models.ForeignKey(Face, on_delete=models.CASCADE, related_name="predictions")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="predictions")
    label = models.PositiveSmallIntegerField(choices=Label.choices)
    confidence = models.FloatField(help_text="calibrated probability of the label, from 0 to 1")
    probabilities = ArrayField(models.FloatField(), size=7)
    prediction_set = ArrayField(
        models.PositiveSmallIntegerField(choices=Label.choices), help_text="labels, most probable first"
    )
    ms = models.FloatField(help_text="wall time for the whole photo, decode to labels, in milliseconds")
    shadow = models.BooleanField(default=False, help_text="made silently beside the champion's, never shown")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PredictionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["face", "version"], name="one_prediction_per_face_and_version"),
            models.CheckConstraint(condition=Q(label__gte=0, label__lte=6), name="prediction_label_is_known"),
            models.CheckConstraint(
                condition=Q(confidence__gte=0, confidence__lte=1), name="prediction_confidence_is_a_fraction"
            ),
            models.CheckConstraint(condition=Q(probabilities__len=7), name="prediction_has_seven_probabilities"),
            models.CheckConstraint(
                condition=Q(prediction_set__len__gte=1, prediction_set__len__lte=7), name="prediction_set_has_labels"
            ),
            models.CheckConstraint(condition=Q(ms__gte=0), name="prediction_time_is_positive"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["confidence", "id"], condition=Q(shadow=False), name="prediction_least_certain"),
            BrinIndex(fields=["created_at"], autosummarize=True, pages_per_range=32, name="prediction_created"),
            models.Index(fields=["face"], condition=Q(shadow=True), name="prediction_shadow"),
        ]

    def __str__(self) -> str:
        return f"{self.get_label_display()} ({self.confidence:.2f})"

    @classmethod
    def of(
        cls,
        face: Face,
        version: Version,
        *,
        probabilities: Iterable[float],
        prediction_set: list[int],
        ms: float,
        shadow: bool = False,
    ) -> "Prediction":
        """An unsaved row: the label is the most probable one, the confidence its probability (at most 1)."""
        values = [float(value) for value in probabilities]
        return cls(
            face=face,
            version=version,
            label=values.index(max(values)),
            confidence=min(max(values), 1.0),
            probabilities=values,
            prediction_set=prediction_set,
            ms=ms,
            shadow=shadow,
        )


def choose_prediction(face: Face) -> Prediction | None:
    """The prediction that is shown for a face: the champion's, else the newest; PredictionQuerySet.chosen is its SQL.

    Args:
        face: with its predictions, newest first, and their versions.
    """
    shown = [item for item in face.predictions.all() if not item.shadow]
    champions = (item for item in shown if item.version.state == Version.State.CHAMPION)
    return next(champions, shown[0] if shown else None)

"""Faces: the boxes found in an upload, with the crop that the network saw."""

import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models
from django.db.models import Exists, OuterRef, Q

from classifier.models.lease import Leased, LeasedQuerySet
from classifier.models.relations import rows_of
from classifier.models.upload import Upload

if TYPE_CHECKING:
    from accounts.models import User


class FaceQuerySet(LeasedQuerySet["Face"]):
    def open(self) -> "FaceQuerySet":
        """Drawn, and a network's answer is still to be had: waiting for a worker, or held by one."""
        return self.filter(Q(due_at__isnull=False) | Q(claimed_until__isnull=False), crop="")

    def shared(self) -> "FaceQuerySet":
        """Faces of photos whose owners agreed to share them for training."""
        return self.filter(upload__consent_training=True)

    def visible_to(self, user: "User | Any") -> "FaceQuerySet":
        """Faces whose crops this user may see: their own, and those of shared photos."""
        return self.exclude(upload__source="probe").filter(
            Q(upload__owner_id=user.pk) | Q(upload__consent_training=True), upload__status="done"
        )

    def unanswered(self) -> "FaceQuerySet":
        """Faces with a prediction that is shown, about which no answer of the photo's owner stands."""
        shown = rows_of(self.model, "predictions").shown().filter(face=OuterRef("pk"))
        said = (
            rows_of(self.model, "corrections").standing().filter(face=OuterRef("pk"), author=OuterRef("upload__owner"))
        )
        return self.filter(Exists(shown), ~Exists(said))

    def unlabelled(self) -> "FaceQuerySet":
        """Shared faces with a prediction that is shown, about which nobody's answer stands: what a batch asks."""
        shown = rows_of(self.model, "predictions").shown().filter(face=OuterRef("pk"))
        said = rows_of(self.model, "corrections").standing().filter(face=OuterRef("pk"))
        measured = self.shared().exclude(upload__source="probe")
        return measured.filter(Exists(shown), ~Exists(said), upload__status="done")


class Face(Leased):
    """A box in pixels of the oriented photo; `index` numbers the boxes of a photo from 0."""

    class Origin(models.TextChoices):
        DETECTOR = "detector"
        BARE_CROP = "bare_crop"
        DRAWN = "drawn"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="faces")
    index = models.PositiveSmallIntegerField()
    x = models.PositiveIntegerField()
    y = models.PositiveIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    score = models.FloatField(help_text="the detector's, from 0 to 1")
    origin = models.CharField(max_length=10, choices=Origin.choices)
    crop = models.CharField(
        max_length=100, blank=True, help_text="key of the 48×48 grey PNG that the network saw; empty until it has"
    )
    # Of the crop, by ml.quality: photos are compared with the training data by them. None: not measured.
    brightness = models.FloatField(null=True, blank=True, help_text="the crop's mean grey level, from 0 to 1 (white)")
    sharpness = models.FloatField(
        null=True, blank=True, help_text="variance of the crop's Laplacian, in grey levels squared"
    )
    objects = FaceQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["upload", "index"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["upload", "index"], name="one_face_per_index"),
            models.CheckConstraint(condition=Q(score__gte=0, score__lte=1), name="face_score_is_a_fraction"),
            models.CheckConstraint(condition=Q(width__gte=1, height__gte=1), name="face_has_pixels"),
            models.CheckConstraint(condition=~Q(crop="") | Q(origin="drawn"), name="only_drawn_faces_wait_for_a_crop"),
            models.CheckConstraint(
                condition=Q(brightness__isnull=True) | Q(brightness__gte=0, brightness__lte=1),
                name="face_brightness_is_a_fraction",
            ),
            models.CheckConstraint(
                condition=Q(sharpness__isnull=True) | Q(sharpness__gte=0), name="face_sharpness_is_positive"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="face_sweep"),
        ]

    def __str__(self) -> str:
        return f"face {self.index + 1} of {self.upload_id}"

    @property
    def is_given_up(self) -> bool:
        """Whether it was drawn and no network could answer for it."""
        return not self.crop and self.due_at is None and self.claimed_until is None

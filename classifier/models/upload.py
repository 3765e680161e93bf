"""Uploads: the photo somebody gave, the keys that make a repeated request harmless, and objects to be removed."""

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Prefetch, Q, Value, When

from classifier.models.lease import Leased, LeasedQuerySet
from classifier.models.relations import rows_of

if TYPE_CHECKING:
    from accounts.models import User


class UploadQuerySet(LeasedQuerySet["Upload"]):
    def open(self) -> "UploadQuerySet":
        """Waiting for a worker, or held by one."""
        return self.filter(status__in=["pending", "running"])

    def owned_by(self, user: "User | Any") -> "UploadQuerySet":
        """Of this user; nothing for an anonymous visitor."""
        return self.filter(owner_id=user.pk) if user.pk else self.none()

    def with_status(self, status: str) -> "UploadQuerySet":
        return self.filter(status=status)

    def measured(self) -> "UploadQuerySet":
        """What metrics may count: everything but the probes of the system account."""
        return self.exclude(source="probe")

    def shared(self) -> "UploadQuerySet":
        """Photos whose owners agreed to share them for training: the only ones a reviewer may see."""
        return self.filter(consent_training=True)

    def living(self) -> "UploadQuerySet":
        return self.exclude(status="dead")

    def with_teaching(self) -> "UploadQuerySet":
        """`taught`: whether networks may have learned from an answer about the photo, shared or not by now."""
        return self.annotate(
            taught=Exists(rows_of(self.model, "faces__corrections").teaching().filter(face__upload=OuterRef("pk")))
        )

    def with_faces(self) -> "UploadQuerySet":
        """Faces with predictions and versions (newest first) and the owner's answers, in four more queries."""
        predictions = (
            rows_of(self.model, "faces__predictions")
            .select_related("version", "explanation")
            .order_by("-created_at", "-id")
        )
        answers = rows_of(self.model, "faces__corrections").standing().filter(author=F("face__upload__owner"))
        faces = (
            rows_of(self.model, "faces")
            .order_by("index")
            .prefetch_related(
                Prefetch("predictions", queryset=predictions),
                Prefetch("corrections", queryset=answers, to_attr="owners_answers"),
            )
        )
        return self.prefetch_related(Prefetch("faces", queryset=faces))

    def unanswered(self) -> "UploadQuerySet":
        """Photos whose owners have yet to answer about a face."""
        waiting = rows_of(self.model, "faces").unanswered().filter(upload=OuterRef("pk"))
        return self.filter(Exists(waiting), status="done")

    def following(self, upload: "Upload") -> "UploadQuerySet":
        """The same owner's others in the order of their list, from `upload` on and then from its top."""
        below = Q(created_at__lt=upload.created_at) | Q(created_at=upload.created_at, pk__lt=upload.pk)
        turn = Case(When(below, then=Value(0)), default=Value(1))
        others = self.filter(owner_id=upload.owner_id).exclude(pk=upload.pk)
        return others.order_by(turn, "-created_at", "-id")


class Upload(Leased):
    """A photo and the state of its classification. The row, not the queue, is the truth.

    pending → running (a worker holds the lease `claimed_until`) → done | no_face | rejected | dead;
    running → pending when the worker gave up for a passing reason; dead → pending by hand, in admin.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        RUNNING = "running"
        DONE = "done"
        NO_FACE = "no_face"
        REJECTED = "rejected"
        DEAD = "dead"

    class Source(models.TextChoices):
        PAGE = "page"
        API = "api"
        PROBE = "probe"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="uploads")
    sha256 = models.CharField(max_length=64, help_text="of the bytes as they were received, in hexadecimal")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    error = models.CharField(max_length=40, blank=True, default="", help_text="a code; empty when nothing went wrong")
    source = models.CharField(max_length=5, choices=Source.choices)
    image = models.CharField(max_length=100, help_text="key of the sanitised JPEG in the bucket")
    width = models.PositiveIntegerField(help_text="pixels, of the oriented photo")
    height = models.PositiveIntegerField(help_text="pixels, of the oriented photo")
    consent_training = models.BooleanField(default=False, help_text="the owner agreed to share the photo for training")
    asked_blind = models.BooleanField(default=False, help_text="the owner is asked before the answers are shown")
    revealed_at = models.DateTimeField(null=True, blank=True, help_text="when a photo asked blind showed its answers")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    ms = models.FloatField(
        null=True,
        blank=True,
        help_text="wall time of the network, decode to labels, in milliseconds; none: it was not asked",
    )

    objects = UploadQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        permissions: ClassVar = [("retry_upload", "Can send a dead upload through the queue again")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["owner", "sha256"], condition=~Q(status="dead"), name="one_living_upload_per_photo"
            ),
            models.CheckConstraint(condition=Q(width__gte=1, height__gte=1), name="upload_has_pixels"),
            models.CheckConstraint(
                condition=Q(status="running", claimed_until__isnull=False)
                | (~Q(status="running") & Q(claimed_until__isnull=True)),
                name="only_running_uploads_are_leased",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["owner", "-created_at", "-id"], name="upload_list"),
            models.Index(
                fields=["due_at", "claimed_until"], condition=Q(status__in=["pending", "running"]), name="upload_sweep"
            ),
            BrinIndex(fields=["created_at"], autosummarize=True, pages_per_range=32, name="upload_created"),
        ]

    def __str__(self) -> str:
        return f"{self.id} ({self.status})"

    def age(self, now: datetime) -> timedelta:
        """How long ago it was handed in."""
        return now - self.created_at

    @property
    def is_finished(self) -> bool:
        """Whether no worker will touch it again by itself."""
        return self.status not in (self.Status.PENDING, self.Status.RUNNING)


class IdempotencyKey(models.Model):
    """A client's name for one request; the same key with the same bytes gives the same upload. Kept 24 hours."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "key"], name="one_request_per_idempotency_key"),
        ]

    def __str__(self) -> str:
        return self.key


class ObjectRemovalQuerySet(models.QuerySet["ObjectRemoval"]):
    def due(self, *, now: datetime) -> "ObjectRemovalQuerySet":
        return self.filter(due_at__lte=now)


class ObjectRemoval(models.Model):
    """An object in the bucket that must go once `due_at` has passed.

    Written before an object is stored and deleted by the transaction that refers to it, so that a crash in between
    leaves nothing behind; and written by the transaction that erases the rows that referred to the object.
    """

    key = models.CharField(max_length=200, unique=True)
    due_at = models.DateTimeField(db_index=True)

    objects = ObjectRemovalQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["due_at"]

    def __str__(self) -> str:
        return self.key

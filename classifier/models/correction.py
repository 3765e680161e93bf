"""Corrections: what people answer about faces, append-only, and what became of each answer."""

from typing import TYPE_CHECKING, Any, ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from classifier.models.face import Face
from classifier.models.kept import NOT_ERASING, Refuse, append_only
from classifier.models.label import Label
from classifier.models.prediction import Prediction

if TYPE_CHECKING:
    from accounts.models import User


class Answer(models.IntegerChoices):
    """The seven labels under their numbers, and two answers that are none."""

    ANGRY = 0, "angry"
    DISGUST = 1, "disgust"
    FEAR = 2, "fear"
    HAPPY = 3, "happy"
    SAD = 4, "sad"
    SURPRISE = 5, "surprise"
    NEUTRAL = 6, "neutral"
    UNCLEAR = 7, "unclear"
    NOT_A_FACE = 8, "not_a_face"


class CorrectionQuerySet(models.QuerySet["Correction"]):
    def given_by(self, user: "User | Any") -> "CorrectionQuerySet":
        """This user's own, about whoever's faces; nothing for an anonymous visitor."""
        return self.filter(author_id=user.pk) if user.pk else self.none()

    def with_visible_faces(self, user: "User | Any") -> "CorrectionQuerySet":
        """`visible`: whether this user may see the crop of the face."""
        crops = Face.objects.visible_to(user).exclude(crop="")
        return self.annotate(visible=Exists(crops.filter(pk=OuterRef("face"))))

    def pending(self) -> "CorrectionQuerySet":
        return self.filter(state="pending")

    def standing(self) -> "CorrectionQuerySet":
        """Not taken back."""
        return self.exclude(state="withdrawn")

    def measured(self) -> "CorrectionQuerySet":
        """What metrics may count: everything but the probes of the system account."""
        return self.exclude(face__upload__source="probe")

    def labelled(self) -> "CorrectionQuerySet":
        """Pending or approved, and with one of the seven labels: the reviewer's where there is one."""
        return self.filter(Q(state="pending", answer__lte=6) | Q(state="approved", final_label__isnull=False))

    def teaching(self) -> "CorrectionQuerySet":
        """Approved under a label: networks may learn from these, or may have, whatever became of the sample since."""
        return self.filter(state="approved", final_label__isnull=False)

    def counting(self) -> "CorrectionQuerySet":
        """Approved, and no later answer about the face has replaced them."""
        return self.filter(state="approved").exclude(withheld="replaced")

    def disputed(self) -> "CorrectionQuerySet":
        """Standing answers about faces of which another person says something else."""
        return self.standing().filter(self.other_opinions())

    @staticmethod
    def other_opinions() -> Exists:
        """Whether another person's standing answer about the same face differs."""
        others = Correction.objects.standing().filter(face=OuterRef("face"))
        return Exists(others.exclude(author=OuterRef("author")).exclude(answer=OuterRef("answer")))

    def queued(self) -> "CorrectionQuerySet":
        """Given in the queue for labelling."""
        return self.filter(asked__in=["uncertain", "random", "batch"])

    def replaced(self) -> "CorrectionQuerySet":
        """Approved, but for its face another label, or none, was approved later: the dataset is to hold that alone."""
        later = Correction.objects.filter(face=OuterRef("face"), reviewed_at__gt=OuterRef("reviewed_at"))
        later = later.filter(state="approved").exclude(final_label=OuterRef("final_label"))
        return self.filter(Exists(later), state="approved")

    def reviewable_by(self, reviewer: "User | Any") -> "CorrectionQuerySet":
        """Pending answers about shared photos, but never the reviewer's own."""
        return self.pending().filter(face__upload__consent_training=True).exclude(author_id=reviewer.pk)


class Correction(models.Model):
    """One person's answer about one face. Triggers refuse to change or delete it; only `state` and review move.

    pending → approved | rejected (a reviewer), pending → withdrawn (the author, or the author's next answer).
    """

    class State(models.TextChoices):
        PENDING = "pending"
        APPROVED = "approved"
        REJECTED = "rejected"
        WITHDRAWN = "withdrawn"

    class Asked(models.TextChoices):
        """How the face came to be asked; accuracies over all faces are weighted by confidence, not by this."""

        RESULT = "result", "on the result page"
        API = "api", "over the API"
        UNCERTAIN = "uncertain", "in the queue, least certain first"
        RANDOM = "random", "in the queue, at random"
        BATCH = "batch", "in the queue, from a batch"

    class Withheld(models.TextChoices):
        """Why a label that was approved gives no sample; `reason` says it in words."""

        LIKE_TEST = "like_test", "too like a test image"
        REPLACED = "replaced", "a later answer about this face was approved"

    face = models.ForeignKey(Face, on_delete=models.CASCADE, related_name="corrections")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="corrections")
    prediction = models.ForeignKey(
        Prediction,
        on_delete=models.CASCADE,
        null=True,
        related_name="corrections",
        help_text="the network's at that moment",
    )
    answer = models.PositiveSmallIntegerField(choices=Answer.choices)
    blind = models.BooleanField(default=False, help_text="answered before the prediction was shown")
    asked = models.CharField(max_length=9, choices=Asked.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    state = models.CharField(max_length=9, choices=State.choices, default=State.PENDING)
    final_label = models.PositiveSmallIntegerField(
        choices=Label.choices,
        null=True,
        help_text="what was approved: the author's label, or the reviewer's own; none where neither named one",
    )
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="reviewed_corrections"
    )
    reviewed_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=500, blank=True, default="", help_text="why it was rejected, for the author")
    withheld = models.CharField(
        max_length=9,
        choices=Withheld.choices,
        blank=True,
        default="",
        db_default="",
        help_text="why it gives no sample though it was approved; empty where nothing withholds it",
    )

    objects = CorrectionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        permissions: ClassVar = [("review_correction", "Can approve and reject corrections")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["face", "author"], condition=Q(state="pending"), name="one_pending_answer_per_face_and_author"
            ),
            models.CheckConstraint(condition=Q(answer__gte=0, answer__lte=8), name="answer_is_known"),
            models.CheckConstraint(
                condition=Q(reviewer__isnull=True) | ~Q(reviewer=F("author")), name="reviewer_is_not_the_author"
            ),
            models.CheckConstraint(
                condition=Q(state="approved", final_label__isnull=False)
                | Q(state="approved", answer__in=[Answer.UNCLEAR, Answer.NOT_A_FACE])
                | ~Q(state="approved") & Q(final_label=None),
                name="approved_answers_have_a_label",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["created_at"], condition=Q(state="pending"), name="correction_review"),
            models.Index(fields=["author", "state"], name="correction_track_record"),
        ]
        triggers: ClassVar = [
            Refuse(
                name="keep_answer",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    exclude=["state", "final_label", "reviewer", "reviewed_at", "reason", "withheld"]
                ),
                says="'an answer is never edited: append another'",
            ),
            Refuse(
                name="keep_state",
                operation=pgtrigger.Update,
                condition=~pgtrigger.Q(old__state="pending") & pgtrigger.Q(old__state__df=pgtrigger.F("new__state")),
                says="'a % answer stays so', OLD.state",
            ),
            Refuse(
                name="refuse_delete",
                operation=pgtrigger.Delete,
                condition=NOT_ERASING,
                says="'% is append-only: rows go only with their photo', TG_TABLE_NAME",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_answer_display()} ({self.state})"


class CorrectionEvent(models.Model):
    """A change of a correction's state: who, when, why. Append-only."""

    correction = models.ForeignKey(Correction, on_delete=models.CASCADE, related_name="events")
    state = models.CharField(max_length=9, choices=Correction.State.choices)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    reason = models.CharField(max_length=500, blank=True, default="")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["at", "id"]
        triggers: ClassVar = append_only(name="actor", unless_erasing=True)

    def __str__(self) -> str:
        return f"{self.state} at {self.at:%Y-%m-%d %H:%M}"

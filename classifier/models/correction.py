"""Corrections: what people answer about faces, append-only, and what became of each answer."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from classifier.models.face import Face
from classifier.models.label import Label
from classifier.models.prediction import Prediction
from classifier.querysets import CorrectionQuerySet


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


class Correction(models.Model):
    """One person's answer about one face. A trigger refuses to change or delete it; only `state` and review move.

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

    def __str__(self) -> str:
        return f"{self.get_answer_display()} ({self.state})"


class CorrectionEvent(models.Model):
    """A change of a correction's state: who, when, why. Append-only, by the same trigger."""

    correction = models.ForeignKey(Correction, on_delete=models.CASCADE, related_name="events")
    state = models.CharField(max_length=9, choices=Correction.State.choices)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    reason = models.CharField(max_length=500, blank=True, default="")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.state} at {self.at:%Y-%m-%d %H:%M}"

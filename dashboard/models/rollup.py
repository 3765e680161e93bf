"""Aggregates of what the product wrote, by the hour and by the day; every row can be computed again from the rows.

All counts of one face or answer stand under the hour of the prediction they are about, so that a day's figures say how
the network of that day did, however late the answers came. Hours and days are UTC.
"""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from classifier.models import Correction, Label, Sample, Upload, Version
from dashboard.models.buckets import bucket_count


class Grain(models.TextChoices):
    HOUR = "h", "hour"
    DAY = "d", "day"


def bins(name: str) -> Any:
    """Counts of a histogram's buckets (dashboard.models.buckets)."""
    return ArrayField(models.BigIntegerField(), size=bucket_count(name))


class Rollup(models.Model):
    """What all have: the hour or day, and where the photos came from."""

    grain = models.CharField(max_length=1, choices=Grain.choices)
    start = models.DateTimeField(help_text="of the hour or the day, UTC")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.get_grain_display()} of {self.start:%Y-%m-%d %H:%M}"


def one_row_per(name: str, *fields: str) -> models.UniqueConstraint:
    """The key of a rollup; its index serves the reads, which ask for a grain and a range of starts."""
    return models.UniqueConstraint(fields=["grain", "start", *fields], name=name)


class UploadRollup(Rollup):
    """Photos by their state; times of those that are finished.

    total: from arrival to the end; work: decode to labels, where the network was asked; wait: total less work. Seconds.
    """

    source = models.CharField(max_length=5, choices=Upload.Source.choices)
    status = models.CharField(max_length=10, choices=Upload.Status.choices)
    error = models.CharField(max_length=40, blank=True)
    uploads = models.BigIntegerField()
    total_bins = bins("seconds")
    wait_bins = bins("seconds")
    work_bins = bins("seconds")

    class Meta:
        constraints: ClassVar = [one_row_per("one_upload_rollup", "source", "status", "error")]


class PredictionRollup(Rollup):
    """Predictions by version and label; shadow ones apart. Sums of confidences are in millionths."""

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="+")
    shadow = models.BooleanField()
    source = models.CharField(max_length=5, choices=Upload.Source.choices)
    label = models.PositiveSmallIntegerField(choices=Label.choices)
    faces = models.BigIntegerField()
    confidence_sum = models.BigIntegerField(help_text="of calibrated confidences, in millionths")
    confidence_bins = bins("confidence")
    brightness_bins = bins("brightness")
    sharpness_bins = bins("sharpness")
    size_bins = bins("size")

    class Meta:
        constraints: ClassVar = [one_row_per("one_prediction_rollup", "version", "shadow", "source", "label")]


class AnswerRollup(Rollup):
    """Standing answers (not withdrawn) by the prediction they are about, and by how the face came to be asked.

    A face counts once in `answered`, under its first answer, and once in `truths` and the reviewed sums, under the
    answer that was approved last, unless that names no label.
    """

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="+")
    source = models.CharField(max_length=5, choices=Upload.Source.choices)
    label = models.PositiveSmallIntegerField(choices=Label.choices, help_text="predicted")
    asked = models.CharField(max_length=9, choices=Correction.Asked.choices)
    blind = models.BooleanField()
    answers = models.BigIntegerField()
    agreeing = models.BigIntegerField(help_text="answers that are the predicted label")
    unclear = models.BigIntegerField()
    not_a_face = models.BigIntegerField()
    pending = models.BigIntegerField()
    approved = models.BigIntegerField()
    rejected = models.BigIntegerField()
    answered = models.BigIntegerField(help_text="faces")
    truths = ArrayField(models.BigIntegerField(), size=7, help_text="reviewed faces by their true label")
    reviewed_bins = bins("confidence")
    right_bins = bins("confidence")
    reviewed_sums = bins("confidence")  # confidences of the reviewed faces in each bucket, in millionths

    class Meta:
        constraints: ClassVar = [one_row_per("one_answer_rollup", "version", "source", "label", "asked", "blind")]


class ShadowRollup(Rollup):
    """Faces that two versions answered: the one that was shown, and the silent one beside it."""

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="+", help_text="the silent one")
    champion = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="+", help_text="the one shown")
    source = models.CharField(max_length=5, choices=Upload.Source.choices)
    faces = models.BigIntegerField()
    agreeing = models.BigIntegerField(help_text="same label")
    reviewed = models.BigIntegerField(help_text="faces with an approved answer")
    right = models.BigIntegerField(help_text="reviewed faces the silent one got right")
    champion_right = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [one_row_per("one_shadow_rollup", "version", "champion", "source")]


class AgreementRollup(Rollup):
    """Faces that several people answered: what Fleiss' kappa is made of (classifier.answers.agreement)."""

    source = models.CharField(max_length=5, choices=Upload.Source.choices)
    faces = models.BigIntegerField(help_text="answered by at least two people")
    agreeing_sum = models.BigIntegerField(help_text="of each face's share of agreeing pairs, in millionths")
    answers = ArrayField(models.BigIntegerField(), size=9, help_text="the latest of each person, by what was said")

    class Meta:
        constraints: ClassVar = [one_row_per("one_agreement_rollup", "source")]


class SampleRollup(Rollup):
    """Samples of the dataset by when they came in; only those that a snapshot taken now would hold."""

    source = models.CharField(max_length=10, choices=Sample.Source.choices)
    split = models.CharField(max_length=5, choices=Sample.Split.choices)
    label = models.PositiveSmallIntegerField(choices=Label.choices)
    samples = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [one_row_per("one_sample_rollup", "source", "split", "label")]


class StaleHour(models.Model):
    """An hour whose rollups are to be computed again; triggers on the product's tables write them, with duplicates.

    Written by the same transaction as the change: whoever has read and deleted the row sees the change.
    """

    class Kind(models.TextChoices):
        UPLOAD = "u", "uploads"
        PREDICTION = "p", "predictions and answers"
        SAMPLE = "s", "samples"

    kind = models.CharField(max_length=1, choices=Kind.choices)
    hour = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["hour"], name="stale_hour")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.hour:%Y-%m-%d %H:%M}"

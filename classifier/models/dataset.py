"""The dataset: one row per labelled image; its pixels lie in the bucket under a key made of their hash."""

from typing import ClassVar

from django.db import models
from django.db.models import Exists, F, Func, IntegerField, OuterRef, Q

from classifier.models.correction import Correction
from classifier.models.label import Label


class SampleQuerySet(models.QuerySet["Sample"]):
    def usable(self) -> "SampleQuerySet":
        """What a snapshot may hold: not the faces of photos whose owners share them no longer."""
        return self.filter(Q(correction__isnull=True) | Q(correction__face__upload__consent_training=True))

    def near_hash(self, phash: int, *, bits: int) -> "SampleQuerySet":
        """Perceptual hash known, and at most `bits` of its 64 different from this one (signed)."""
        template = "bit_count((%(expressions)s)::bit(64))"
        apart = Func(F("phash").bitxor(phash), template=template, output_field=IntegerField())
        return self.alias(bits_apart=apart).filter(bits_apart__lte=bits)

    def trusted(self) -> "SampleQuerySet":
        """Held-out corrections that may count in the gate.

        Relabelled by the reviewer, said alike by a second person whom no reviewer has contradicted, or answered blind
        by somebody of whom no network learns: one account must not teach and vote on its sole word.
        """
        agreeing = (
            Correction.objects.filter(Q(state="pending") | Q(state="approved", final_label=F("answer")))
            .filter(face=OuterRef("correction__face"), answer=OuterRef("label"))
            .exclude(author=OuterRef("correction__author"))
        )
        relabelled = ~Q(label=F("correction__answer"))
        taught = Sample.objects.usable().filter(split="train", correction__author=OuterRef("correction__author"))
        blind = Q(correction__blind=True) & ~Exists(taught)
        return self.filter(source="correction", split="test").filter(blind | relabelled | Exists(agreeing))


class Sample(models.Model):
    """A 48×48 grey image with its split and label. Identical images share one object and keep their own rows."""

    class Split(models.TextChoices):
        TRAIN = "train"
        TEST = "test"

    class Source(models.TextChoices):
        FER2013 = "fer2013"
        CORRECTION = "correction"

    split = models.CharField(max_length=5, choices=Split.choices)
    label = models.PositiveSmallIntegerField(choices=Label.choices)
    sha256 = models.CharField(max_length=64, db_index=True, help_text="of the 48×48 pixel bytes, in hexadecimal")
    phash = models.BigIntegerField(
        null=True, help_text="perceptual hash, 64 bits as a signed number; see ml.duplicates.perceptual_hashes"
    )
    key = models.CharField(max_length=120)
    source = models.CharField(max_length=10, choices=Source.choices)
    source_name = models.CharField(max_length=255, help_text='where it came from, for example "Training_123"')
    usage = models.CharField(max_length=20, blank=True, default="")
    correction = models.OneToOneField(
        Correction, on_delete=models.CASCADE, null=True, blank=True, help_text="the approved answer it came from"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SampleQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "source_name"], name="one_sample_per_source_name"),
            models.CheckConstraint(condition=Q(label__gte=0, label__lte=6), name="sample_label_is_known"),
            models.CheckConstraint(
                condition=Q(source="correction", correction__isnull=False)
                | ~Q(source="correction") & Q(correction__isnull=True),
                name="corrected_samples_name_their_answer",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["split", "label"], name="sample_split_label")]

    def __str__(self) -> str:
        return f"{self.get_label_display()} {self.source_name}"

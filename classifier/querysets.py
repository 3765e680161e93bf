"""Reads, as adjectives: every question that pages, the interface and the workers ask of the tables."""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Case, Count, Exists, F, Func, IntegerField, OuterRef, Prefetch, Q, QuerySet, Value, When

if TYPE_CHECKING:
    from accounts.models import User
    from classifier.models import (  # noqa: F401
        BatchFace,
        BulkReview,
        Correction,
        Face,
        LabellingBatch,
        ObjectRemoval,
        Prediction,
        Promotion,
        Sample,
        TrainingRun,
        Upload,
        Version,
    )


# How the reason of a promotion begins that took a step back.
ROLLED_BACK = "rolled back: "


class UploadQuerySet(QuerySet["Upload"]):
    """Uploads; workers claim through `claimable` and the sweeper asks for `stalled`."""

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
        from classifier.models import Correction

        return self.annotate(taught=Exists(Correction.objects.teaching().filter(face__upload=OuterRef("pk"))))

    def with_faces(self) -> "UploadQuerySet":
        """Faces with predictions and versions (newest first) and the owner's answers, in four more queries."""
        from classifier.models import Correction, Face, Prediction

        predictions = Prediction.objects.select_related("version", "explanation").order_by("-created_at", "-id")
        answers = Correction.objects.standing().filter(author=F("face__upload__owner"))
        faces = Face.objects.order_by("index").prefetch_related(
            Prefetch("predictions", queryset=predictions),
            Prefetch("corrections", queryset=answers, to_attr="owners_answers"),
        )
        return self.prefetch_related(Prefetch("faces", queryset=faces))

    def unanswered(self) -> "UploadQuerySet":
        """Photos whose owners have yet to answer about a face."""
        from classifier.models import Face

        return self.filter(Exists(Face.objects.unanswered().filter(upload=OuterRef("pk"))), status="done")

    def following(self, upload: "Upload") -> "UploadQuerySet":
        """The same owner's others in the order of their list, from `upload` on and then from its top."""
        below = Q(created_at__lt=upload.created_at) | Q(created_at=upload.created_at, pk__lt=upload.pk)
        turn = Case(When(below, then=Value(0)), default=Value(1))
        others = self.filter(owner_id=upload.owner_id).exclude(pk=upload.pk)
        return others.order_by(turn, "-created_at", "-id")

    def claimable(self, *, now: datetime) -> "UploadQuerySet":
        """Pending, or left by a worker whose lease ran out."""
        return self.filter(Q(status="pending") | Q(status="running", claimed_until__lt=now))

    def stalled(self, *, now: datetime) -> "UploadQuerySet":
        """Pending for longer than the queue should take, or left by a worker: what the sweeper hands out again."""
        return self.filter(
            Q(status="pending", due_at__isnull=True)
            | Q(status="pending", due_at__lte=now)
            | Q(status="running", claimed_until__lt=now)
        )


class FaceQuerySet(QuerySet["Face"]):
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
        from classifier.models import Correction, Prediction

        shown = Prediction.objects.shown().filter(face=OuterRef("pk"))
        said = Correction.objects.standing().filter(face=OuterRef("pk"), author=OuterRef("upload__owner"))
        return self.filter(Exists(shown), ~Exists(said))

    def unlabelled(self) -> "FaceQuerySet":
        """Shared faces with a prediction that is shown, about which nobody's answer stands: what a batch asks."""
        from classifier.models import Correction, Prediction

        shown = Prediction.objects.shown().filter(face=OuterRef("pk"))
        said = Correction.objects.standing().filter(face=OuterRef("pk"))
        measured = self.shared().exclude(upload__source="probe")
        return measured.filter(Exists(shown), ~Exists(said), upload__status="done")


class PredictionQuerySet(QuerySet["Prediction"]):
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
        """At most one of each face: what Face.choose_prediction() says, as SQL."""
        better = Q(version__state="champion") | Q(created_at__gt=OuterRef("created_at"))
        better |= Q(created_at=OuterRef("created_at"), id__gt=OuterRef("id"))
        rivals = self.model.objects.shown().filter(better, face=OuterRef("face"))
        return self.shown().filter(Q(version__state="champion") | ~Exists(rivals))

    def askable_to(self, user: "User | Any") -> "PredictionQuerySet":
        """About faces that may be put to this user: their own and shared ones, without a standing answer of theirs."""
        from classifier.models import Correction

        said = Correction.objects.standing().filter(face=OuterRef("face"), author_id=user.pk)
        mine_or_shared = Q(face__upload__owner_id=user.pk) | Q(face__upload__consent_training=True)
        return self.measured().filter(mine_or_shared, ~Exists(said), face__upload__status="done")


class CorrectionQuerySet(QuerySet["Correction"]):
    def given_by(self, user: "User | Any") -> "CorrectionQuerySet":
        """This user's own, about whoever's faces; nothing for an anonymous visitor."""
        return self.filter(author_id=user.pk) if user.pk else self.none()

    def with_visible_faces(self, user: "User | Any") -> "CorrectionQuerySet":
        """`visible`: whether this user may see the crop of the face."""
        from classifier.models import Face

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

    def disputed(self) -> "CorrectionQuerySet":
        """Standing answers about faces of which another person says something else."""
        return self.standing().filter(self.other_opinions())

    @staticmethod
    def other_opinions() -> Exists:
        """Whether another person's standing answer about the same face differs."""
        from classifier.models import Correction

        others = Correction.objects.standing().filter(face=OuterRef("face"))
        return Exists(others.exclude(author=OuterRef("author")).exclude(answer=OuterRef("answer")))

    def queued(self) -> "CorrectionQuerySet":
        """Given in the queue for labelling."""
        return self.filter(asked__in=["uncertain", "random", "batch"])

    def replaced(self) -> "CorrectionQuerySet":
        """Approved, but for its face another label, or none, was approved later: the dataset is to hold that alone."""
        from classifier.models import Correction

        later = Correction.objects.filter(face=OuterRef("face"), reviewed_at__gt=OuterRef("reviewed_at"))
        later = later.filter(state="approved").exclude(final_label=OuterRef("final_label"))
        return self.filter(Exists(later), state="approved")

    def reviewable_by(self, reviewer: "User | Any") -> "CorrectionQuerySet":
        """Pending answers about shared photos, but never the reviewer's own."""
        return self.pending().filter(face__upload__consent_training=True).exclude(author_id=reviewer.pk)


class LabellingBatchQuerySet(QuerySet["LabellingBatch"]):
    """Batches; that nothing is left to ask about counts as closed, whether `closed_at` says so yet or not."""

    def open(self) -> "LabellingBatchQuerySet":
        """Not closed, and with a face left to ask about."""
        return self.filter(self._left(), closed_at__isnull=True)

    def finished(self) -> "LabellingBatchQuerySet":
        """Not closed yet, though every face is answered about or gone."""
        return self.filter(~self._left(), closed_at__isnull=True)

    @staticmethod
    def _left() -> Exists:
        from classifier.models import BatchFace

        return Exists(BatchFace.objects.unlabelled().filter(batch=OuterRef("pk")))

    def holding(self, face_id: UUID) -> "LabellingBatchQuerySet":
        """With this face among theirs."""
        from classifier.models import BatchFace

        return self.filter(Exists(BatchFace.objects.filter(batch=OuterRef("pk"), face=face_id)))

    def with_progress(self) -> "LabellingBatchQuerySet":
        """`answered`: faces about which somebody's answer stands; `total`: those, and the ones that wait."""
        from classifier.models import Correction, Face

        said = Exists(Correction.objects.standing().filter(face=OuterRef("batch_faces__face")))
        waits = Exists(Face.objects.unlabelled().filter(pk=OuterRef("batch_faces__face")))
        return self.annotate(
            answered=Count("batch_faces", filter=said), total=Count("batch_faces", filter=Q(said) | Q(waits))
        )


class BatchFaceQuerySet(QuerySet["BatchFace"]):
    def unlabelled(self) -> "BatchFaceQuerySet":
        """Still shared, and about which nobody's answer stands; in closed batches too."""
        from classifier.models import Face

        return self.filter(Exists(Face.objects.unlabelled().filter(pk=OuterRef("face"))))

    def waiting(self) -> "BatchFaceQuerySet":
        """To be asked before other faces; anybody may be, since they are shared."""
        return self.unlabelled().filter(batch__closed_at__isnull=True)


class SampleQuerySet(QuerySet["Sample"]):
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
        from classifier.models import Correction, Sample

        agreeing = (
            Correction.objects.filter(Q(state="pending") | Q(state="approved", final_label=F("answer")))
            .filter(face=OuterRef("correction__face"), answer=OuterRef("label"))
            .exclude(author=OuterRef("correction__author"))
        )
        relabelled = ~Q(label=F("correction__answer"))
        taught = Sample.objects.usable().filter(split="train", correction__author=OuterRef("correction__author"))
        blind = Q(correction__blind=True) & ~Exists(taught)
        return self.filter(source="correction", split="test").filter(blind | relabelled | Exists(agreeing))


class TrainingRunQuerySet(QuerySet["TrainingRun"]):
    def active(self) -> "TrainingRunQuerySet":
        """Waiting or at work: at most one row."""
        return self.filter(state__in=["queued", "running"])

    def lost(self, *, now: datetime) -> "TrainingRunQuerySet":
        """Left by a worker whose lease ran out."""
        return self.filter(state="running", claimed_until__lt=now)


class VersionQuerySet(QuerySet["Version"]):
    def champions(self) -> "VersionQuerySet":
        """The version that serves; at most one row."""
        return self.filter(state="champion")

    def shadows(self) -> "VersionQuerySet":
        """The version that answers silently beside it; at most one row."""
        return self.filter(is_shadow=True)


class PromotionQuerySet(QuerySet["Promotion"]):
    def served_at(self, moment: datetime) -> "PromotionQuerySet":
        """The promotion in force at `moment`: at most one row, whose `version` served then."""
        return self.filter(at__lte=moment).select_related("version").order_by("-at", "-id")[:1]

    def find_rollback_target(self) -> "Version | None":
        """The version that served before the champion; a step back ended all that came after the one it led to."""
        served: list[Version] = []
        for promotion in self.select_related("version").order_by("at", "pk"):
            if promotion.reason.startswith(ROLLED_BACK):
                while served and served[-1] != promotion.version:
                    served.pop()
            if served[-1:] != [promotion.version]:
                served.append(promotion.version)
        return served[-2] if len(served) > 1 else None


class BulkReviewQuerySet(QuerySet["BulkReview"]):
    def claimable(self, *, now: datetime) -> "BulkReviewQuerySet":
        """Waiting, or left by a worker whose lease ran out."""
        return self.filter(Q(state="pending") | Q(state="running", claimed_until__lt=now))

    def stalled(self, *, now: datetime) -> "BulkReviewQuerySet":
        """Waiting for longer than the queue should take, or left by a worker: to be sent again."""
        return self.exclude(state="done").filter(Q(claimed_until__isnull=True) | Q(claimed_until__lt=now))


class ObjectRemovalQuerySet(QuerySet["ObjectRemoval"]):
    def due(self, *, now: datetime) -> "ObjectRemovalQuerySet":
        return self.filter(due_at__lte=now)

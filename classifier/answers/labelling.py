"""The queue for labelling: which face is put to a person next, and what they say about it without having seen ours.

A signed token carries how a face came to be asked, so that nobody can claim another way; nothing is stored for it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import Count, Q, TextField, Value
from django.db.models.functions import MD5, Cast, Concat
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.models import User
from classifier.answers.batches import find_batch
from classifier.answers.corrections import FeedbackError, give_answer, is_asked_blind, reveal_answered, withdraw_answer
from classifier.models import BatchFace, Correction, Face, LabellingBatch, Prediction, Upload, choose_prediction
from classifier.models.prediction import PredictionQuerySet

SALT = "classifier.labelling"
TOKEN_LIFETIME = timedelta(days=1)
# What was said last is shown for so long, with what the network said and a way back.
RECENT = timedelta(minutes=10)
COUNTED_UP_TO = 1000


class NotOpenError(FeedbackError):
    """The question cannot be answered any more: its owner shares the photo no longer, or it is too old."""


@dataclass(frozen=True)
class QueuedFace:
    """A face to be put to a person; own: it is in a photo of theirs; token: names it when the answer comes.

    batch: the labelling batch it is asked for, with its progress; None where there is none.
    """

    face_id: UUID
    own: bool
    token: str
    batch: LabellingBatch | None = None


@dataclass(frozen=True)
class LabellingProgress:
    """today, total: standing answers of a person, wherever they gave them; turn: every one, taken back or not."""

    today: int
    total: int
    turn: int


def choose_question(*, user: User, passed: Collection[UUID], turn: int) -> QueuedFace | None:
    """The next face for a person, or None when there is none left.

    Some, FERSITE_RANDOM_PERCENT of the turns, are drawn from all faces that this person has not answered about, so that
    accuracies over all faces can be told. The others come from open batches, the oldest batch first, as long as there
    are any; then it is the face whose shown prediction has the smallest confidence.

    Args:
        passed: faces not to be asked now: skipped, or on the person's screen already.
        turn: which draw this is; the same turn gives the same answer, so that reloading draws no other.
    """
    place = draw_place(user, turn)
    found: BatchFace | Prediction | None
    if place is None:
        found, asked = _find_in_batches(user, passed), Correction.Asked.BATCH
        if found is None:
            found, asked = _open_to(user, passed).order_by("confidence", "id").first(), Correction.Asked.UNCERTAIN
    else:
        # Ids are random, so the next id after a random place is a random face.
        around = _open_to(user, passed).order_by("face_id")
        found, asked = around.filter(face_id__gte=place).first() or around.first(), Correction.Asked.RANDOM
    return _make_question(found.face, user, asked) if found else None


def _find_in_batches(user: User, passed: Collection[UUID]) -> BatchFace | None:
    # Each person has an order of their own, so that two at once are not asked about the same face.
    shuffled = MD5(Concat(Cast("face_id", TextField()), Value(f" {user.pk}")))
    waiting = BatchFace.objects.waiting().exclude(face__in=list(passed)).select_related("face__upload")
    return waiting.order_by("batch__created_at", "batch_id", shuffled).first()


def draw_place(user: User, turn: int) -> UUID | None:
    """A place among the ids of all faces when this turn is one of those at random, else None."""
    digest = salted_hmac(SALT, f"{user.pk}:{turn}", algorithm="sha256").digest()
    if int.from_bytes(digest[:8]) % 100 >= settings.FERSITE_RANDOM_PERCENT:
        return None
    return UUID(bytes=digest[8:24])


def find_question(*, user: User, token: str) -> QueuedFace:
    """The question of a token once more, if it is still open.

    Raises:
        NotOpenError: it is not.
    """
    face_id, asked = read_token(token, user)
    found = _open_to(user, ()).filter(face=face_id).first()
    if found is None:
        raise NotOpenError("This face is not asked any more: here is another.")
    return _make_question(found.face, user, asked)


def _open_to(user: User, passed: Collection[UUID]) -> PredictionQuerySet:
    open_rows = Prediction.objects.chosen().askable_to(user).exclude(face__in=list(passed))
    return open_rows.select_related("face__upload")


def _make_question(face: Face, user: User, asked: Correction.Asked) -> QueuedFace:
    batch = find_batch(face_id=face.pk) if asked == Correction.Asked.BATCH else None
    return QueuedFace(face.pk, face.upload.owner_id == user.pk, make_token(face.pk, user, asked), batch)


def find_asked_batch(*, user: User, token: str) -> LabellingBatch | None:
    """The batch for which a question of this person's was asked, with its progress now; None where there is none."""
    try:
        face_id, asked = read_token(token, user)
    except NotOpenError:
        return None
    return find_batch(face_id=face_id) if asked == Correction.Asked.BATCH else None


def make_token(face_id: UUID, user: User, asked: str) -> str:
    """A signed token that names face, person and how the face came to be asked."""
    return signing.dumps([str(face_id), user.pk, str(asked)], salt=SALT)


def read_token(token: str, user: User) -> tuple[UUID, Correction.Asked]:
    """The face of a token, and how it came to be asked.

    Raises:
        NotOpenError: forged, somebody else's, or older than a day.
    """
    try:
        face_id, person, asked = signing.loads(token, salt=SALT, max_age=TOKEN_LIFETIME)
    except signing.BadSignature:
        raise NotOpenError("This question is too old: here is another.") from None
    if person != user.pk:
        raise NotOpenError("This question was somebody else's: here is another.")
    return UUID(face_id), Correction.Asked(asked)


@transaction.atomic
def answer_question(*, user: User, token: str, answer: int) -> Correction:
    """Store an answer (a value of models.Answer); blind unless the person can have seen the network's.

    Raises:
        NotOpenError: the question is not open any more.
        classifier.answers.corrections.NotReadyError: the photo is not done.
    """
    face_id, asked = read_token(token, user)
    # Locked: whoever stops sharing the photo does so before this answer, or after it.
    upload = Upload.objects.measured().select_for_update(of=("self",)).filter(faces=face_id).first()
    if upload is None or not (upload.owner_id == user.pk or upload.consent_training):
        raise NotOpenError("The photo of that face is not shared any more, so your answer was not kept.")
    face = Face.objects.prefetch_related("predictions__version").get(pk=face_id)
    correction = give_answer(
        face=face,
        author=user,
        answer=answer,
        asked=asked,
        prediction=choose_prediction(face),
        blind=is_blind(user, face, upload),
    )
    if upload.owner_id == user.pk:
        reveal_answered(upload=upload)
    return correction


def is_blind(user: User, face: Face, upload: Upload) -> bool:
    """Own photos show the network's answer on their page, unless they are asked blind; others only after an answer.

    Whoever decided about an answer saw it too.
    """
    said = Correction.objects.filter(face=face)
    if upload.owner_id == user.pk:
        return is_asked_blind(upload) and not said.filter(reviewer=user).exists()
    return not said.filter(Q(author=user) | Q(reviewer=user)).exists()


def undo_answer(*, user: User, token: str) -> None:
    """Take the person's answer to a question back, if there is one.

    Raises:
        NotOpenError: no question of theirs.
        classifier.answers.corrections.AlreadyReviewedError: it was reviewed meanwhile.
    """
    face_id, _ = read_token(token, user)
    said = Correction.objects.standing().filter(face=face_id, author=user).order_by("-created_at", "-id").first()
    if said is not None:
        withdraw_answer(correction=said, actor=user)


def find_recent_answer(user: User) -> Correction | None:
    """What the person said last in the queue, if that was a moment ago; with prediction, face and upload."""
    said = Correction.objects.standing().queued().filter(author=user, created_at__gte=timezone.now() - RECENT)
    return said.select_related("prediction", "face__upload").order_by("-created_at", "-id").first()


def count_progress(user: User) -> LabellingProgress:
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    standing = ~Q(state=Correction.State.WITHDRAWN)
    return LabellingProgress(
        **Correction.objects.filter(author=user).aggregate(
            today=Count("pk", filter=standing & Q(created_at__gte=midnight)),
            total=Count("pk", filter=standing),
            turn=Count("pk"),
        )
    )


def count_left(*, user: User, skipped: Collection[UUID]) -> int:
    """How many faces may still be asked; COUNTED_UP_TO + 1 stands for any number above it."""
    return _open_to(user, skipped).order_by()[: COUNTED_UP_TO + 1].count()

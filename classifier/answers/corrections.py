"""What people answer about faces: confirm, correct, "can't tell", "not a face"; and taking it back."""

from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from classifier.answers.batches import close_finished
from classifier.models import Correction, CorrectionEvent, Face, Prediction, Upload


class FeedbackError(Exception):
    """The answer cannot be taken; the message says why."""


class NotReadyError(FeedbackError):
    """The photo is not done."""


class AlreadyReviewedError(FeedbackError):
    """A reviewer, or the author, was faster."""


@transaction.atomic
def give_answer(
    *, face: Face, author: User, answer: int, asked: str, prediction: Prediction | None, blind: bool = False
) -> Correction:
    """Append an answer; the author's pending one about the same face, if any, is withdrawn.

    A labelling batch whose last face it was is closed.

    Args:
        answer: a value of models.Answer; asked: a value of Correction.Asked.
        prediction: the network's answer that was shown, or would have been.
        blind: it was not shown.

    Raises:
        NotReadyError: the photo is not done.
    """
    # Locked, so that two answers at once come one after the other, and none to a photo that is being erased.
    upload = Upload.objects.select_for_update().filter(pk=face.upload_id).first()
    if upload is None or upload.status != Upload.Status.DONE:
        raise NotReadyError("The photo is not done yet: answer when its faces are there.")
    if not face.crop:
        raise NotReadyError("The network has not looked at this face yet: answer when it has.")
    for earlier in Correction.objects.select_for_update().pending().filter(face=face, author=author):
        _move(earlier, Correction.State.WITHDRAWN, actor=author, reason="answered again")
    correction = Correction.objects.create(
        face=face, author=author, prediction=prediction, answer=answer, asked=asked, blind=blind
    )
    CorrectionEvent.objects.create(correction=correction, state=correction.state, actor=author)
    close_finished(face=face)
    return correction


@transaction.atomic
def withdraw_answer(*, correction: Correction, actor: User) -> None:
    """Take a pending answer back.

    Raises:
        AlreadyReviewedError: it is not pending any more.
    """
    locked = Correction.objects.select_for_update().pending().filter(pk=correction.pk).first()
    if locked is None:
        raise AlreadyReviewedError("This answer was reviewed or withdrawn already: it stays as it is.")
    _move(locked, Correction.State.WITHDRAWN, actor=actor, reason="")


def _move(correction: Correction, state: Correction.State, *, actor: User, reason: str) -> None:
    Correction.objects.filter(pk=correction.pk).update(state=state)
    CorrectionEvent.objects.create(correction=correction, state=state, actor=actor, reason=reason)


def is_asked_blind(upload: Upload) -> bool:
    """Whether the person is to answer before the network's answer is shown."""
    return upload.asked_blind and upload.revealed_at is None


def reveal_upload(*, upload: Upload) -> None:
    """Show the network's answers from now on; answers about this photo are not blind any more."""
    if not is_asked_blind(upload) or upload.status != Upload.Status.DONE:
        return
    now = timezone.now()
    if Upload.objects.filter(pk=upload.pk, asked_blind=True, revealed_at__isnull=True).update(revealed_at=now):
        upload.revealed_at = now


def reveal_answered(*, upload: Upload) -> bool:
    """Reveal a photo that was asked blind once its owner has answered about every face; whether it was now."""
    if not is_asked_blind(upload):
        return False
    if upload.faces.unanswered().exists():
        return False
    reveal_upload(upload=upload)
    return True


def allow_erasing() -> None:
    """Let the triggers that keep answers give them up until the transaction ends: a person's photo is being erased."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('fersite.erasing', 'on', true)")

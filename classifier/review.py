"""What reviewers make of people's answers: approve, under the author's label or another, or reject with a reason."""

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from classifier.dataset import add_sample
from classifier.models import Answer, Correction, CorrectionEvent, Label

TOO_LIKE_A_TEST_IMAGE = (
    "Approved, but too like a test image: networks are measured with that one, none learns from this."
)


class ReviewError(Exception):
    """The answer cannot be reviewed like this; the message says why."""


class AlreadyDecidedError(ReviewError):
    """Another reviewer was faster, or the author took it back or stopped sharing the photo."""


@transaction.atomic
def approve_answer(*, correction: Correction, reviewer: User, label: int | None = None) -> Correction:
    """Make an answer a sample of the dataset.

    Its `reason` stays empty; where it was approved and yet became no sample, it says why, to reviewer and author.

    Args:
        label: another label than the author's (0 to 6); None for the author's own.

    Raises:
        AlreadyDecidedError: it is not this reviewer's to decide any more.
        ReviewError: the author named no label, and the reviewer neither.
        classifier.dataset.CropMissingError: what the network saw of the face is gone.
        classifier.bucket.BucketError: the bucket does not give the test images that it is compared with.
    """
    locked = _lock(correction, reviewer)
    if label is None:
        label = locked.answer
    if label not in Label.values:
        raise ReviewError(f"“{Answer(locked.answer).label.replace('_', ' ')}” is no label: choose one, or reject it.")
    reason = "" if add_sample(correction=locked, label=label) else TOO_LIKE_A_TEST_IMAGE
    _decide(locked, reviewer, Correction.State.APPROVED, reason=reason, final_label=label)
    return locked


@transaction.atomic
def reject_answer(*, correction: Correction, reviewer: User, reason: str) -> Correction:
    """Turn an answer down; the author reads the reason.

    Raises:
        AlreadyDecidedError: it is not this reviewer's to decide any more.
        ReviewError: no reason.
    """
    if not reason.strip():
        raise ReviewError("Say why: the author reads it.")
    locked = _lock(correction, reviewer)
    _decide(locked, reviewer, Correction.State.REJECTED, reason=reason.strip(), final_label=None)
    return locked


def _lock(correction: Correction, reviewer: User) -> Correction:
    found = Correction.objects.reviewable_by(reviewer).select_for_update(of=("self",)).filter(pk=correction.pk).first()
    if found is None:
        raise AlreadyDecidedError(
            "Somebody else has decided, the author took the answer back, the photo is not shared any more, "
            "or the answer is your own."
        )
    return found


def _decide(
    correction: Correction, reviewer: User, state: Correction.State, *, reason: str, final_label: int | None
) -> None:
    correction.state, correction.reason, correction.final_label = state, reason, final_label
    correction.reviewer, correction.reviewed_at = reviewer, timezone.now()
    correction.save(update_fields=["state", "reason", "final_label", "reviewer", "reviewed_at"])
    CorrectionEvent.objects.create(correction=correction, state=state, actor=reviewer, reason=reason)

"""What reviewers make of people's answers: approve, as answered or under another label, or reject with a reason."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.timesince import timesince

from accounts.models import User
from classifier.dataset.approvals import WITHHELD, lock_answers, withhold
from classifier.dataset.samples import add_sample, erase_samples
from classifier.models import Correction, CorrectionEvent, Label, Sample

CONTRADICTS = "contradicts another answer about this face: decide it one by one"


class ReviewError(Exception):
    """The answer cannot be reviewed like this; the message says why."""


class AlreadyDecidedError(ReviewError):
    """Another reviewer was faster, or the author took it back or stopped sharing the photo."""


@transaction.atomic
def approve_answer(
    *, correction: Correction, reviewer: User, label: int | None = None, replace: bool = True
) -> Correction:
    """Agree with an answer, or with the face under another label, which makes it a sample of the dataset.

    What was approved for the face under another label leaves the dataset. Where neither author nor reviewer names
    a label ("can't tell", "not a face"), none is approved and no sample comes of it. The `reason` stays empty; where a
    label was approved and yet gave no sample, it says why, to reviewer and author.

    Args:
        label: another label than the author's (0 to 6); None for what the author said.
        replace: False refuses what contradicts an earlier approval.

    Raises:
        AlreadyDecidedError: it is not this reviewer's to decide any more.
        ReviewError: it would replace, and must not.
        classifier.dataset.samples.CropMissingError: what the network saw of the face is gone.
        classifier.storage.bulk.BucketError: the bucket does not answer.
    """
    lock_answers(correction)
    locked = _lock(correction, reviewer)
    if label is None and locked.answer in Label.values:
        label = locked.answer
    if find_approved(locked.face_id) - {label} and not replace:
        raise ReviewError(f"{CONTRADICTS.capitalize()}.")
    _replace_others(locked, label, reviewer)
    sampled = label is None or add_sample(correction=locked, label=label)
    withheld = "" if sampled else Correction.Withheld.LIKE_TEST
    _decide(locked, reviewer, Correction.State.APPROVED, withheld=withheld, final_label=label)
    return locked


@transaction.atomic
def reject_answer(*, correction: Correction, reviewer: User, reason: str) -> Correction:
    """Turn an answer down; the author reads the reason.

    Raises:
        AlreadyDecidedError: it is not this reviewer's to decide any more.
        ReviewError: no reason.
    """
    locked = _lock(correction, reviewer)
    if not reason.strip():
        raise ReviewError("Say why: the author reads it.")
    _decide(locked, reviewer, Correction.State.REJECTED, reason=reason.strip())
    return locked


def find_approved(face_id: UUID) -> set[int | None]:
    """What stands approved for a face, None for no label: at most one, unless an older release left two."""
    return set(Correction.objects.counting().filter(face=face_id).values_list("final_label", flat=True))


def _replace_others(correction: Correction, label: int | None, reviewer: User) -> None:
    """A face has one label in the dataset: what was approved under another leaves it, and its answer says so."""
    samples = Sample.objects.filter(correction__face=correction.face_id)
    erase_samples(samples if label is None else samples.exclude(label=label))
    approved = Correction.objects.filter(face=correction.face_id, state=Correction.State.APPROVED, withheld="")
    withhold(list(approved.exclude(final_label=label)), Correction.Withheld.REPLACED, actor=reviewer)


def _lock(correction: Correction, reviewer: User) -> Correction:
    found = Correction.objects.reviewable_by(reviewer).select_for_update(of=("self",)).filter(pk=correction.pk).first()
    if found is None:
        fresh = Correction.objects.select_related("reviewer", "face__upload").filter(pk=correction.pk).first()
        why = describe_refusal(fresh, reviewer) if fresh else f"The photo of answer {correction.pk} was erased."
        raise AlreadyDecidedError(why)
    return found


def describe_refusal(correction: Correction, reviewer: User) -> str:
    """Why an answer (with reviewer and upload) is not this reviewer's to decide; empty when it is."""
    name, state = f"answer {correction.pk}", Correction.State(correction.state)
    if state in (state.APPROVED, state.REJECTED):
        who = (
            "you" if correction.reviewer_id == reviewer.pk else correction.reviewer or "somebody whose account is gone"
        )
        return f"{name.capitalize()} was {state} by {who} {_say_when(correction)}."
    if state == state.WITHDRAWN:
        return f"{name.capitalize()} was taken back by its author."
    if correction.author_id == reviewer.pk:
        return f"{name.capitalize()} is your own: another reviewer decides."
    return "" if correction.face.upload.consent_training else f"The photo of {name} is not shared any more."


def _say_when(correction: Correction) -> str:
    if correction.reviewed_at is None or timezone.now() - correction.reviewed_at < timedelta(minutes=1):
        return "a moment ago"
    return f"{timesince(correction.reviewed_at, depth=1)} ago"


def _decide(
    correction: Correction,
    reviewer: User,
    state: Correction.State,
    *,
    reason: str = "",
    withheld: str = "",
    final_label: int | None = None,
) -> None:
    correction.state, correction.final_label = state, final_label
    correction.withheld, correction.reason = withheld, WITHHELD[Correction.Withheld(withheld)] if withheld else reason
    correction.reviewer, correction.reviewed_at = reviewer, timezone.now()
    correction.save(update_fields=["state", "reason", "withheld", "final_label", "reviewer", "reviewed_at"])
    CorrectionEvent.objects.create(correction=correction, state=state, actor=reviewer, reason=correction.reason)

"""What an approved answer means for the dataset: the sample it gives, or why it gives none."""

from django.db import transaction

from accounts.models import User
from classifier.dataset.samples import add_sample
from classifier.models import Correction, CorrectionEvent, Sample

# In words, for author and reviewer.
WITHHELD = {
    Correction.Withheld.LIKE_TEST: (
        "Approved, but too like a test image: networks are measured with that one, none learns from this."
    ),
    Correction.Withheld.REPLACED: ("Approved, but later another answer about this face was: that one counts instead."),
}


class NotApprovedError(Exception):
    """Only an answer that is approved under a label gives a sample."""


@transaction.atomic
def add_missing_sample(*, correction: Correction) -> bool:
    """Give an approved answer the sample that it lacks; False, and its reason says so, where it may have none.

    Raises:
        Correction.DoesNotExist: its photo was erased.
        NotApprovedError: it is not approved under a label.
        classifier.dataset.samples.CropMissingError: what the network saw of the face is gone.
        classifier.storage.bulk.BucketError: the bucket does not answer.
    """
    lock_answers(correction)
    locked = Correction.objects.select_for_update(of=("self",)).get(pk=correction.pk)
    if locked.state != Correction.State.APPROVED or locked.final_label is None:
        raise NotApprovedError(f"Answer {locked.pk} is not approved under a label.")
    if Sample.objects.filter(correction=locked).exists():
        return True
    replaced = Correction.objects.replaced().filter(pk=locked.pk).exists()
    sampled = not replaced and add_sample(correction=locked, label=locked.final_label) is not None
    withheld = "" if sampled else Correction.Withheld.REPLACED if replaced else Correction.Withheld.LIKE_TEST
    if withheld != locked.withheld:
        withhold([locked], withheld, actor=None)
    return sampled


def lock_answers(correction: Correction) -> None:
    """Lock all answers about the same face, in erasing's order: two approvals come one after the other."""
    answers = Correction.objects.select_for_update(of=("self",)).filter(face__corrections=correction.pk)
    list(answers.order_by("pk").values_list("pk", flat=True))


def withhold(approved: list[Correction], withheld: str, *, actor: User | None) -> None:
    """Note why these answers give no sample; "" where nothing withholds it any more."""
    reason = WITHHELD[Correction.Withheld(withheld)] if withheld else ""
    for correction in approved:
        Correction.objects.filter(pk=correction.pk).update(withheld=withheld, reason=reason)
        CorrectionEvent.objects.create(correction=correction, state=correction.state, actor=actor, reason=reason)

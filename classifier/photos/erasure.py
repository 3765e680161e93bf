"""Erases what a person gave: photos with all that came of them, and answers about anybody's photos."""

from django.db import transaction

from accounts.models import User
from classifier.answers.corrections import allow_erasing
from classifier.dataset.samples import erase_samples
from classifier.models import Correction, Sample, Upload
from classifier.models.correction import CorrectionQuerySet
from classifier.storage.objects import remove_on_commit


@transaction.atomic
def erase_upload(*, upload: Upload) -> None:
    """Erase a photo for good: rows now, objects right after; what cannot be reached now, the sweeper removes."""
    locked = Upload.objects.select_for_update().filter(pk=upload.pk).first()
    if locked is None:
        return
    _erase_answers(Correction.objects.filter(face__upload=locked))
    remove_on_commit([locked.image, *locked.faces.exclude(crop="").values_list("crop", flat=True)])
    locked.delete()


@transaction.atomic
def erase_answers(*, author: User) -> None:
    """Erase what a person answered about anybody's photos, with the samples that it gave and their pixels."""
    _erase_answers(Correction.objects.filter(author=author))


@transaction.atomic
def erase_account(*, user: User) -> None:
    """Erase an account with its photos, its answers about anybody's, and all that came of them."""
    # The lock makes an upload that arrives now wait, and then fail, instead of leaving a photo that nobody owns.
    User.objects.select_for_update().get(pk=user.pk)
    for upload in Upload.objects.owned_by(user):
        erase_upload(upload=upload)
    erase_answers(author=user)
    user.delete()


def _erase_answers(answers: CorrectionQuerySet) -> None:
    # Locked first: what a reviewer is deciding becomes a sample before they are read here, or finds them gone.
    chosen = list(answers.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
    erase_samples(Sample.objects.filter(correction__in=chosen))
    allow_erasing()
    Correction.objects.filter(pk__in=chosen).delete()

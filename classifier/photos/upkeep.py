"""Uploads that got lost or failed: sent again by the clock or by staff; and what nobody refers to any more goes."""

from django.db import IntegrityError, transaction
from django.utils import timezone

from classifier import jobs
from classifier.models import IdempotencyKey, Upload
from classifier.photos.intake import KEY_LIFETIME
from classifier.storage.objects import remove_noted


def retry_upload(*, upload: Upload) -> bool:
    """Send a dead upload through the queue again; False when it is not dead, or the owner uploaded the photo anew."""
    try:
        with transaction.atomic():
            revived = Upload.objects.filter(pk=upload.pk, status=Upload.Status.DEAD).update(
                status=Upload.Status.PENDING,
                error="",
                attempts=0,
                finished_at=None,
                due_at=timezone.now() + jobs.UPLOADS.delivery,
            )
    except IntegrityError:
        return False
    if revived:
        transaction.on_commit(lambda: jobs.hand_over(jobs.UPLOADS, upload.pk), robust=True)
    return revived == 1


def sweep_uploads() -> int:
    """Hand out again what was lost, bury what failed too often, remove what nobody refers to; how many were sent."""
    sent = jobs.sweep(jobs.UPLOADS)
    IdempotencyKey.objects.filter(created_at__lte=timezone.now() - KEY_LIFETIME).delete()
    remove_noted(jobs.SWEEP_BATCH)
    return sent

"""Takes a photo in and erases it again; whatever happens in between, no object is left behind without a row."""

import hashlib
import secrets
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from classifier.answers.corrections import allow_erasing
from classifier.dataset.samples import erase_samples
from classifier.jobs import enqueue_upload
from classifier.models import Correction, IdempotencyKey, ObjectRemoval, Sample, Upload
from classifier.models.correction import CorrectionQuerySet
from classifier.photos.images import PreparedImage, prepare_content, read_content
from classifier.storage.objects import remove_objects, remove_on_commit

KEY_LIFETIME = timedelta(hours=24)
# An object whose row was never committed may go after this; longer than any request takes.
ABANDONED_AFTER = timedelta(hours=1)
# How long the broker has to deliver before the sweeper hands an upload out again.
DELIVERY_TIME = timedelta(seconds=60)


class StorageUnavailable(Exception):
    """The bucket does not answer: nothing was taken in; to be tried again."""


class IdempotencyMismatch(Exception):
    """The same Idempotency-Key came with other bytes within its 24 hours."""


@dataclass(frozen=True)
class TakenUpload:
    """created: a new row; duplicate: the same bytes were there already; neither: the same request came again."""

    upload: Upload
    created: bool
    duplicate: bool


def take_upload(
    *,
    owner: User,
    file: "UploadedFile[bytes]",
    source: str,
    consent_training: bool = False,
    idempotency_key: str | None = None,
) -> TakenUpload:
    """Store a photo and hand it to a worker once it is committed; a dead broker only delays it.

    Raises:
        ImageRefused: the photo cannot be taken.
        IdempotencyMismatch: the key was used for other bytes.
        StorageUnavailable: the bucket does not answer.
    """
    content = read_content(file, size=file.size)
    sha256 = hashlib.sha256(content).hexdigest()
    if (earlier := _find_earlier(owner, sha256, idempotency_key)) is not None:
        return earlier
    prepared = prepare_content(content)
    key = f"uploads/{uuid.uuid4()}.jpg"
    store_object(key, prepared.jpeg)
    try:
        upload = _create_upload(owner, sha256, key, prepared, source, consent_training, idempotency_key)
    except IntegrityError:
        # Somebody sent the same bytes or the same key at the same moment and was first.
        remove_objects([key])
        earlier = _find_earlier(owner, sha256, idempotency_key)
        if earlier is None:
            raise
        return earlier
    return TakenUpload(upload, created=True, duplicate=False)


def _find_earlier(owner: User, sha256: str, idempotency_key: str | None) -> TakenUpload | None:
    if idempotency_key is not None:
        fresh = IdempotencyKey.objects.filter(owner=owner, key=idempotency_key).select_related("upload").first()
        if fresh is not None and fresh.created_at > timezone.now() - KEY_LIFETIME:
            if fresh.sha256 != sha256:
                raise IdempotencyMismatch(idempotency_key)
            return TakenUpload(fresh.upload, created=False, duplicate=False)
    upload = Upload.objects.owned_by(owner).living().filter(sha256=sha256).first()
    if upload is None:
        return None
    if idempotency_key is not None:
        with suppress(IntegrityError):  # the same request at the same moment has noted it
            _note_key(owner, idempotency_key, upload)
    return TakenUpload(upload, created=False, duplicate=True)


@transaction.atomic
def _note_key(owner: User, key: str, upload: Upload) -> None:
    """Remember for 24 hours which upload this key stands for; an older use of it is over."""
    expired = timezone.now() - KEY_LIFETIME
    IdempotencyKey.objects.filter(owner=owner, key=key, created_at__lte=expired).delete()
    IdempotencyKey.objects.create(owner=owner, key=key, sha256=upload.sha256, upload=upload)


@transaction.atomic
def _create_upload(
    owner: User,
    sha256: str,
    key: str,
    prepared: PreparedImage,
    source: str,
    consent_training: bool,
    idempotency_key: str | None,
) -> Upload:
    upload = Upload.objects.create(
        owner=owner,
        sha256=sha256,
        source=source,
        image=key,
        width=prepared.width,
        height=prepared.height,
        consent_training=consent_training,
        due_at=timezone.now() + DELIVERY_TIME,
        asked_blind=source == Upload.Source.PAGE and secrets.randbelow(100) < settings.FERSITE_BLIND_PERCENT,
    )
    keep_objects([key])
    if idempotency_key is not None:
        _note_key(owner, idempotency_key, upload)
    transaction.on_commit(lambda: hand_over(upload.pk), robust=True)
    return upload


def hand_over(upload_id: uuid.UUID) -> bool:
    """Send a committed upload to the workers; where the broker does not take it, the next sweep sends it."""
    if enqueue_upload(upload_id):
        return True
    Upload.objects.filter(pk=upload_id, status=Upload.Status.PENDING).update(due_at=timezone.now())
    return False


def set_consent(*, upload: Upload, shared: bool) -> None:
    """The owner shares a photo for training, or no longer."""
    Upload.objects.filter(pk=upload.pk).update(consent_training=shared)


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


def _erase_answers(answers: CorrectionQuerySet) -> None:
    # Locked first: what a reviewer is deciding becomes a sample before they are read here, or finds them gone.
    chosen = list(answers.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
    erase_samples(Sample.objects.filter(correction__in=chosen))
    allow_erasing()
    Correction.objects.filter(pk__in=chosen).delete()


def store_object(key: str, content: bytes) -> None:
    """Put an object into the bucket, noted for removal until keep_objects is committed with the row that names it."""
    ObjectRemoval.objects.create(key=key, due_at=timezone.now() + ABANDONED_AFTER)
    try:
        default_storage.save(key, ContentFile(content))
    except (BotoCoreError, ClientError) as error:
        raise StorageUnavailable("the photo could not be stored") from error


def keep_objects(keys: Iterable[str]) -> None:
    """To be called in the transaction that writes the rows naming these objects."""
    ObjectRemoval.objects.filter(key__in=list(keys)).delete()

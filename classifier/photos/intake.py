"""Takes a photo in; whatever happens on the way, no object is left behind without a row."""

import hashlib
import secrets
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from classifier import jobs
from classifier.models import IdempotencyKey, Upload
from classifier.photos.images import PreparedImage, prepare_content, read_content
from classifier.storage.objects import keep_objects, remove_objects, store_object

KEY_LIFETIME = timedelta(hours=24)


class IdempotencyMismatch(Exception):
    """The same Idempotency-Key came with other bytes within its 24 hours."""


class Outcome(Enum):
    """What handing a photo in came to."""

    CREATED = "a new row"
    DUPLICATE = "the owner had uploaded the same bytes already"
    REPLAYED = "the same Idempotency-Key came again"


@dataclass(frozen=True)
class TakenUpload:
    """upload: the new row, or the earlier one."""

    upload: Upload
    outcome: Outcome


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
    return TakenUpload(upload, Outcome.CREATED)


def _find_earlier(owner: User, sha256: str, idempotency_key: str | None) -> TakenUpload | None:
    if idempotency_key is not None:
        fresh = IdempotencyKey.objects.filter(owner=owner, key=idempotency_key).select_related("upload").first()
        if fresh is not None and fresh.created_at > timezone.now() - KEY_LIFETIME:
            if fresh.sha256 != sha256:
                raise IdempotencyMismatch(idempotency_key)
            return TakenUpload(fresh.upload, Outcome.REPLAYED)
    upload = Upload.objects.owned_by(owner).living().filter(sha256=sha256).first()
    if upload is None:
        return None
    if idempotency_key is not None:
        with suppress(IntegrityError):  # the same request at the same moment has noted it
            _note_key(owner, idempotency_key, upload)
    return TakenUpload(upload, Outcome.DUPLICATE)


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
        due_at=timezone.now() + jobs.UPLOADS.delivery,
        asked_blind=source == Upload.Source.PAGE and secrets.randbelow(100) < settings.FERSITE_BLIND_PERCENT,
    )
    keep_objects([key])
    if idempotency_key is not None:
        _note_key(owner, idempotency_key, upload)
    kind = jobs.PROBES if source == Upload.Source.PROBE else jobs.UPLOADS
    transaction.on_commit(lambda: jobs.hand_over(kind, upload.pk), robust=True)
    return upload


def set_consent(*, upload: Upload, shared: bool) -> None:
    """Share a photo for training, or stop sharing it."""
    Upload.objects.filter(pk=upload.pk).update(consent_training=shared)

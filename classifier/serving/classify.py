"""Classifies an upload: claims it by a lease, runs the pipeline, writes faces and predictions; sweeps what was lost."""

import logging
import time
import uuid
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from django.conf import settings
from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.db.models import F
from django.utils import timezone

from classifier.models import Face, IdempotencyKey, ObjectRemoval, Prediction, Upload, Version
from classifier.models.upload import UploadQuerySet
from classifier.photos.images import ImageRefused, encode_crop, open_stored
from classifier.photos.intake import (
    DELIVERY_TIME,
    KEY_LIFETIME,
    StorageUnavailable,
    hand_over,
    keep_objects,
    store_object,
)
from classifier.serving.network import NoChampion, get_pipeline
from classifier.serving.shadow import shadow_upload
from classifier.storage.bulk import BUCKET_OUTAGES
from classifier.storage.objects import remove_objects
from fersite.s3 import read_object
from ml.artifacts import ArtifactError
from ml.predict import FaceResult
from ml.quality import measure_brightness, measure_sharpness

logger = logging.getLogger(__name__)

# What is missing around a photo and comes back: no fault of the photo's, so no attempt is used up.
DATABASE_OUTAGES = (InterfaceError, OperationalError)
STORAGE_OUTAGES = (*BUCKET_OUTAGES, StorageUnavailable)
OUTAGES = (*DATABASE_OUTAGES, *STORAGE_OUTAGES, ConnectionError, TimeoutError, NoChampion, ArtifactError)
LONGEST_WAIT = timedelta(seconds=60)
SWEEP_BATCH = 500


@dataclass(frozen=True)
class Answer:
    """What the pipeline said of one photo, and the wall time of it in ms."""

    version: Version
    faces: list[FaceResult]
    ms: float


def classify_upload(upload_id: uuid.UUID) -> None:
    """Classify one upload if nobody else is at it; safe to call twice, at once or later.

    An unreadable photo ends in `rejected`, one without a face in `no_face`, one that failed too often in `dead`;
    while the bucket, the database or the network is away, it waits.
    """
    upload = claim_upload(upload_id)
    if upload is None:
        return
    try:
        content = read_object(upload.image)
        if content is None:
            finish_upload(upload, Upload.Status.REJECTED, error="photo_missing")
            return
        answer = predict_photo(content)
        if answer is None:
            finish_upload(upload, Upload.Status.REJECTED, error="unreadable_image")
        else:
            store_answer(upload, answer)
    except OUTAGES as error:
        logger.warning("upload %s waits: %s", upload.pk, error)
        if isinstance(error, DATABASE_OUTAGES):
            connection.close()  # a broken one would fail again below
        postpone_upload(upload)
    except Exception:
        logger.exception("upload %s failed", upload.pk)
        release_upload(upload)


def claim_upload(upload_id: uuid.UUID) -> Upload | None:
    """Take the lease by compare-and-swap; None when another worker has it, or it is finished, erased or worn out."""
    now = timezone.now()
    open_row = Upload.objects.filter(pk=upload_id).claimable(now=now)
    claimed = open_row.filter(attempts__lt=settings.FERSITE_MAX_ATTEMPTS).update(
        status=Upload.Status.RUNNING,
        claimed_until=now + timedelta(seconds=settings.FERSITE_LEASE_SECONDS),
        attempts=F("attempts") + 1,
        due_at=None,
    )
    if claimed == 1:
        return Upload.objects.filter(pk=upload_id).first()
    bury(open_row)
    return None


def bury(open_rows: UploadQuerySet) -> int:
    """Give up on claimable uploads whose attempts are used up; how many there were."""
    return open_rows.filter(attempts__gte=settings.FERSITE_MAX_ATTEMPTS).update(
        status=Upload.Status.DEAD, error="attempts_exhausted", claimed_until=None, finished_at=timezone.now()
    )


def predict_photo(content: bytes) -> Answer | None:
    """Run the champion on a stored photo; None when it cannot be decoded."""
    version, pipeline = get_pipeline()
    start = time.perf_counter()
    try:
        photo = open_stored(content)
    except ImageRefused:
        return None
    faces = pipeline.predict_photo(photo)
    return Answer(version, faces, (time.perf_counter() - start) * 1000)


def store_answer(upload: Upload, answer: Answer) -> None:
    """Write crops, faces and predictions; nothing is written when the lease was lost meanwhile."""
    if not answer.faces:
        finish_upload(upload, Upload.Status.NO_FACE, ms=answer.ms)
        return
    crops = {f"faces/{uuid.uuid4()}.png": encode_crop(face.crop) for face in answer.faces}
    for key, png in crops.items():
        store_object(key, png)
    if _write_rows(upload, answer, list(crops)):
        shadow_upload(upload, answer.faces)
    else:
        remove_objects(list(crops))


@transaction.atomic
def _write_rows(upload: Upload, answer: Answer, keys: list[str]) -> bool:
    crops = np.stack([face.crop for face in answer.faces])
    brightness, sharpness = measure_brightness(crops), measure_sharpness(crops)
    if _held_by(upload).select_for_update().first() is None:
        return False
    faces = Face.objects.bulk_create(
        Face(
            upload=upload,
            index=index,
            x=face.box[0],
            y=face.box[1],
            width=face.box[2],
            height=face.box[3],
            score=face.score,
            origin=face.origin,
            crop=key,
            brightness=brightness[index],
            sharpness=sharpness[index],
        )
        for index, (face, key) in enumerate(zip(answer.faces, keys, strict=True))
    )
    Prediction.objects.bulk_create(
        Prediction.of(
            row,
            answer.version,
            probabilities=face.probabilities,
            prediction_set=face.prediction_set,
            ms=answer.ms,
        )
        for row, face in zip(faces, answer.faces, strict=True)
    )
    keep_objects(keys)
    return finish_upload(upload, Upload.Status.DONE, ms=answer.ms)


def _held_by(upload: Upload) -> UploadQuerySet:
    """The row, if this attempt still holds its lease: attempts counts claims, so it is the lease's number."""
    return Upload.objects.filter(pk=upload.pk, status=Upload.Status.RUNNING, attempts=upload.attempts)


def finish_upload(upload: Upload, status: Upload.Status, *, error: str = "", ms: float | None = None) -> bool:
    """Write the final state and how long the network took, in ms; False when the lease was lost."""
    finished = _held_by(upload).update(
        status=status, error=error, claimed_until=None, finished_at=timezone.now(), ms=ms
    )
    return finished == 1


def release_upload(upload: Upload) -> None:
    """Give the lease back after a failure: wait twice as long each time, or give up after the last attempt."""
    wait = timedelta(seconds=settings.FERSITE_RETRY_SECONDS * 2 ** (upload.attempts - 1))
    _held_by(upload).update(status=Upload.Status.PENDING, claimed_until=None, due_at=timezone.now() + wait)
    bury(Upload.objects.filter(pk=upload.pk, status=Upload.Status.PENDING))


def postpone_upload(upload: Upload) -> None:
    """Give lease and attempt back in an outage: wait as long again as the photo has waited, at most a minute.

    No other worker can hold the number that comes free: it was this attempt's own.
    """
    now = timezone.now()
    shortest = timedelta(seconds=settings.FERSITE_RETRY_SECONDS)
    wait = max(shortest, min(now - upload.created_at, LONGEST_WAIT))
    _held_by(upload).update(
        status=Upload.Status.PENDING, claimed_until=None, attempts=F("attempts") - 1, due_at=now + wait
    )


def retry_upload(*, upload: Upload) -> bool:
    """Send a dead upload through the queue again; False when it is not dead, or the owner uploaded the photo anew."""
    try:
        with transaction.atomic():
            revived = Upload.objects.filter(pk=upload.pk, status=Upload.Status.DEAD).update(
                status=Upload.Status.PENDING,
                error="",
                attempts=0,
                finished_at=None,
                due_at=timezone.now() + DELIVERY_TIME,
            )
    except IntegrityError:
        return False
    if revived:
        transaction.on_commit(lambda: hand_over(upload.pk), robust=True)
    return revived == 1


def sweep_uploads() -> int:
    """Hand out again what was lost, bury what failed too often, remove what nobody refers to; how many were sent."""
    now = timezone.now()
    bury(Upload.objects.claimable(now=now))
    stalled = list(Upload.objects.stalled(now=now).order_by("created_at").values_list("pk", flat=True)[:SWEEP_BATCH])
    Upload.objects.filter(pk__in=stalled, status=Upload.Status.PENDING).update(due_at=now + DELIVERY_TIME)
    sent = sum(hand_over(pk) for pk in stalled)
    IdempotencyKey.objects.filter(created_at__lte=now - KEY_LIFETIME).delete()
    remove_objects(list(ObjectRemoval.objects.due(now=now).values_list("key", flat=True)[:SWEEP_BATCH]))
    return sent

"""The worker's side of faces drawn by hand: cuts a square around the box, classifies it; sweeps what was lost."""

import logging
import time
import uuid
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from classifier.models import Face, Prediction, Upload, Version
from classifier.models.face import FaceQuerySet
from classifier.photos.drawing import DELIVERY_TIME, hand_over_face
from classifier.photos.images import ImageRefused, encode_crop, open_stored
from classifier.photos.intake import keep_objects, store_object
from classifier.serving.classify import DATABASE_OUTAGES, OUTAGES, SWEEP_BATCH
from classifier.serving.network import get_pipeline
from classifier.storage.objects import remove_objects
from fersite.s3 import read_object
from ml.predict import FaceResult
from ml.quality import measure_brightness, measure_sharpness

logger = logging.getLogger(__name__)


def classify_face(face_id: uuid.UUID) -> None:
    """Classify one drawn face; safe to call twice, at once or later.

    It is given up when its photo cannot be read, or after FERSITE_MAX_ATTEMPTS failures; during an outage it waits.
    """
    face = claim_face(face_id)
    if face is None:
        return
    try:
        content = read_object(face.upload.image)
        if content is None:
            give_up(face)
        else:
            store_result(face, *predict_box(face, content))
    except ImageRefused:
        give_up(face)
    except OUTAGES as error:
        logger.warning("face %s waits: %s", face.pk, error)
        if isinstance(error, DATABASE_OUTAGES):
            connection.close()  # a broken one would fail again below
        wait = timedelta(seconds=settings.FERSITE_RETRY_SECONDS)
        _waiting(face).update(attempts=F("attempts") - 1, due_at=timezone.now() + wait)
    except Exception:
        logger.exception("face %s failed", face.pk)
        release_face(face)


def claim_face(face_id: uuid.UUID) -> Face | None:
    """Count an attempt; None when it is classified, erased or given up.

    Two workers may hold the same face: what the second writes is discarded.
    """
    now = timezone.now()
    waiting = Face.objects.filter(pk=face_id, due_at__isnull=False)
    claimed = waiting.filter(attempts__lt=settings.FERSITE_MAX_ATTEMPTS).update(
        attempts=F("attempts") + 1, due_at=now + timedelta(seconds=settings.FERSITE_LEASE_SECONDS)
    )
    if claimed:
        return Face.objects.select_related("upload").filter(pk=face_id).first()
    return None


def predict_box(face: Face, content: bytes) -> tuple[Version, FaceResult, float]:
    """The champion's answer for the square around a box (its centre, its larger side), and the wall time in ms.

    Raises:
        ImageRefused: the photo cannot be decoded.
    """
    version, pipeline = get_pipeline()
    start = time.perf_counter()
    center = (face.x + face.width / 2, face.y + face.height / 2)
    result = pipeline.predict_square(open_stored(content), center=center, side=max(face.width, face.height))
    return version, result, (time.perf_counter() - start) * 1000


def store_result(face: Face, version: Version, result: FaceResult, ms: float) -> None:
    """Write crop and prediction; nothing stays when another worker was faster or the photo was erased meanwhile."""
    key = f"faces/{uuid.uuid4()}.png"
    store_object(key, encode_crop(result.crop))
    if not _write_rows(face, key, version, result, ms):
        remove_objects([key])


@transaction.atomic
def _write_rows(face: Face, key: str, version: Version, result: FaceResult, ms: float) -> bool:
    [brightness], [sharpness] = measure_brightness(result.crop[None]), measure_sharpness(result.crop[None])
    # Locked first, as everywhere: answers, erasing and drawing take the photo before its faces.
    upload = Upload.objects.select_for_update().filter(pk=face.upload_id).first()
    waiting = Face.objects.filter(pk=face.pk, crop="")
    if upload is None or not waiting.update(crop=key, due_at=None, brightness=brightness, sharpness=sharpness):
        return False
    Prediction.of(face, version, probabilities=result.probabilities, prediction_set=result.prediction_set, ms=ms).save(
        force_insert=True
    )
    Upload.objects.filter(pk=upload.pk, status=Upload.Status.NO_FACE).update(status=Upload.Status.DONE)
    keep_objects([key])
    return True


def give_up(face: Face) -> None:
    """Nobody waits for it any more; it stays without a prediction."""
    _waiting(face).update(due_at=None)


def release_face(face: Face) -> None:
    """After a failure: wait twice as long each time, or give up after the last attempt."""
    if face.attempts >= settings.FERSITE_MAX_ATTEMPTS:
        give_up(face)
        return
    wait = timedelta(seconds=settings.FERSITE_RETRY_SECONDS * 2 ** (face.attempts - 1))
    _waiting(face).update(due_at=timezone.now() + wait)


def _waiting(face: Face) -> FaceQuerySet:
    return Face.objects.filter(pk=face.pk, due_at__isnull=False)


def sweep_faces() -> int:
    """Hand out again what was lost, give up what failed too often; how many were sent."""
    now = timezone.now()
    due = Face.objects.filter(due_at__lte=now)
    due.filter(attempts__gte=settings.FERSITE_MAX_ATTEMPTS).update(due_at=None)
    lost = list(due.order_by("due_at").values_list("pk", flat=True)[:SWEEP_BATCH])
    Face.objects.filter(pk__in=lost, due_at__isnull=False).update(due_at=now + DELIVERY_TIME)
    return sum(hand_over_face(pk) for pk in lost)

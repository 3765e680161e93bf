"""The worker's side of faces drawn by hand: cuts a square around the box, classifies it; sweeps what was lost."""

import time
import uuid

from django.db import transaction

from classifier import jobs
from classifier.models import Face, Prediction, Upload, Version
from classifier.serving.network import get_pipeline
from classifier.storage.codec import ImageDamaged, encode_crop, open_photo
from classifier.storage.objects import keep_objects, remove_objects, store_object
from fersite.s3 import read_object
from ml.predict import FaceResult
from ml.quality import measure_brightness, measure_sharpness


def classify_face(face_id: uuid.UUID) -> None:
    """Classify one drawn face; safe to call twice, at once or later.

    It is given up when its photo cannot be read, or after FERSITE_MAX_ATTEMPTS failures; during an outage it waits.
    """
    jobs.carry_out(jobs.FACES, face_id, _classify)


def _classify(face: Face) -> None:
    content = read_object(face.upload.image)
    try:
        result = predict_box(face, content) if content is not None else None
    except ImageDamaged:
        result = None
    if result is None:
        jobs.finish(jobs.FACES, face)
    else:
        store_result(face, *result)


def predict_box(face: Face, content: bytes) -> tuple[Version, FaceResult, float]:
    """The champion's answer for the square around a box (its centre, its larger side), and the wall time in ms.

    Raises:
        ImageDamaged: the photo cannot be decoded.
    """
    version, pipeline = get_pipeline()
    start = time.perf_counter()
    center = (face.x + face.width / 2, face.y + face.height / 2)
    result = pipeline.predict_square(open_photo(content), center=center, side=max(face.width, face.height))
    return version, result, (time.perf_counter() - start) * 1000


def store_result(face: Face, version: Version, result: FaceResult, ms: float) -> None:
    """Write crop and prediction; nothing stays when the lease was lost or the photo was erased meanwhile."""
    key = f"faces/{uuid.uuid4()}.png"
    store_object(key, encode_crop(result.crop))
    if not _write_rows(face, key, version, result, ms):
        remove_objects([key])


@transaction.atomic
def _write_rows(face: Face, key: str, version: Version, result: FaceResult, ms: float) -> bool:
    [brightness], [sharpness] = measure_brightness(result.crop[None]), measure_sharpness(result.crop[None])
    # Locked first, as everywhere: answers, erasing and drawing take the photo before its faces.
    upload = Upload.objects.select_for_update().filter(pk=face.upload_id).first()
    if upload is None or not jobs.finish(jobs.FACES, face, crop=key, brightness=brightness, sharpness=sharpness):
        return False
    Prediction.of(face, version, probabilities=result.probabilities, prediction_set=result.prediction_set, ms=ms).save(
        force_insert=True
    )
    Upload.objects.filter(pk=upload.pk, status=Upload.Status.NO_FACE).update(status=Upload.Status.DONE)
    keep_objects([key])
    return True


def sweep_faces() -> int:
    """Hand out again what was lost, give up what failed too often; how many were sent."""
    return jobs.sweep(jobs.FACES)

"""Classifies an upload: runs the pipeline on the photo, writes faces and predictions; sweeps what was lost."""

import time
import uuid
from dataclasses import dataclass

import numpy as np
from django.db import transaction
from django.utils import timezone

from classifier import jobs
from classifier.models import Face, Prediction, Upload, Version
from classifier.serving.network import get_pipeline
from classifier.serving.shadow import shadow_upload
from classifier.storage.codec import ImageDamaged, encode_crop, open_photo
from classifier.storage.objects import keep_objects, remove_objects, store_object
from fersite.s3 import read_object
from ml.predict import FaceResult
from ml.quality import measure_brightness, measure_sharpness


@dataclass(frozen=True)
class PhotoResult:
    """What the pipeline said of one photo, and the wall time of it in ms."""

    version: Version
    faces: list[FaceResult]
    ms: float


def classify_upload(upload_id: uuid.UUID) -> None:
    """Classify one upload if nobody else is at it; safe to call twice, at once or later.

    An unreadable photo ends in `rejected`, one without a face in `no_face`, one that failed too often in `dead`;
    while the bucket, the database or the network is away, it waits.
    """
    jobs.carry_out(jobs.UPLOADS, upload_id, _classify)


def _classify(upload: Upload) -> None:
    content = read_object(upload.image)
    if content is None:
        finish_upload(upload, Upload.Status.REJECTED, error="photo_missing")
        return
    result = predict_photo(content)
    if result is None:
        finish_upload(upload, Upload.Status.REJECTED, error="unreadable_image")
    else:
        store_result(upload, result)


def predict_photo(content: bytes) -> PhotoResult | None:
    """Run the champion on a stored photo; None when it cannot be decoded."""
    version, pipeline = get_pipeline()
    start = time.perf_counter()
    try:
        photo = open_photo(content)
    except ImageDamaged:
        return None
    faces = pipeline.predict_photo(photo)
    return PhotoResult(version, faces, (time.perf_counter() - start) * 1000)


def store_result(upload: Upload, result: PhotoResult) -> None:
    """Write crops, faces and predictions; nothing is written when the lease was lost meanwhile."""
    if not result.faces:
        finish_upload(upload, Upload.Status.NO_FACE, ms=result.ms)
        return
    crops = {f"faces/{uuid.uuid4()}.png": encode_crop(face.crop) for face in result.faces}
    for key, png in crops.items():
        store_object(key, png)
    if _write_rows(upload, result, list(crops)):
        shadow_upload(upload, result.faces)
    else:
        remove_objects(list(crops))


@transaction.atomic
def _write_rows(upload: Upload, result: PhotoResult, keys: list[str]) -> bool:
    crops = np.stack([face.crop for face in result.faces])
    brightness, sharpness = measure_brightness(crops), measure_sharpness(crops)
    if jobs.held(jobs.UPLOADS, upload).select_for_update().first() is None:
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
        for index, (face, key) in enumerate(zip(result.faces, keys, strict=True))
    )
    Prediction.objects.bulk_create(
        Prediction.of(
            row,
            result.version,
            probabilities=face.probabilities,
            prediction_set=face.prediction_set,
            ms=result.ms,
        )
        for row, face in zip(faces, result.faces, strict=True)
    )
    keep_objects(keys)
    return finish_upload(upload, Upload.Status.DONE, ms=result.ms)


def finish_upload(upload: Upload, status: Upload.Status, *, error: str = "", ms: float | None = None) -> bool:
    """Write the final state and how long the network took, in ms; False when the lease was lost."""
    return jobs.finish(jobs.UPLOADS, upload, status=status, error=error, finished_at=timezone.now(), ms=ms)

"""The shadow: a version that answers every new photo beside the champion, unseen, so that the two can be compared."""

import logging
import time

import numpy as np
from django.db import IntegrityError

from classifier.models import Face, Prediction, Upload
from classifier.serving.network import get_shadow
from ml.calibrate import prediction_sets, rank_set
from ml.predict import FaceResult

logger = logging.getLogger(__name__)


def shadow_upload(upload: Upload, results: list[FaceResult]) -> None:
    """Write the shadow's answers for a photo that is done; whatever fails here costs the photo nothing.

    Args:
        results: the champion's, in the order of the photo's faces; their crops are classified again.
    """
    try:
        shadow = get_shadow()
        if shadow is None:
            return
        version, network = shadow
        start = time.perf_counter()
        probabilities = network.classify_crops(np.stack([result.crop for result in results]))
        # A face drawn by hand meanwhile comes after them.
        faces = Face.objects.filter(upload=upload, index__lt=len(results)).order_by("index")
        took = (time.perf_counter() - start) * 1000
        sets = prediction_sets(probabilities, network.artifact.calibration)
        Prediction.objects.bulk_create(
            Prediction.of(face, version, probabilities=row, prediction_set=rank_set(row, inside), ms=took, shadow=True)
            for face, row, inside in zip(faces, probabilities, sets, strict=True)
        )
    except IntegrityError:
        logger.info("upload %s was erased, or its shadow's answers are there already", upload.pk)
    except Exception:
        logger.exception("the shadow did not answer for upload %s", upload.pk)

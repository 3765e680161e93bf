"""The worker's side of explanations: loads the version that answered and maps what it looked at."""

import logging

from classifier.jobs import OUTAGES
from classifier.models import Explanation
from classifier.serving.network import get_network
from classifier.storage.codec import ImageDamaged, read_crop
from fersite.s3 import read_object
from ml.explain import compare_evidence
from ml.predict import NoEvidenceError

logger = logging.getLogger(__name__)


def compute_explanation(explanation_id: int) -> None:
    """Fill a pending explanation; safe to call twice. During an outage it stays pending until it is asked for again."""
    pending = Explanation.objects.filter(pk=explanation_id, status=Explanation.Status.PENDING)
    explanation = pending.select_related("prediction__face", "prediction__version").first()
    if explanation is None:
        return
    try:
        error, evidence = "", map_evidence(explanation)
    except FileNotFoundError:
        error, evidence = "photo_missing", None
    except ImageDamaged:
        error, evidence = "unreadable_image", None
    except NoEvidenceError:
        error, evidence = "not_explainable", None
    except OUTAGES:
        logger.warning("explanation %s waits", explanation_id, exc_info=True)
        return
    status = Explanation.Status.FAILED if error else Explanation.Status.DONE
    pending.update(status=status, error=error, evidence=evidence)


def map_evidence(explanation: Explanation) -> list[list[float]]:
    """6 × 6: the predicted label's evidence less the mean of all labels', which is what the softmax sees.

    Raises:
        FileNotFoundError: the crop is gone; ImageDamaged: it is damaged; NoEvidenceError: the version cannot explain
            itself.
    """
    prediction = explanation.prediction
    content = read_object(prediction.face.crop)
    if content is None:
        raise FileNotFoundError(prediction.face.crop)
    seen = get_network(prediction.version).compute_evidence(read_crop(content)[None])[0]
    return [[round(float(value), 4) for value in row] for row in compare_evidence(seen, prediction.label)]

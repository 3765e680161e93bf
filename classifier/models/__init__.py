"""The tables of the product; invariants are constraints here, writes belong to the use-case modules."""

from classifier.models.batch import BatchFace, LabellingBatch
from classifier.models.bulk import BulkReview
from classifier.models.correction import Answer, Correction, CorrectionEvent
from classifier.models.dataset import Sample
from classifier.models.explanation import Explanation
from classifier.models.face import Face
from classifier.models.label import Label
from classifier.models.prediction import Prediction, choose_prediction
from classifier.models.registry import Promotion, Version
from classifier.models.snapshot import Snapshot
from classifier.models.training import GateDecision, TrainingRun
from classifier.models.upload import IdempotencyKey, ObjectRemoval, Upload

__all__ = [
    "Answer",
    "BatchFace",
    "BulkReview",
    "Correction",
    "CorrectionEvent",
    "Explanation",
    "Face",
    "GateDecision",
    "IdempotencyKey",
    "Label",
    "LabellingBatch",
    "ObjectRemoval",
    "Prediction",
    "Promotion",
    "Sample",
    "Snapshot",
    "TrainingRun",
    "Upload",
    "Version",
    "choose_prediction",
]

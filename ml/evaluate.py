"""Measures a network as it is served: accuracy, calibration, prediction sets, and what certainty buys."""

import time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ml.calibrate import COVERAGE, apply_calibration, prediction_sets
from ml.data import FaceData, image_digests
from ml.duplicates import find_near_pairs
from ml.intervals import count_confusion, macro_f1, macro_f1_interval, wilson_interval
from ml.labels import LABELS
from ml.reliability import ece_when_calibrated, expected_calibration_error, reliability_bins, sets_over_halves

if TYPE_CHECKING:
    from ml.calibrate import Calibration
    from ml.predict import Network

ANSWERED = (0.9, 0.8, 0.7, 0.6, 0.5)
BATCH = 64
TIMED_FACES = 200


def measure(probabilities: NDArray[np.float64], labels: NDArray[np.int64], sets: NDArray[np.bool_]) -> dict[str, Any]:
    """All figures of one test set, as fractions.

    Args:
        probabilities: (n, 7), calibrated; labels: (n,), 0 to 6; sets: bool (n, 7), the prediction sets.

    Returns:
        the object of `python -m ml evaluate --json` without ms_per_face_p50, version and the parts without twins.
    """
    from sklearn.metrics import precision_recall_fscore_support

    numbers = np.arange(len(LABELS))
    predicted = probabilities.argmax(axis=1)
    precision, recall, f1, _ = precision_recall_fscore_support(labels, predicted, labels=numbers, zero_division=0.0)
    confusion = count_confusion(labels, predicted)
    own = probabilities[np.arange(len(labels)), labels]
    return {
        "n": len(labels),
        "accuracy": float((predicted == labels).mean()),
        "macro_f1": macro_f1(confusion),
        "nll": float(-np.log(np.maximum(own, 1e-12)).mean()),
        "brier": float(((probabilities - np.eye(len(LABELS))[labels]) ** 2).sum(axis=1).mean()),
        "ece": expected_calibration_error(probabilities, labels),
        "per_class": {
            label: {"precision": float(precision[i]), "recall": float(recall[i]), "f1": float(f1[i])}
            for i, label in enumerate(LABELS)
        },
        "confusion": confusion.tolist(),
        "set_coverage": float(sets[np.arange(len(labels)), labels].mean()),
        "set_size": float(sets.sum(axis=1).mean()),
        "coverage_at": accuracy_when_answering(probabilities, labels),
        "accuracy_interval": list(wilson_interval(int(confusion.trace()), len(labels))),
        "macro_f1_interval": list(macro_f1_interval(confusion)),
        **ece_when_calibrated(probabilities),
        "reliability": reliability_bins(probabilities, labels),
        "halves": sets_over_halves(probabilities, labels, COVERAGE) if len(labels) > 1 else None,
    }


def accuracy_when_answering(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> dict[str, float]:
    """Accuracy among the most certain 90, 80, … per cent, keyed by the share answered."""
    order = np.argsort(-probabilities.max(axis=1), kind="stable")
    right = (probabilities.argmax(axis=1) == labels)[order]
    return {str(share): float(right[: max(1, round(len(right) * share))].mean()) for share in ANSWERED}


def compute_logits(network: "Network", images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The served network's logits (n, 7) for images uint8 (n, 48, 48), in batches, with a progress bar on stderr."""
    from tqdm import tqdm

    starts = tqdm(range(0, len(images), BATCH), desc="classifying", unit="batch", leave=False, disable=None)
    return np.concatenate([network.compute_logits(images[start : start + BATCH]) for start in starts])


def compute_probabilities(
    network: "Network", calibration: "Calibration", images: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """The served pipeline's calibrated probabilities (n, 7) for images uint8 (n, 48, 48)."""
    return apply_calibration(compute_logits(network, images), calibration)


def evaluate_network(
    network: "Network", calibration: "Calibration", images: NDArray[np.uint8], labels: NDArray[np.int64]
) -> dict[str, Any]:
    """Figures of the served pipeline on labelled crops: images uint8 (n, 48, 48), labels (n,)."""
    return evaluate_parts(network, calibration, images, labels, {})["all"]


def evaluate_parts(
    network: "Network",
    calibration: "Calibration",
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    parts: dict[str, NDArray[np.bool_]],
) -> dict[str, dict[str, Any]]:
    """Figures of the served pipeline on labelled crops ("all") and on parts of them, classifying each crop once.

    Args:
        images: uint8 (n, 48, 48); labels: (n,), 0 to 6.
        parts: by name, which crops (bool (n,)) belong to it; an empty part is left out.
    """
    probabilities = compute_probabilities(network, calibration, images)
    sets = prediction_sets(probabilities, calibration)
    figures = {
        name: measure(probabilities[part], labels[part], sets[part])
        for name, part in {"all": np.ones(len(labels), dtype=bool), **parts}.items()
        if part.any()
    }
    figures["all"]["ms_per_face_p50"] = time_single_faces(network, images[:TIMED_FACES])
    return figures


def find_twinless(test: FaceData, train: FaceData) -> dict[str, NDArray[np.bool_]]:
    """Which test images do not also stand in the training split, where a network may have learned them by heart.

    Returns:
        "without_twins": no pixel-identical copy in train; "without_near_twins": no shifted, cropped or compressed copy
        either (see ml.duplicates); each bool (n,).
    """
    known = set(image_digests(train.images))
    alone = np.array([digest not in known for digest in image_digests(test.images)], dtype=bool)
    pairs, _ = find_near_pairs(test.images, train.images)
    near = np.isin(np.arange(len(test)), pairs[:, 0])
    return {"without_twins": alone, "without_near_twins": alone & ~near}


def time_single_faces(network: "Network", images: NDArray[np.uint8]) -> float:
    """Median wall time, in ms, from one 48×48 crop to calibrated probabilities."""
    times = []
    for image in images:
        start = time.perf_counter()
        network.classify_crops(image[None])
        times.append(time.perf_counter() - start)
    return float(np.median(times) * 1000)

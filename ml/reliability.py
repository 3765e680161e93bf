"""Whether confidences mean what they say: reliability bins, ECE and the ECE that chance alone would give."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.calibrate import fit_calibration, prediction_sets, softmax

BINS = 15
SIMULATIONS = 2000
HALVES = 100


def expected_calibration_error(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """ECE with 15 equally wide bins of confidence (Guo et al. 2017), 0 to 1.

    Args:
        probabilities: (n, 7); labels: (n,), 0 to 6.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    return float(_errors(confidence, right[np.newaxis])[0])


def ece_when_calibrated(probabilities: NDArray[np.float64], *, seed: int = 0) -> dict[str, Any]:
    """The ECE that a perfectly calibrated network with the same confidences would score on as many faces.

    Even such a network does not score 0: each answer is simulated as right with the probability it claims.

    Args:
        probabilities: (n, 7), n ≥ 1.

    Returns:
        "ece_expected": the mean of 2,000 simulations; "ece_band": their 2.5 and 97.5 % quantiles.
    """
    confidence = probabilities.max(axis=1)
    rng = np.random.default_rng(seed)
    errors = [_errors(confidence, rng.random((100, len(confidence))) < confidence) for _ in range(SIMULATIONS // 100)]
    low, high = np.quantile(errors, [0.025, 0.975])
    return {"ece_expected": float(np.mean(errors)), "ece_band": [float(low), float(high)]}


def _errors(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """ECE of each row of right (s, n)."""
    member = np.eye(BINS)[_bin_numbers(confidence)]
    return np.asarray(np.abs((right - confidence) @ member).sum(axis=1) / len(confidence))


def _bin_numbers(confidence: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.minimum((confidence * BINS).astype(np.int64), BINS - 1)


def reliability_bins(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> list[dict[str, Any]]:
    """The bars of a reliability diagram: 15 bins with low and high edge, n, mean confidence and accuracy.

    Args:
        probabilities: (n, 7); labels: (n,), 0 to 6.

    Returns:
        one object a bin; confidence and accuracy are None in an empty one.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    numbers = _bin_numbers(confidence)
    bins = []
    for number in range(BINS):
        inside = numbers == number
        count = int(inside.sum())
        bins.append(
            {
                "low": number / BINS,
                "high": (number + 1) / BINS,
                "n": count,
                "confidence": float(confidence[inside].mean()) if count else None,
                "accuracy": float(right[inside].mean()) if count else None,
            }
        )
    return bins


def sets_over_halves(
    probabilities: NDArray[np.float64], labels: NDArray[np.int64], coverage: float, *, seed: int = 0
) -> dict[str, Any]:
    """Coverage and size of prediction sets fitted on one random half and measured on the other, mean of 100 splits.

    Temperature and threshold are both fitted anew on each half.

    Args:
        probabilities: (n, 7), n ≥ 2; labels: (n,), 0 to 6; coverage: what the sets aim at, 0 to 1.

    Returns:
        "coverage" (0 to 1), "size" (labels a set) and "splits".
    """
    logits = np.log(np.maximum(probabilities, 1e-12)).astype(np.float32)
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(HALVES):
        order = rng.permutation(len(labels))
        fitted, measured = np.array_split(order, 2)
        calibration = fit_calibration(logits[fitted], labels[fitted], coverage)
        sets = prediction_sets(softmax(logits[measured] / calibration.temperature), calibration)
        found.append((sets[np.arange(len(measured)), labels[measured]].mean(), sets.sum(axis=1).mean()))
    mean = np.mean(found, axis=0)
    return {"coverage": float(mean[0]), "size": float(mean[1]), "splits": HALVES}

"""Makes confidences mean what they say: a temperature, and sets that hold the right label 9 times of 10."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

COVERAGE = 0.9


@dataclass(frozen=True)
class Calibration:
    """temperature divides the logits; a label whose probability reaches threshold belongs to the prediction set.

    n: how many held-out faces both were fitted on; coverage: the share of right answers the sets aim at.
    """

    temperature: float
    threshold: float
    coverage: float
    n: int

    def to_dict(self) -> dict[str, float]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Calibration":
        """Read what to_dict wrote; raises KeyError or ValueError when a value is missing or impossible."""
        read = cls(
            float(values["temperature"]), float(values["threshold"]), float(values["coverage"]), int(values["n"])
        )
        if not (0 < read.temperature < 100 and 0 <= read.threshold <= 1):
            raise ValueError(f"impossible calibration {values}")
        return read


def fit_calibration(logits: NDArray[np.float32], labels: NDArray[np.int64], coverage: float = COVERAGE) -> Calibration:
    """Fit on faces that were not trained on.

    The temperature minimises the negative log-likelihood (Guo et al. 2017); the threshold is the split-conformal
    quantile of 1 - p(right label) (Sadinle, Lei & Wasserman 2019), which covers marginally, not per class.

    Args:
        logits: float32 (n, 7); labels: int64 (n,), 0 to 6; coverage: 0 to 1.

    Raises:
        ValueError: no faces to fit on.
    """
    from scipy.optimize import minimize_scalar

    if not len(labels):
        raise ValueError("calibration needs at least one held-out face")

    def loss(log_temperature: float) -> float:
        probabilities = softmax(logits / np.exp(log_temperature))
        return float(-np.log(np.maximum(probabilities[np.arange(len(labels)), labels], 1e-12)).mean())

    temperature = float(np.exp(minimize_scalar(loss, bounds=(-3.0, 3.0), method="bounded").x))
    scores = 1.0 - softmax(logits / temperature)[np.arange(len(labels)), labels]
    rank = min(int(np.ceil((len(labels) + 1) * coverage)), len(labels))
    return Calibration(temperature, float(1.0 - np.sort(scores)[rank - 1]), coverage, len(labels))


def softmax(logits: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Probabilities of shape (n, 7) that sum to 1, from logits (n, 7)."""
    from scipy.special import softmax as scipy_softmax

    return np.asarray(scipy_softmax(np.asarray(logits, dtype=np.float64), axis=1))


def apply_calibration(logits: NDArray[np.floating[Any]], calibration: Calibration) -> NDArray[np.float64]:
    """Calibrated probabilities (n, 7) from raw logits (n, 7)."""
    return softmax(logits / calibration.temperature)


def prediction_sets(probabilities: NDArray[np.float64], calibration: Calibration) -> NDArray[np.bool_]:
    """Which labels belong to each face's set: bool (n, 7); the most probable one always does."""
    inside = probabilities >= calibration.threshold
    inside[np.arange(len(probabilities)), probabilities.argmax(axis=1)] = True
    return inside


def rank_set(probabilities: NDArray[np.float64], inside: NDArray[np.bool_]) -> list[int]:
    """The labels of one face's prediction set, the most probable first, from two rows of shape (7,)."""
    return [int(label) for label in np.argsort(-probabilities) if inside[label]]

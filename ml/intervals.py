"""95 % intervals of the figures that a test set gives."""

import numpy as np
from numpy.typing import NDArray

from ml.labels import LABELS

RESAMPLES = 2000


def accuracy_interval(right: int, n: int) -> list[float]:
    """Wilson interval of a share: right of n, n ≥ 1; low and high end, 0 to 1."""
    from scipy.stats import binomtest

    interval = binomtest(right, n).proportion_ci(method="wilson")
    return [float(interval.low), float(interval.high)]


def macro_f1_interval(labels: NDArray[np.int64], predicted: NDArray[np.int64], *, seed: int = 0) -> list[float]:
    """Percentile bootstrap of the macro-F1 over faces (Efron 1979), 2,000 resamples.

    Args:
        labels, predicted: (n,), 0 to 6, n ≥ 1.

    Returns:
        low and high end, 0 to 1. A label that a resample neither holds nor predicts counts as F1 0, as in macro-F1.
    """
    classes = len(LABELS)
    cells = np.bincount(labels * classes + predicted, minlength=classes**2)
    # Faces in the same cell of the confusion matrix are alike, so resampling faces is one multinomial draw.
    drawn = np.random.default_rng(seed).multinomial(len(labels), cells / len(labels), size=RESAMPLES)
    confusion = drawn.reshape(RESAMPLES, classes, classes)
    hits = np.einsum("rii->ri", confusion)
    totals = confusion.sum(axis=1) + confusion.sum(axis=2)
    macro = (2 * hits / np.maximum(totals, 1)).mean(axis=1)
    low, high = np.quantile(macro, [0.025, 0.975])
    return [float(low), float(high)]

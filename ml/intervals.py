"""Macro-F1, and 95 % intervals of it and of shares, from counts alone: NumPy only, quick enough for a page."""

import numpy as np
from numpy.typing import NDArray

from ml.labels import LABELS

# Two-sided 95 % of the normal distribution.
Z = 1.959963984540054
RESAMPLES = 2000


def wilson_interval(right: int, n: int) -> tuple[float, float] | tuple[None, None]:
    """Interval of a share, right of n; low and high end, 0 to 1; two None where n is 0.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the
    American Statistical Association 22 (1927), 209–212; operation by operation as SciPy's binomtest computes it.
    """
    if not n:
        return None, None
    share, twice = right / n, 2 * (n + Z**2)
    middle = (2 * n * share + Z**2) / twice
    half = Z / twice * (4 * n * share * (1 - share) + Z**2) ** 0.5
    # The ends at no and at all right are exact; rounding must not push them past what a share can be.
    return (0.0 if right == 0 else middle - half), (1.0 if right == n else middle + half)


def count_confusion(labels: NDArray[np.int64], predicted: NDArray[np.int64]) -> NDArray[np.int64]:
    """(7, 7) counts, rows true labels, of two (n,) of labels 0 to 6."""
    classes = len(LABELS)
    return np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)


def macro_f1(confusion: NDArray[np.int64], *, only_occurring: bool = False) -> float | None:
    """Mean F1 of the labels, 0 to 1; None of an empty matrix.

    Args:
        confusion: (7, 7) counts, rows true labels.
        only_occurring: leave out a label that is neither true nor predicted anywhere; else its F1 counts as 0.
    """
    return float(_macro_f1s(confusion[np.newaxis], only_occurring)[0]) if confusion.any() else None


def macro_f1_interval(
    confusion: NDArray[np.int64], *, resamples: int = RESAMPLES, only_occurring: bool = False, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap of macro_f1 over faces; the same counts and seed give the same interval.

    Source: B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7 (1979), 1–26. Faces in
    one cell of the matrix are alike, so that drawing faces with replacement is one multinomial draw.

    Args:
        confusion: (7, 7) counts, rows true labels, at least one face.
        only_occurring: as in macro_f1, of each resample.
    """
    cells = confusion.ravel()
    # Empty cells at the end take a random number with them: published intervals were drawn with or without them.
    drawn_from = np.trim_zeros(cells, "b") if only_occurring else cells
    drawn = np.zeros((resamples, cells.size), dtype=np.int64)
    draw = np.random.default_rng(seed).multinomial
    drawn[:, : drawn_from.size] = draw(int(cells.sum()), drawn_from / cells.sum(), size=resamples)
    low, high = np.quantile(_macro_f1s(drawn.reshape(resamples, *confusion.shape), only_occurring), [0.025, 0.975])
    return float(low), float(high)


def _macro_f1s(confusions: NDArray[np.int64], only_occurring: bool) -> NDArray[np.float64]:
    """Of each of (r, 7, 7): float64 (r,)."""
    hits = np.einsum("rii->ri", confusions)
    totals = confusions.sum(axis=1) + confusions.sum(axis=2)
    labels = (totals > 0).sum(axis=1) if only_occurring else len(LABELS)
    found: NDArray[np.float64] = (2 * hits / np.maximum(totals, 1)).sum(axis=1) / labels
    return found

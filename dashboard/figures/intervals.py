"""95 % intervals of shares and of macro-F1, from counts alone; cheap enough for one at every point of a chart."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

# Two-sided 95 % of the normal distribution.
Z = 1.959963984540054
RESAMPLES = 200
# Fewer reviewed faces or answers say more about chance than about the network.
FEWEST_REVIEWED = 30


def wilson_interval(right: int, n: int) -> tuple[float, float] | tuple[None, None]:
    """Interval of a share, right of n; low and high end, 0 to 1; two None where n is 0.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the
    American Statistical Association 22 (1927), 209–212. In closed form, as ml.intervals.accuracy_interval gives it:
    SciPy takes longer to import than a page may take.
    """
    if not n:
        return None, None
    share, weight = right / n, Z**2 / n
    middle = (share + weight / 2) / (1 + weight)
    half = Z / (1 + weight) * (share * (1 - share) / n + weight / (4 * n)) ** 0.5
    # The ends at no and at all right are exact; rounding must not push them past what a share can be.
    return (0.0 if right == 0 else middle - half), (1.0 if right == n else middle + half)


def difference_interval(right: int, n: int, other_right: int, other_n: int) -> tuple[float, float] | tuple[None, None]:
    """Interval of right / n - other_right / other_n, -1 to 1, of different faces; two None where one n is 0.

    Source: R. G. Newcombe, "Interval estimation for the difference between independent proportions", Statistics in
    Medicine 17 (1998), 873–890, method 10. Where both are about the same faces and mostly right about the same ones,
    the true interval is narrower: McNemar's needs how often only one of the two was right.
    """
    low, high = wilson_interval(right, n)
    other_low, other_high = wilson_interval(other_right, other_n)
    if low is None or high is None or other_low is None or other_high is None:
        return None, None
    share, other = right / n, other_right / other_n
    difference = share - other
    return (
        float(difference - np.hypot(share - low, other_high - other)),
        float(difference + np.hypot(high - share, other - other_low)),
    )


def macro_f1(confusion: NDArray[np.int64]) -> float | None:
    """Mean F1 of the labels that occur, true or predicted, 0 to 1; None of an empty matrix.

    Args:
        confusion: (7, 7) counts, rows true labels.
    """
    return float(_macro_f1s(confusion[np.newaxis])[0]) if confusion.any() else None


def macro_f1_interval(confusion: NDArray[np.int64], *, seed: int = 0) -> tuple[float, float]:
    """Percentile bootstrap of macro_f1 over faces, 200 resamples; the same counts give the same interval.

    Source: B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7 (1979), 1–26. Faces in
    one cell of the matrix are alike, so that drawing faces with replacement is one multinomial draw.

    Args:
        confusion: (7, 7) counts, rows true labels, at least one face.
    """
    return _resample_macro_f1(tuple(confusion.ravel().tolist()), seed)


# A day's counts seldom change once it is over, and drawing takes about a millisecond.
@lru_cache(maxsize=2000)
def _resample_macro_f1(counts: tuple[int, ...], seed: int) -> tuple[float, float]:
    cells = np.array(counts, dtype=np.int64)
    # Empty cells stay empty: drawing the others alone is several times faster.
    (filled,) = cells.nonzero()
    n = int(cells.sum())
    drawn = np.zeros((RESAMPLES, cells.size), dtype=np.int64)
    drawn[:, filled] = np.random.default_rng(seed).multinomial(n, cells[filled] / n, size=RESAMPLES)
    low, high = np.quantile(_macro_f1s(drawn.reshape(RESAMPLES, 7, 7)), [0.025, 0.975])
    return float(low), float(high)


def _macro_f1s(confusions: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of each of (r, 7, 7): float64 (r,)."""
    hits = np.einsum("rii->ri", confusions)
    totals = confusions.sum(axis=1) + confusions.sum(axis=2)
    found: NDArray[np.float64] = (2 * hits / np.maximum(totals, 1)).sum(axis=1) / (totals > 0).sum(axis=1)
    return found

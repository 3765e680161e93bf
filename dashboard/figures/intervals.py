"""95 % intervals at every point of a chart; shares' are ml.intervals.wilson_interval."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ml import intervals
from ml.intervals import wilson_interval

# A tenth of what a network's card draws: a chart has many points.
RESAMPLES = 200
# Fewer reviewed faces or answers say more about chance than about the network.
FEWEST_REVIEWED = 30


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
    return intervals.macro_f1(confusion, only_occurring=True)


def macro_f1_interval(confusion: NDArray[np.int64]) -> tuple[float, float]:
    """Percentile bootstrap of macro_f1 over faces, 200 resamples; the same counts give the same interval.

    Args:
        confusion: (7, 7) counts, rows true labels, at least one face.
    """
    return _resample_macro_f1(tuple(confusion.ravel().tolist()))


# A day's counts seldom change once it is over, and drawing takes a few milliseconds.
@lru_cache(maxsize=2000)
def _resample_macro_f1(counts: tuple[int, ...]) -> tuple[float, float]:
    confusion = np.array(counts, dtype=np.int64).reshape(7, 7)
    return intervals.macro_f1_interval(confusion, resamples=RESAMPLES, only_occurring=True)

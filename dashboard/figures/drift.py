"""How far some faces are from a reference, and how far chance alone takes as many of them; pure functions of counts.

One measure, the Jensen–Shannon distance: it is symmetric, bounded, and defined where a bucket of either side is empty.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ml.reference import load_reference

DRIFT_MEASURES = ("label", "confidence", "brightness", "sharpness", "size")
# Fewer faces say nothing about a distribution.
MIN_CHUNK = 30
# Thresholds are drawn for chunks of so many faces and interpolated in between; beyond the last one they stay as they
# are: a still smaller distance is of no use to anybody.
CHUNK_SIZES = (MIN_CHUNK, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 100_000)
DRAWS, DEVIATIONS, SEED = 200, 3, 1
TRAINING_COUNTS = {"label": "labels", "confidence": "confidence", "brightness": "brightness", "sharpness": "sharpness"}


class Drift(NamedTuple):
    """value: the distance, 0 to 1; threshold: what it would hardly exceed without drift."""

    value: float
    threshold: float

    @property
    def is_above(self) -> bool:
        """Whether chance alone would hardly reach the distance."""
        return self.value > self.threshold


def measure_drift(name: str, counts: Sequence[int], reference: Sequence[int] | None = None) -> Drift | None:
    """The distance of some faces from the reference, with its threshold.

    Args:
        name: of DRIFT_MEASURES.
        counts: (k,), faces in each bucket (dashboard.models.buckets) or of each label.
        reference: (k,), counts too; None: the training reference's, which has no sizes.

    Returns:
        None for fewer than MIN_CHUNK faces, and without a reference.
    """
    reference = find_training_counts(name) if reference is None else reference
    if reference is None or sum(counts) < MIN_CHUNK:
        return None
    return Drift(js_distance(counts, reference), drift_threshold(name, sum(counts), reference))


def js_distance(counts: Sequence[int], reference: Sequence[int]) -> float:
    """The square root of the Jensen–Shannon divergence to base 2, as scipy.spatial.distance.jensenshannon(…, base=2).

    The divergence: Lin 1991, "Divergence measures based on the Shannon entropy", IEEE Transactions on Information
    Theory 37(1). Its root is a metric: Endres & Schindelin 2003, IEEE Transactions on Information Theory 49(7).

    Args:
        counts, reference: (k,), 0 or more, not all of them 0.

    Returns:
        0 for the same shares to 1 for nothing in common.

    Raises:
        ValueError: either is empty.
    """
    if not (sum(counts) and sum(reference)):
        raise ValueError("a distance between no faces")
    return float(_compute_distances(counts, reference))


def drift_threshold(name: str, n: int, reference: Sequence[int] | None = None) -> float:
    """The mean and three standard deviations of the distance between the reference and n faces drawn from it.

    As NannyML's StandardDeviationThreshold over chunks of the reference (NannyML, "Thresholds",
    docs/tutorials/thresholds.rst), but for chunks of the same number of faces: chance alone takes few faces farther
    than many. NannyML's constant for this distance, 0.1, would suit one size only. The reference is a sample itself,
    so it is drawn anew as well: else every large chunk were far from a small reference. Faces are taken as independent;
    several from one photo are not quite, so real days vary a little more.

    Args:
        name, reference: as measure_drift has them; n: MIN_CHUNK or more.

    Returns:
        Interpolated between CHUNK_SIZES in 1/√n, in which the distance is all but linear.

    Raises:
        ValueError: n is smaller, or there is no reference.
    """
    reference = find_training_counts(name) if reference is None else reference
    if reference is None or n < MIN_CHUNK:
        raise ValueError(f"no threshold for {name} of {n} faces")
    thresholds = _draw_thresholds(tuple(reference))
    # numpy wants rising places: from the largest chunk to the smallest.
    return float(np.interp(n**-0.5, _ROOTS[::-1], thresholds[::-1]))


def find_training_counts(name: str) -> tuple[int, ...] | None:
    """The training reference's counts of a measure; None for sizes, which its faces do not have."""
    if name not in TRAINING_COUNTS:
        return None
    return tuple(getattr(load_reference(), TRAINING_COUNTS[name]).tolist())


_ROOTS = np.array(CHUNK_SIZES, dtype=np.float64) ** -0.5


@lru_cache(maxsize=32)
def _draw_thresholds(reference: tuple[int, ...]) -> NDArray[np.float64]:
    """One threshold for each of CHUNK_SIZES, falling; the same reference gives the same ones in every process."""
    generator = np.random.default_rng(SEED)
    total = sum(reference)
    shares = np.array(reference, dtype=np.float64) / total
    anew = generator.multinomial(total, shares, size=DRAWS)
    found = [_compute_distances(generator.multinomial(n, shares, size=DRAWS), anew) for n in CHUNK_SIZES]
    thresholds = [distances.mean() + DEVIATIONS * distances.std() for distances in found]
    # What noise of the draws is left must not let a larger chunk go farther.
    return np.minimum.accumulate(thresholds)


def _compute_distances(counts: ArrayLike, references: ArrayLike) -> NDArray[np.float64]:
    """(…, k) and (…, k) counts → (…,) distances."""
    shares = np.array([counts, references], dtype=np.float64)
    shares /= shares.sum(axis=-1, keepdims=True)
    ratios = np.divide(shares, shares.mean(axis=0), out=np.ones_like(shares), where=shares > 0)
    divergence = (shares * np.log2(ratios)).sum(axis=(0, -1)) / 2
    # Rounding must not lead out of 0 to 1.
    return np.asarray(np.sqrt(np.minimum(np.maximum(divergence, 0), 1)))

"""Faces by bucket of confidence, and what those that people reviewed say about all of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from dashboard.models.buckets import bucket_count
from dashboard.rollups.statements import MILLION
from ml.intervals import Z

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Strata:
    """Counts by bucket of confidence, int64 (20,) each.

    faces: all that were shown; reviewed: those with an approved answer; right: those of them the network got right;
    claimed: sums of the reviewed faces' confidences, in millionths; total_claimed: of all faces' confidences.
    """

    faces: Counts
    reviewed: Counts
    right: Counts
    claimed: Counts
    total_claimed: int

    @classmethod
    def empty(cls) -> "Strata":
        none = np.zeros(bucket_count("confidence"), dtype=np.int64)
        return cls(none, none, none, none, 0)

    def __add__(self, other: "Strata") -> "Strata":
        return Strata(
            self.faces + other.faces,
            self.reviewed + other.reviewed,
            self.right + other.right,
            self.claimed + other.claimed,
            self.total_claimed + other.total_claimed,
        )

    @classmethod
    def total(cls, parts: Iterable["Strata"]) -> "Strata":
        """The sum of several; empty for none."""
        return reduce(add, parts, cls.empty())

    def since(self, bucket: int) -> "Strata":
        """This bucket and those above; the sum of all confidences is not known of a part, and 0."""
        return Strata(self.faces[bucket:], self.reviewed[bucket:], self.right[bucket:], self.claimed[bucket:], 0)

    @property
    def n(self) -> int:
        """Number of reviewed faces."""
        return int(self.reviewed.sum())

    @property
    def accuracy(self) -> float | None:
        """Share of the reviewed faces that the network got right; None without any."""
        return int(self.right.sum()) / self.n if self.n else None

    @property
    def estimated(self) -> float | None:
        """Accuracy that the confidences promise: their mean over all faces, None without any.

        Source: confidence-based performance estimation as NannyML describes it ("How it works: CBPE", 2022). The
        expected share of right answers is the mean probability of the answers given, if these are calibrated.
        """
        faces = int(self.faces.sum())
        return self.total_claimed / MILLION / faces if faces else None

    def expected_calibration_error(self) -> float | None:
        """Mean distance between confidence and accuracy over the buckets, weighted by reviewed faces; 0 to 1.

        Source: M. P. Naeini, G. F. Cooper and M. Hauskrecht, "Obtaining well calibrated probabilities using Bayesian
        binning", AAAI (2015), 2901–2907; 20 equally wide buckets, where ml.reliability has 15.
        """
        if not self.n:
            return None
        return float(np.abs(self.claimed / MILLION - self.right).sum() / self.n)

    def post_stratify(self) -> tuple[float, float, float] | tuple[None, None, None]:
        """Accuracy over all faces from the reviewed ones, and its 95 % interval; 0 to 1, None where there are none.

        Each bucket's accuracy counts by the bucket's share of all faces, so that it does not matter that people were
        shown the least certain faces first; a bucket without reviewed faces takes the accuracy of the nearest one that
        has some (the lower of two). The variance is that of a stratified mean, with rates of (right + 1) / (n + 2),
        since a bucket with two faces, both right, is not certain.

        Source: D. Holt and T. M. F. Smith, "Post stratification", Journal of the Royal Statistical Society A 142
        (1979), 33–46: the variance given how many of each bucket were reviewed.
        """
        (known,) = self.reviewed.nonzero()
        faces = self.faces.sum()
        if not len(known) or not faces:
            return None, None, None
        distances = np.abs(np.arange(len(self.faces))[:, np.newaxis] - known)
        shares = np.bincount(distances.argmin(axis=1), weights=self.faces, minlength=len(known)) / faces
        right, n = self.right[known], self.reviewed[known]
        estimate = float(shares @ (right / n))
        rates = (right + 1) / (n + 2)
        half = Z * float((shares**2 * rates * (1 - rates) / n).sum()) ** 0.5
        return estimate, max(estimate - half, 0.0), min(estimate + half, 1.0)

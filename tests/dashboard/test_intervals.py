"""Intervals agree with SciPy, scikit-learn and a plain bootstrap; post-stratification undoes a biased choice."""

import random

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import f1_score

from dashboard.figures.intervals import difference_interval, macro_f1, macro_f1_interval
from dashboard.figures.strata import Strata
from ml.intervals import wilson_interval


@pytest.mark.parametrize(("right", "n"), [(0, 1), (1, 1), (0, 50), (50, 50), (3, 7), (812, 1234)])
def test_wilson_is_the_one_of_scipy(right: int, n: int) -> None:
    interval = binomtest(right, n).proportion_ci(method="wilson")
    assert wilson_interval(right, n) == pytest.approx((interval.low, interval.high), abs=1e-12)


def test_nothing_has_no_interval() -> None:
    assert wilson_interval(0, 0) == (None, None)
    assert difference_interval(0, 0, 1, 2) == (None, None)


def test_difference_as_newcombe_prints_it() -> None:
    # Table II of Newcombe (1998), method 10: examples (a), (b), (c) and (g).
    assert difference_interval(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=1e-4)
    assert difference_interval(9, 10, 3, 10) == pytest.approx((0.1705, 0.8090), abs=1e-4)
    assert difference_interval(6, 7, 2, 7) == pytest.approx((0.0582, 0.8062), abs=1e-4)
    assert difference_interval(10, 10, 0, 20) == pytest.approx((0.6791, 1.0), abs=1e-4)


def test_macro_f1_is_the_one_of_scikit_learn_over_the_labels_that_occur() -> None:
    rng = np.random.default_rng(5)
    true, predicted = rng.integers(0, 5, size=(2, 60))
    confusion = np.bincount(true * 7 + predicted, minlength=49).reshape(7, 7)
    assert macro_f1(confusion) == pytest.approx(f1_score(true, predicted, average="macro"))
    assert macro_f1(np.zeros((7, 7), dtype=np.int64)) is None


def test_macro_f1_interval_is_that_of_drawing_faces() -> None:
    rng = random.Random(3)
    faces = [(true, true if rng.random() < 0.7 else rng.randrange(7)) for true in rng.choices(range(7), k=300)]
    confusion = np.zeros((7, 7), dtype=np.int64)
    for true, predicted in faces:
        confusion[true, predicted] += 1
    drawn = sorted(f1_score(*zip(*rng.choices(faces, k=len(faces)), strict=True), average="macro") for _ in range(300))
    low, high = macro_f1_interval(confusion)
    assert (low, high) == pytest.approx((drawn[7], drawn[292]), abs=0.02)
    assert (low, high) == macro_f1_interval(confusion)


def make_strata(faces: dict[int, int], reviewed: dict[int, tuple[int, int]]) -> Strata:
    """faces, reviewed: by bucket; reviewed is (right, n)."""
    counts = np.zeros((4, 20), dtype=np.int64)
    for bucket, number in faces.items():
        counts[0, bucket] = number
    for bucket, (right, n) in reviewed.items():
        counts[1, bucket], counts[2, bucket] = n, right
    return Strata(counts[0], counts[1], counts[2], counts[3], total_claimed=0)


def test_each_bucket_counts_by_its_share_of_all_faces() -> None:
    estimate, low, high = make_strata({8: 100, 19: 300}, {8: (20, 40), 19: (9, 10)}).post_stratify()
    assert estimate == pytest.approx(0.25 * 0.5 + 0.75 * 0.9)
    variance = 0.25**2 * 0.5 * 0.5 / 40 + 0.75**2 * (10 / 12) * (2 / 12) / 10
    assert estimate is not None
    assert low == pytest.approx(estimate - 1.95996 * variance**0.5, abs=1e-5)
    assert high == pytest.approx(estimate + 1.95996 * variance**0.5, abs=1e-5)


def test_a_bucket_without_reviews_takes_the_nearest_and_of_two_the_lower() -> None:
    strata = make_strata({3: 10, 10: 10, 12: 10, 19: 10}, {8: (1, 4), 12: (4, 4), 14: (0, 4)})
    # 3 and 10 go to 8 (10 is as near to 12), 12 stays, 19 goes to 14.
    assert strata.post_stratify()[0] == pytest.approx(0.5 * 0.25 + 0.25 * 1 + 0.25 * 0)


def test_no_reviews_or_no_faces_say_nothing() -> None:
    assert make_strata({3: 10}, {}).post_stratify() == (None, None, None)
    assert make_strata({}, {3: (1, 1)}).post_stratify() == (None, None, None)
    assert Strata.empty().expected_calibration_error() is None


@pytest.mark.parametrize("seed", range(5))
def test_a_biased_choice_is_undone(seed: int) -> None:
    """20,000 faces of an overconfident network; the 900 least certain and 300 others are reviewed."""
    rng = random.Random(seed)
    faces = [
        (confidence, rng.random() < 0.1 + 0.8 * confidence)
        for confidence in (rng.betavariate(4, 1.5) for _ in range(20_000))
    ]
    by_confidence = sorted(faces)
    chosen = by_confidence[:900] + rng.sample(by_confidence[900:], 300)
    counts = np.zeros((4, 20), dtype=np.int64)
    for confidence, _ in faces:
        counts[0, int(confidence * 20)] += 1
    for confidence, right in chosen:
        counts[1, int(confidence * 20)] += 1
        counts[2, int(confidence * 20)] += right
    strata = Strata(counts[0], counts[1], counts[2], counts[3], total_claimed=0)
    truth = sum(right for _, right in faces) / len(faces)
    estimate, low, high = strata.post_stratify()
    assert estimate is not None
    assert low is not None
    assert high is not None
    assert strata.accuracy is not None
    assert abs(estimate - truth) < abs(strata.accuracy - truth) / 3
    assert low <= truth <= high

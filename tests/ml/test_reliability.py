"""Reliability bins, the band of a perfectly calibrated network, sets over halves, and intervals."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import f1_score

from ml.calibrate import softmax
from ml.intervals import count_confusion, macro_f1_interval, wilson_interval
from ml.reliability import ece_when_calibrated, expected_calibration_error, reliability_bins, sets_over_halves


def honest(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities whose labels are drawn from them."""
    rng = np.random.default_rng(seed)
    probabilities = softmax(rng.normal(0, 1.7, (count, 7)))
    return probabilities, np.array([rng.choice(7, p=row) for row in probabilities])


@pytest.mark.slow
def test_an_honest_network_lies_in_its_band() -> None:
    inside = 0
    for seed in range(40):
        probabilities, labels = honest(1500, seed)
        low, high = ece_when_calibrated(probabilities)["ece_band"]
        inside += low <= expected_calibration_error(probabilities, labels) <= high
    assert inside >= 34  # 38 expected; 34 or fewer happen in one of 60 such tests


def test_a_boastful_network_lies_above_its_band() -> None:
    probabilities, labels = honest(1500, 1)
    boast = probabilities**2 / (probabilities**2).sum(axis=1, keepdims=True)
    assert expected_calibration_error(boast, labels) > ece_when_calibrated(boast)["ece_band"][1]


def test_bins_add_up_to_the_error() -> None:
    probabilities, labels = honest(1500, 3)
    bins = reliability_bins(probabilities, labels)
    assert len(bins) == 15
    assert sum(bar["n"] for bar in bins) == 1500
    assert all(bar["confidence"] is None for bar in bins if not bar["n"])
    gaps = sum(bar["n"] * abs(bar["accuracy"] - bar["confidence"]) for bar in bins if bar["n"])
    assert gaps / 1500 == pytest.approx(expected_calibration_error(probabilities, labels))


def test_sets_over_halves_cover_what_they_aim_at() -> None:
    probabilities, labels = honest(1500, 4)
    found = sets_over_halves(probabilities, labels, 0.9)
    assert found["splits"] == 100
    assert found["coverage"] == pytest.approx(0.9, abs=0.01)
    assert 1 < found["size"] < 7
    wider = sets_over_halves(probabilities, labels, 0.95)
    assert wider["size"] > found["size"]


def test_accuracy_interval_is_wilsons() -> None:
    z = norm.ppf(0.975)
    center = (70 + z**2 / 2) / (100 + z**2)
    half = z / (100 + z**2) * (70 * 30 / 100 + z**2 / 4) ** 0.5
    assert wilson_interval(70, 100) == pytest.approx((center - half, center + half))


def test_macro_f1_interval_holds_the_figure_and_narrows_with_n() -> None:
    probabilities, labels = honest(4000, 5)
    predicted = probabilities.argmax(axis=1)
    low, high = macro_f1_interval(count_confusion(labels, predicted))
    assert low < f1_score(labels, predicted, average="macro") < high
    few_low, few_high = macro_f1_interval(count_confusion(labels[:400], predicted[:400]))
    assert few_high - few_low > 2 * (high - low)

"""Two networks compared: intervals that hold the true difference as often as they say, and labels without faces."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ml.compare import compare_networks


def answers(labels: NDArray[np.int64], right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Probabilities of a network that is right where told, and says the next label elsewhere."""
    said = np.where(right, labels, (labels + 1) % 7)
    return np.eye(7)[said] * 0.7 + 0.3 / 7


def test_the_difference_and_each_recall_are_counted() -> None:
    labels = np.repeat([0, 3], 50)
    champion, candidate = np.arange(100) % 2 == 0, np.arange(100) % 4 != 3
    found = compare_networks(answers(labels, champion), answers(labels, candidate), labels)
    assert (found["champion"]["accuracy"], found["candidate"]["accuracy"]) == (0.5, 0.75)
    assert found["difference"] == pytest.approx(0.25)
    assert set(found["recall"]) == {"angry", "happy"}
    assert found["recall"]["angry"]["n"] == 50
    low, high = found["interval"]
    assert low < 0.25 < high


def test_the_same_network_differs_by_nothing() -> None:
    labels = np.arange(70) % 7
    same = answers(labels, labels > 2)
    found = compare_networks(same, same, labels)
    assert (found["difference"], found["interval"]) == (0.0, [0.0, 0.0])


def test_intervals_hold_the_true_difference() -> None:
    """95 of 100 of them should; 88 or fewer would be a chance of four in a thousand."""
    rng, held = np.random.default_rng(0), 0
    for seed in range(100):
        labels = rng.integers(0, 7, 120)
        champion, candidate = rng.random(120) < 0.60, rng.random(120) < 0.65
        low, high = compare_networks(answers(labels, champion), answers(labels, candidate), labels, seed=seed)[
            "interval"
        ]
        held += low <= 0.05 <= high
    assert held > 88

"""Flipped labels are found far better than by chance, hard classes are not blamed, and bad input is refused."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ml.label_issues import class_thresholds, find_label_issues, normalised_margin, self_confidence

Labels = NDArray[np.int64]
Probabilities = NDArray[np.float64]


def draw(n: int, seed: int, sharpness: float = 2.5) -> tuple[Labels, Probabilities]:
    """True labels, and a network that is right for 84 % of them."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 7, n)
    logits = generator.normal(size=(n, 7))
    logits[np.arange(n), truth] += sharpness
    exponents = np.exp(logits)
    return truth, exponents / exponents.sum(axis=1, keepdims=True)


def flip(truth: Labels, share: float, seed: int) -> tuple[Labels, NDArray[np.bool_]]:
    generator = np.random.default_rng(seed)
    flipped = generator.random(len(truth)) < share
    moved = (truth + generator.integers(1, 7, len(truth))) % 7
    return np.where(flipped, moved, truth), flipped


@pytest.mark.parametrize(("share", "precision"), [(0.05, 0.5), (0.1, 0.65), (0.2, 0.75)])
def test_flipped_labels_are_found(share: float, precision: float) -> None:
    truth, probabilities = draw(3000, 1)
    labels, flipped = flip(truth, share, 2)
    found = find_label_issues(labels, probabilities)
    assert flipped[found.issues].mean() > precision  # by chance it would be the share itself
    assert found.issues[flipped].mean() > 0.5
    worst = np.argsort(found.score)[: flipped.sum()]
    assert flipped[worst].mean() > 0.6
    assert (found.suggested[found.issues & flipped] == truth[found.issues & flipped]).mean() > 0.9


def test_clean_labels_are_left_alone() -> None:
    truth, probabilities = draw(3000, 3, sharpness=5)
    assert find_label_issues(truth, probabilities).issues.mean() < 0.01


def test_a_class_the_network_is_never_sure_of_is_not_blamed() -> None:
    """Disgust gets 0.4 at best and 0.45 goes to anger, whose own faces get 0.9: no issue, though anger leads."""
    labels = np.array([0] * 5 + [1] * 5)
    anger = [0.9, 0.1, 0, 0, 0, 0, 0]
    disgust = [0.45, 0.4, 0.15, 0, 0, 0, 0]
    found = find_label_issues(labels, np.array([anger] * 5 + [disgust] * 5, dtype=np.float64))
    assert not found.issues.any()
    assert found.joint[0, 0] == 5
    assert found.joint[1, 1] == 5


def test_by_hand() -> None:
    labels = np.array([0, 0, 1])
    probabilities = np.array([[0.8, 0.2], [0.1, 0.9], [0.3, 0.7]])
    np.testing.assert_allclose(self_confidence(labels, probabilities), [0.8, 0.1, 0.7])
    np.testing.assert_allclose(normalised_margin(labels, probabilities), [0.8, 0.1, 0.7])
    np.testing.assert_allclose(class_thresholds(labels, probabilities), [0.45, 0.7])
    found = find_label_issues(labels, probabilities)
    np.testing.assert_array_equal(found.issues, [False, True, False])
    np.testing.assert_array_equal(found.suggested, [0, 1, 1])
    np.testing.assert_array_equal(found.joint, [[1, 1], [0, 1]])


def test_a_class_without_examples_is_suggested_to_nobody() -> None:
    probabilities = np.array([[0.2, 0.1, 0.7], [0.9, 0.05, 0.05], [0.1, 0.8, 0.1]])
    found = find_label_issues(np.array([0, 0, 1]), probabilities)
    assert class_thresholds(np.array([0, 0, 1]), probabilities)[2] == np.inf
    np.testing.assert_array_equal(found.suggested, [-1, 0, 1])
    assert not found.issues.any()


def test_nothing_to_look_at() -> None:
    found = find_label_issues(np.zeros(0, dtype=np.int64), np.zeros((0, 7)))
    assert found.score.shape == found.issues.shape == found.suggested.shape == (0,)
    assert found.joint.sum() == 0


@pytest.mark.parametrize(
    ("labels", "probabilities", "words"),
    [
        (np.array([0, 1]), np.full((3, 7), 1 / 7), "do not fit"),
        (np.array([7]), np.full((1, 7), 1 / 7), "not among the classes"),
        (np.array([-1]), np.full((1, 7), 1 / 7), "not among the classes"),
        (np.array([0]), np.full((1, 7), np.nan), "not between 0 and 1"),
        (np.array([0]), np.array([[1.5, -0.5]]), "not between 0 and 1"),
        (np.array([0]), np.array([[1.0]]), "two classes"),
    ],
)
def test_bad_input_is_refused(labels: Labels, probabilities: Probabilities, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        find_label_issues(labels, probabilities)

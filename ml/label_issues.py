"""Which labels are probably wrong, by confident learning: pure NumPy, from labels and out-of-sample probabilities.

Source: C. G. Northcutt, L. Jiang, I. L. Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels",
Journal of Artificial Intelligence Research 70 (2021), 1373–1411. Written from the paper.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class LabelIssues:
    """What `find_label_issues` says of n labels.

    score: float64 (n,), from 0 to 1, the normalised margin: 0.5 is a tie, lower is more probably wrong;
    issues: bool (n,), off the diagonal of the confident joint;
    suggested: int64 (n,), the label the network is confident of, or -1 where it is of none;
    joint: int64 (classes, classes), rows the given label, columns the suggested one.
    """

    score: NDArray[np.float64]
    issues: NDArray[np.bool_]
    suggested: NDArray[np.int64]
    joint: NDArray[np.int64]


def find_label_issues(labels: NDArray[np.integer], probabilities: NDArray[np.floating]) -> LabelIssues:
    """Compare labels with what a network says that was not trained on these examples.

    An example counts as class j when its probability of j is at least that class' threshold (`class_thresholds`); of
    several, the most probable one (equation 1 of the paper). It is an issue when that class is not its label.

    Args:
        labels: int (n,), 0 to classes - 1.
        probabilities: (n, classes), in [0, 1], each row summing to 1. They must be out-of-sample: a network is
            confident of whatever label it was trained on, and would find nothing.

    Raises:
        ValueError: shapes do not fit, or a label or a probability is out of its range.
    """
    _check(labels, probabilities)
    confident = probabilities >= class_thresholds(labels, probabilities)
    best = np.where(confident, probabilities, -1.0).argmax(axis=1) if len(labels) else np.zeros(0, dtype=np.int64)
    suggested = np.where(confident.any(axis=1), best, -1).astype(np.int64)
    counted = suggested >= 0
    joint = np.zeros((probabilities.shape[1],) * 2, dtype=np.int64)
    np.add.at(joint, (labels[counted], suggested[counted]), 1)
    return LabelIssues(
        score=normalised_margin(labels, probabilities),
        issues=counted & (suggested != labels),
        suggested=suggested,
        joint=joint,
    )


def class_thresholds(labels: NDArray[np.integer], probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mean self-confidence of the examples of each class, float64 (classes,); infinite for a class without examples.

    So a class of which the network is rarely sure is not blamed for it.
    """
    classes = probabilities.shape[1]
    count = np.bincount(labels, minlength=classes)
    total = np.bincount(labels, weights=self_confidence(labels, probabilities), minlength=classes)
    return np.divide(total, count, out=np.full(classes, np.inf), where=count > 0)


def self_confidence(labels: NDArray[np.integer], probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probability of the given label, float64 (n,)."""
    return probabilities[np.arange(len(labels)), labels].astype(np.float64)


def normalised_margin(labels: NDArray[np.integer], probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probability of the given label less that of the strongest other, moved from [-1, 1] to [0, 1]: float64 (n,)."""
    others = probabilities.astype(np.float64)
    others[np.arange(len(labels)), labels] = -np.inf
    strongest = others.max(axis=1) if len(labels) else np.zeros(0)
    return (self_confidence(labels, probabilities) - strongest + 1) / 2


def _check(labels: NDArray[np.integer], probabilities: NDArray[np.floating]) -> None:
    if labels.ndim != 1 or probabilities.ndim != 2 or len(labels) != len(probabilities):
        raise ValueError(
            f"labels (n,) and probabilities (n, classes) do not fit: {labels.shape}, {probabilities.shape}"
        )
    if probabilities.shape[1] < 2:
        raise ValueError("at least two classes are needed")
    if len(labels) and not (labels.min() >= 0 and labels.max() < probabilities.shape[1]):
        raise ValueError("a label is not among the classes")
    if not np.isfinite(probabilities).all() or (probabilities < 0).any() or (probabilities > 1 + 1e-6).any():
        raise ValueError("a probability is not between 0 and 1")

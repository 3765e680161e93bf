"""Two networks on the same labelled faces: who is right more often, and how sure that is."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.labels import LABELS
from ml.reliability import expected_calibration_error

DRAWS = 4000
_BLOCK = 500


def compare_networks(
    champion: NDArray[np.float64], candidate: NDArray[np.float64], labels: NDArray[np.int64], *, seed: int = 1
) -> dict[str, Any]:
    """Accuracy, recall, ECE and NLL of both, with the differences' 95 % intervals by a paired bootstrap.

    Faces are drawn with replacement, each with both answers (Efron & Tibshirani 1993, ch. 8): what is hard for both
    networks cancels out.

    Args:
        champion, candidate: probabilities (n, 7) of the same faces; labels: (n,), 0 to 6; n ≥ 1.
        seed: of the draws; the same faces give the same intervals.

    Returns:
        n; per network accuracy, ece, nll; difference and interval (candidate - champion, fractions); recall by label:
        {n, champion, candidate, difference, interval}, labels without faces left out.
    """
    right = [probabilities.argmax(axis=1) == labels for probabilities in (champion, candidate)]
    gain = right[1].astype(np.float64) - right[0]
    draws = _draw(gain, labels, seed)
    return {
        "n": len(labels),
        "champion": _describe(champion, labels),
        "candidate": _describe(candidate, labels),
        "difference": float(gain.mean()),
        "interval": _interval(draws[:, -1]),
        "recall": {
            name: {
                "n": int(own.sum()),
                "champion": float(right[0][own].mean()),
                "candidate": float(right[1][own].mean()),
                "difference": float(gain[own].mean()),
                "interval": _interval(draws[:, number]),
            }
            for number, name in enumerate(LABELS)
            if (own := labels == number).any()
        },
    }


def _draw(gain: NDArray[np.float64], labels: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """Differences of recall by label and, last, of accuracy, in each of DRAWS draws: (DRAWS, 8); NaN without faces."""
    rng = np.random.default_rng(seed)
    members = np.concatenate([np.eye(len(LABELS))[labels], np.ones((len(labels), 1))], axis=1)
    found = []
    for _ in range(DRAWS // _BLOCK):
        times = rng.multinomial(len(labels), np.full(len(labels), 1 / len(labels)), size=_BLOCK).astype(np.float32)
        drawn = times @ members
        with np.errstate(invalid="ignore"):
            found.append((times @ (members * gain[:, None])) / np.where(drawn > 0, drawn, np.nan))
    return np.concatenate(found)


def _interval(draws: NDArray[np.float64]) -> list[float]:
    """The middle 95 % of the draws."""
    return [float(value) for value in np.nanquantile(draws, (0.025, 0.975))]


def _describe(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> dict[str, float]:
    own = probabilities[np.arange(len(labels)), labels]
    return {
        "accuracy": float((probabilities.argmax(axis=1) == labels).mean()),
        "ece": float(expected_calibration_error(probabilities, labels)),
        "nll": float(-np.log(np.maximum(own, 1e-12)).mean()),
    }

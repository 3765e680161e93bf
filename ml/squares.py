"""The square that FER-2013's makers would have cut around a face, from where its parts are seen.

First the scale, turn and shift that best lay FER-2013's usual face over the seen points; then what a ridge regression
says of the rest: a long chin or an open mouth, for one, moves the square. Both were fitted on Training faces of
FER-2013 pasted into photos, by `python -m ml squares`, which writes squares.json.
"""

import json
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FIT = Path(__file__).with_name("squares.json")
# Names of the points in their order; left and right as seen. The first two are the detector's box.
POINTS = (
    "box top left", "box bottom right",
    "left eye", "right eye", "nose", "mouth", "left ear", "right ear",
    "mesh left eye", "mesh right eye", "mesh nose", "mesh left mouth corner", "mesh right mouth corner", "mesh chin",
    "mesh forehead",
)  # fmt: skip
# Faces of FER-2013 are about upright: a face turned further (radians) is left to the first step alone.
MAX_TURN = 0.5
# The regression moves the square by at most these shares of its side and this logarithm of its side.
MAX_SHIFT, MAX_LOG_SCALE = 0.12, 0.3


def find_square(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Centre and side of the square to cut, in the points' pixels.

    Args:
        points: (15, 2), x and y, in the order of POINTS; not all in one place.

    Returns:
        centre: (2,); side: above 0.
    """
    fit = read_fit()
    center, side, turn = align_square(points, fit["usual"])
    if abs(turn) <= MAX_TURN:
        x, y, log_scale = describe_points(points, center, side) @ fit["weights"] + fit["offsets"]
        center = center + side * np.clip([x, y], -MAX_SHIFT, MAX_SHIFT)
        side = side * float(np.exp(np.clip(log_scale, -MAX_LOG_SCALE, MAX_LOG_SCALE)))
    return center, side


@cache
def read_fit() -> dict[str, NDArray[np.float64]]:
    """What `python -m ml squares` wrote: usual (15, 2), weights (30, 3), offsets (3,)."""
    fit = json.loads(FIT.read_text())
    return {name: np.array(fit[name]) for name in ("usual", "weights", "offsets")}


def align_square(points: NDArray[np.float64], usual: NDArray[np.float64]) -> tuple[NDArray[np.float64], float, float]:
    """Centre, side and turn (radians) of the square that puts the points where they usually are (least squares).

    usual: (15, 2), where the points lie in a crop of FER-2013, in shares of its side.
    """
    seen, expected = points @ np.array([1, 1j]), usual @ np.array([1, 1j])
    spread = expected - expected.mean()
    # A complex factor is a scale and a turn: a tilted head must not make the square smaller.
    factor = np.vdot(spread, seen - seen.mean()) / np.vdot(spread, spread)
    center = seen.mean() + factor * (0.5 + 0.5j - expected.mean())
    return np.array([center.real, center.imag]), float(abs(factor)), float(np.angle(factor))


def describe_points(points: NDArray[np.float64], center: NDArray[np.float64], side: float) -> NDArray[np.float64]:
    """The regression's input, (30,): x of all points, then y, seen from the square's centre in shares of its side."""
    return ((points - center) / side).T.ravel()

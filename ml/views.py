"""The views of a crop whose answers are averaged when a network serves: mirrored and slightly closer."""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ml.preprocess import SIDE

# What a "closer" view enlarges the crop's middle by.
ZOOM = 1.08
VIEWS = ("original", "mirror", "closer", "closer-mirror")


def make_views(inputs: NDArray[np.float32], names: Sequence[str]) -> NDArray[np.float32]:
    """All views of all crops: those of the first name come first.

    Args:
        inputs: float32 (n, 48, 48, 1), standardised; names: of VIEWS.

    Returns:
        float32 (len(names) · n, 48, 48, 1).

    Raises:
        ValueError: a name that is none of VIEWS.
    """
    return np.concatenate([_make_view(inputs, name) for name in names])


def _make_view(inputs: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    if name not in VIEWS:
        raise ValueError(f"there is no view {name!r}; there are {', '.join(VIEWS)}")
    seen = inputs
    if name.startswith("closer"):
        lines = _enlarging_matrix()
        seen = np.asarray((lines @ inputs[..., 0] @ lines.T)[..., np.newaxis], dtype=np.float32)
    return seen[:, :, ::-1] if name.endswith("mirror") else seen


@cache
def _enlarging_matrix() -> NDArray[np.float32]:
    """(48, 48): linear interpolation of each output line from the input lines, about the crop's centre."""
    center = (SIDE - 1) / 2
    position = center + (np.arange(SIDE) - center) / ZOOM
    distance = np.abs(position[:, np.newaxis] - np.arange(SIDE))
    return np.maximum(0.0, 1.0 - distance).astype(np.float32)

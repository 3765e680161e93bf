"""Fits ml.squares: what a face's parts say about the crop that FER-2013's makers would have cut."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ml.data import DataError, Source, load_data
from ml.faces import FaceFinder
from ml.pasting import PastedFace, paste_face
from ml.recipe import TrainingConfig
from ml.squares import POINTS, align_square, describe_points, read_fit
from ml.train import prepare_data

# Mirroring a photo swaps these points; a box's corners are mended apart.
_MIRRORED = [0, 1, 3, 2, 4, 5, 7, 6, 9, 8, 10, 12, 11, 13, 14]
_RIDGE = 10.0
MIN_FACES = 100
# The last share of the faces is kept to say how good the fit is.
_CHECKED = 0.2


def choose_images(data: Path | Source, faces: int) -> NDArray[np.uint8]:
    """Some cleaned training images, drawn by a fixed seed, none of them held out for selection: uint8 (n, 48, 48)."""
    training = prepare_data(load_data(data, "train"), None, TrainingConfig().held_out).train
    return np.random.default_rng(0).permutation(training.images)[:faces]


def gather_points(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Paste each crop into a photo, small and large, hard and soft at the edge, and look where its parts are seen.

    Args:
        images: uint8 (n, 48, 48).

    Returns:
        (m, 15, 2), m ≤ n: where ml.squares.POINTS are seen, in shares of the true crop's side from its left top corner.
    """
    notes = _Notes()
    finder = FaceFinder(square=notes.align)
    points = []
    for seed, image in enumerate(tqdm(images, leave=False, disable=None)):
        settings: dict[str, Any] = {"canvas": (640, 480), "sides": (60, 300)} if seed % 2 else {}
        pasted = paste_face(image, seed, feather=seed % 4 > 1, **settings)
        seen = notes.find(finder, pasted)
        if seen is not None:
            points.append((seen - [pasted.left, pasted.top]) / pasted.side)
    return np.array(points).reshape(-1, len(POINTS), 2)


class _Notes:
    """Remembers which points led to which square, so that a found face's points are known."""

    def __init__(self) -> None:
        self._points: dict[tuple[float, float], NDArray[np.float64]] = {}

    def align(self, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        center, side, _ = align_square(points, read_fit()["usual"])
        self._points[float(center[0]), float(center[1])] = points
        return center, side

    def find(self, finder: FaceFinder, pasted: PastedFace) -> NDArray[np.float64] | None:
        """The points of the largest face around the middle of the pasted crop; none if it was seen in a tile only."""
        self._points.clear()
        around = [face for face in finder.find_faces(pasted.photo) if _covers(face.box, pasted)]
        largest = max(around, key=lambda face: face.side, default=None)
        return None if largest is None else self._points.get(largest.center)


def _covers(box: tuple[int, int, int, int], pasted: PastedFace) -> bool:
    left, top, width, height = box
    x, y = pasted.left + pasted.side / 2, pasted.top + pasted.side / 2
    return left < x < left + width and top < y < top + height


def fit_squares(points: NDArray[np.float64]) -> dict[str, Any]:
    """What squares.json holds, with how much the regression explains of faces that it was not fitted on.

    Args:
        points: (n, 15, 2) from gather_points.

    Raises:
        DataError: fewer than MIN_FACES.
    """
    if len(points) < MIN_FACES:
        raise DataError(f"only {len(points)} faces were found, {MIN_FACES} are needed; give more images")
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    fitted, checked = np.split(points, [round(len(points) * (1 - _CHECKED))])
    fitted = np.concatenate([fitted, _mirror(fitted)])
    usual = np.median(fitted, axis=0)
    model = make_pipeline(StandardScaler(), Ridge(_RIDGE)).fit(*_make_rows(fitted, usual))
    inputs, targets = _make_rows(checked, usual)
    rest = targets - model.predict(inputs)
    # Scaling and regression in one matrix.
    weights = model[1].coef_.T / model[0].scale_[:, None]
    offsets = model[1].intercept_ - model[0].mean_ @ weights
    return {
        "points": list(POINTS),
        "usual": usual.round(4).tolist(),
        "weights": weights.round(4).tolist(),
        "offsets": offsets.round(4).tolist(),
        "faces": len(points),
        "spread_before": targets.std(axis=0).round(4).tolist(),
        "spread_after": rest.std(axis=0).round(4).tolist(),
    }


def _mirror(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The points of mirrored faces, (n, 15, 2), in shares of the crop."""
    flipped = points[:, _MIRRORED] * [-1, 1] + [1, 0]
    flipped[:, :2, 0] = flipped[:, 1::-1, 0]  # left and right edge of the box
    return flipped


def _make_rows(
    points: NDArray[np.float64], usual: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Inputs (n, 30) and targets (n, 3): how far the true crop lies beside the aligned one, and the log of its size."""
    inputs, targets = [], []
    for seen in points:
        center, side, _ = align_square(seen, usual)
        inputs.append(describe_points(seen, center, side))
        targets.append([*((0.5 - center) / side), -np.log(side)])
    return np.array(inputs), np.array(targets)

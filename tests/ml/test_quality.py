"""Brightness and sharpness of crops whose values are known."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from ml.quality import measure_brightness, measure_sharpness
from tests.e2e.steps import CROPS

GREY = np.full((48, 48), 51, dtype=np.uint8)
BOARD = (np.indices((48, 48)).sum(axis=0) % 2 * 255).astype(np.uint8)


def test_brightness_is_the_share_of_white() -> None:
    crops = np.stack([GREY, BOARD, np.zeros_like(GREY), np.full_like(GREY, 255)])
    assert measure_brightness(crops).tolist() == [0.2, 0.5, 0.0, 1.0]


def test_grey_has_no_sharpness_and_a_checkerboard_the_most() -> None:
    """A pixel of the board differs by 255 from each neighbour inside: from 4, at an edge from 3, in a corner from 2."""
    squares = [(4 * 255) ** 2] * 46**2 + [(3 * 255) ** 2] * 4 * 46 + [(2 * 255) ** 2] * 4
    found = measure_sharpness(np.stack([GREY, BOARD]))
    assert found.tolist() == pytest.approx([0, np.mean(squares)])
    assert found.dtype == np.float64


def test_each_crop_is_measured_alone() -> None:
    crops = np.random.default_rng(0).integers(0, 256, (5, 48, 48), dtype=np.uint8)
    for measure in (measure_brightness, measure_sharpness):
        assert measure(crops).tolist() == pytest.approx([measure(crop[None]).item() for crop in crops])
        assert measure(crops[:0]).shape == (0,)


def test_blur_takes_sharpness_and_leaves_brightness() -> None:
    faces = [Image.open(path).convert("L") for path in sorted(CROPS.glob("*.png"))]
    sharp = np.stack([np.asarray(face) for face in faces])
    blurred = np.stack([np.asarray(face.filter(ImageFilter.GaussianBlur(1))) for face in faces])
    assert (measure_sharpness(blurred) < 0.3 * measure_sharpness(sharp)).all()
    assert np.abs(measure_brightness(blurred) - measure_brightness(sharp)).max() < 0.01

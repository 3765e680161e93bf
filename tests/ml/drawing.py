"""Images for the tests of ml, drawn in code."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml.labels import LABELS


def draw_crop(label: int, number: int) -> NDArray[np.uint8]:
    """A 48×48 pattern that tells its label by the direction of its stripes, with noise of its own."""
    y, x = np.mgrid[:48, :48]
    angle = np.pi * label / len(LABELS)
    stripes = np.sin((x * np.cos(angle) + y * np.sin(angle)) / 2)
    noise = np.random.default_rng(number).normal(0, 20, (48, 48))
    return np.clip(128 + 80 * stripes + noise, 0, 255).astype(np.uint8)


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """Pixels, uint8 (h, w), as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()

"""From a photo and a face box to the network's input: the one place where training and serving prepare pixels."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

# Named in every artifact; serving refuses an artifact that was trained with other preprocessing.
PREPROCESSING = "grey48-standardised-1"
SIDE = 48
# Standard deviation, in grey levels, below which a crop counts as blank: standardising it would only amplify noise.
_MIN_STD = 1.0


def resize_crop(grey: "Image") -> NDArray[np.uint8]:
    """Scale a square grey image to the network's 48×48 pixels, with anti-aliasing.

    Args:
        grey: a Pillow image of mode L, any size.

    Returns:
        uint8 array of shape (48, 48).
    """
    from PIL import Image

    if grey.size == (SIDE, SIDE):
        return np.asarray(grey, dtype=np.uint8)
    return np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BICUBIC), dtype=np.uint8)


def cut_square(photo: "Image", *, center: tuple[float, float], side: float) -> NDArray[np.uint8]:
    """Cut a square around a face out of a photo; where it leaves the photo, the edge pixels are repeated.

    Args:
        photo: an oriented Pillow image of any mode that converts to L.
        center: x and y of the square's centre, in pixels of the photo.
        side: side of the square, in pixels; at least 1.

    Returns:
        uint8 array of shape (48, 48).
    """
    half = max(side, 1.0) / 2
    left, top = center[0] - half, center[1] - half
    right, bottom = center[0] + half, center[1] + half
    # Only the neighbourhood of the face is turned to grey: a 25-megapixel photo need not be.
    x0, y0 = int(np.floor(max(left, 0))), int(np.floor(max(top, 0)))
    x1, y1 = int(np.ceil(min(right, photo.width))), int(np.ceil(min(bottom, photo.height)))
    patch = np.asarray(photo.crop((x0, y0, max(x1, x0 + 1), max(y1, y0 + 1))).convert("L"))
    pad_left, pad_top = max(0, int(np.ceil(-left))), max(0, int(np.ceil(-top)))
    pad_right = max(0, int(np.ceil(right)) - photo.width)
    pad_bottom = max(0, int(np.ceil(bottom)) - photo.height)
    padded = np.pad(patch, ((pad_top, pad_bottom), (pad_left, pad_right)), mode="edge")
    return _resize_box(padded, (left - x0 + pad_left, top - y0 + pad_top), side)


def _resize_box(pixels: NDArray[np.uint8], corner: tuple[float, float], side: float) -> NDArray[np.uint8]:
    from PIL import Image

    left, top = corner
    box = (
        max(0.0, left),
        max(0.0, top),
        min(float(pixels.shape[1]), left + side),
        min(float(pixels.shape[0]), top + side),
    )
    grey = Image.fromarray(pixels)
    return np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box), dtype=np.uint8)


def to_network_input(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Standardise each crop to mean 0 and standard deviation 1, so that lighting and contrast do not matter.

    Args:
        crops: uint8 array of shape (n, 48, 48).

    Returns:
        float32 array of shape (n, 48, 48, 1); a blank crop becomes (nearly) zeros.

    Raises:
        ValueError: another shape.
    """
    if crops.ndim != 3 or crops.shape[1:] != (SIDE, SIDE):
        raise ValueError(f"crops must have shape (n, {SIDE}, {SIDE}), not {crops.shape}")
    pixels = crops.astype(np.float32)
    mean = pixels.mean(axis=(1, 2), keepdims=True)
    std = pixels.std(axis=(1, 2), keepdims=True)
    return ((pixels - mean) / np.maximum(std, _MIN_STD))[..., np.newaxis]

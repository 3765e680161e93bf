"""Images as they lie in the bucket: face crops as PNG, photos as JPEG. Whatever else is found there is damaged."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image


class ImageDamaged(Exception):
    """What the bucket holds under a key is not the image that was stored."""


def encode_crop(pixels: NDArray[np.uint8]) -> bytes:
    """PNG bytes of a face crop; `pixels` is uint8 (48, 48)."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert("L").save(buffer, "PNG")
    return buffer.getvalue()


def read_crop(data: bytes) -> NDArray[np.uint8]:
    """The face crop that encode_crop wrote, uint8 (48, 48); raises ImageDamaged."""
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            return np.asarray(image.convert("L"), dtype=np.uint8)
    except Exception as error:  # decoders raise nearly anything on damaged bytes; all of it means the same
        raise ImageDamaged(str(error)) from error


def open_photo(data: bytes) -> Image.Image:
    """A stored photo as RGB pixels; raises ImageDamaged."""
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            return image.convert("RGB")
    except Exception as error:  # as in read_crop
        raise ImageDamaged(str(error)) from error

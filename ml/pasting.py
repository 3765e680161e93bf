"""FER-2013 crops pasted into larger photos: the only photos with faces whose true crop is known."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

# Width and height of the photo, smallest and largest side of the crop in it, in pixels.
CANVAS, SIDES = (320, 320), (120, 160)
# How softly, in pixels, the border's grey runs out into the canvas, and the grain that no photo lacks.
_BLUR = 24.0
_NOISE = 2.0
# Where the crop's edge is softened: this share of its side, on each side.
_FEATHER = 1 / 12


@dataclass(frozen=True)
class PastedFace:
    """A crop enlarged in the middle of nothing; left, top, side: where, in whole pixels of the photo."""

    photo: "Image"
    left: int
    top: int
    side: int


def paste_face(
    image: NDArray[np.uint8],
    seed: int,
    *,
    canvas: tuple[int, int] = CANVAS,
    sides: tuple[int, int] = SIDES,
    feather: bool = False,
) -> PastedFace:
    """Enlarge a crop and put it somewhere into a larger photo that adds no context.

    The canvas continues the grey of the crop's border, ever softer, with a little noise; place, size and noise follow
    from the seed.

    Args:
        image: uint8 (48, 48).
        canvas: width and height of the photo; sides: smallest and largest side of the crop in it; all in pixels.
        feather: soften the crop's edge, so that nothing but the face tells where the crop was.
    """
    from PIL import Image, ImageFilter

    random = np.random.default_rng(seed)
    width, height = canvas
    side = int(random.integers(sides[0], sides[1] + 1))
    left, top = int(random.integers(0, width - side + 1)), int(random.integers(0, height - side + 1))
    face = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
    spread = Image.fromarray(
        np.pad(np.asarray(face), ((top, height - side - top), (left, width - side - left)), "edge")
    )
    soft = np.asarray(spread.filter(ImageFilter.GaussianBlur(_BLUR)), dtype=np.float64)
    photo = Image.fromarray(np.clip(soft + random.normal(0, _NOISE, soft.shape), 0, 255).astype(np.uint8))
    photo.paste(face, (left, top), _feather(side) if feather else None)
    return PastedFace(photo.convert("RGB"), left, top, side)


def _feather(side: int) -> "Image":
    """A mask of the crop's size that fades at the edge."""
    from PIL import Image, ImageFilter

    edge = max(2, round(side * _FEATHER))
    mask = Image.new("L", (side, side), 0)
    mask.paste(255, (edge, edge, side - edge, side - edge))
    return mask.filter(ImageFilter.GaussianBlur(edge / 2))

"""Photos for tests that need a real face: NASA's portrait of Eileen Collins, public domain, from scikit-image."""

import io
import random

import numpy as np
from PIL import Image
from skimage import data


def make_portrait(number: int = 0, side: int = 200) -> bytes:
    """A JPEG of side × side pixels with one face; every number gives other bytes of the same photo."""
    photo = Image.fromarray(np.asarray(data.astronaut())).crop((60, 0, 400, 340)).resize((side, side))
    rng = random.Random(number)
    for _ in range(20):
        photo.putpixel((rng.randrange(side), side - 1), (rng.randrange(256), 0, number % 256))
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()

"""The map's picture and its words: bright where the answer was spoken for, and the same places said."""

import base64
import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from classifier.web.maps import draw_map, name_places

# Of light as eyes see it, red, green and blue.
LUMINANCE = (0.2126, 0.7152, 0.0722)


def make_strengths(*brightest: tuple[int, int], side: int = 6) -> list[list[float]]:
    return [[1.0 if (y, x) in brightest else 0.0 for x in range(side)] for y in range(side)]


def lay_over_grey(strengths: list[list[float]]) -> NDArray[np.float64]:
    """Brightness (48, 48) of the picture over a grey crop."""
    picture = Image.open(io.BytesIO(base64.b64decode(draw_map(strengths).split(",")[1])))
    crop = Image.new("RGBA", picture.size, (128, 128, 128, 255))
    crop.alpha_composite(picture.convert("RGBA"))
    return np.asarray(crop.convert("RGB"), dtype=np.float64) @ LUMINANCE


@pytest.mark.parametrize("side", [3, 6])
def test_the_picture_is_brightest_where_most_spoke(side: int) -> None:
    seen = lay_over_grey(make_strengths((side - 1, 0), side=side))
    assert seen.shape == (48, 48)
    y, x = np.unravel_index(seen.argmax(), seen.shape)
    assert y >= 48 - 48 / side
    assert x < 48 / side
    assert seen.max() > seen.min() + 80


def test_brightness_follows_the_strength() -> None:
    levels = [lay_over_grey([[step / 10] * 6] * 6).mean() for step in range(11)]
    assert (np.diff(levels) > 0).all()


@pytest.mark.parametrize(
    ("brightest", "words"),
    [
        ([(0, 0)], ["upper left"]),
        ([(2, 2), (2, 3), (5, 3)], ["centre", "lower middle"]),
        ([(3, 5), (2, 5), (2, 4), (5, 5)], ["middle right"]),  # a third of it elsewhere is not worth a word
        ([], []),
    ],
)
def test_words_name_the_brightest_places(brightest: list[tuple[int, int]], words: list[str]) -> None:
    assert name_places(make_strengths(*brightest)) == words

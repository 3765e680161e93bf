"""An evidence map as the result page shows it: a picture to lay over the crop, and words for its brightest places."""

import base64
import io
from collections.abc import Sequence

from PIL import Image

SIDE = 48  # pixels, as many as the crop has
# Red, green, blue and opacity where nothing spoke for the answer, and where most did. From dark blue to light yellow:
# told apart by brightness alone, and by everybody who confuses red and green.
NOTHING, MOST = (20, 16, 60, 200), (255, 212, 59, 105)
ROWS, COLUMNS = ("upper", "middle", "lower"), ("left", "middle", "right")
# One of the nine places is named when it has this share of what the strongest has.
NAMED_FROM = 0.5

Strengths = Sequence[Sequence[float]]


def draw_map(strengths: Strengths) -> str:
    """A PNG of 48×48 pixels as a data: address, half transparent; strengths from 0 to 1, rows from the top."""
    cells = bytes(round(255 * strength) for row in strengths for strength in row)
    coarse = Image.frombytes("L", (len(strengths[0]), len(strengths)), cells)
    smooth = coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    *colours, opacity = (make_ramp(low, high) for low, high in zip(NOTHING, MOST, strict=True))
    smooth.putpalette(bytes(value for colour in zip(*colours, strict=True) for value in colour))
    buffer = io.BytesIO()
    smooth.save(buffer, "PNG", transparency=bytes(opacity))
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def make_ramp(low: int, high: int) -> list[int]:
    """256 even steps from low to high."""
    return [round(low + (high - low) * step / 255) for step in range(256)]


def name_places(strengths: Strengths) -> list[str]:
    """Of nine places of the picture, those where most spoke for the answer, strongest first: "lower left"."""
    height, width = len(strengths), len(strengths[0])
    found: dict[tuple[int, int], list[float]] = {}
    for y, row in enumerate(strengths):
        for x, strength in enumerate(row):
            found.setdefault((3 * y // height, 3 * x // width), []).append(strength)
    means = {place: sum(values) / len(values) for place, values in found.items()}
    strongest = max(means.values())
    if strongest <= 0:
        return []
    named = [place for place in means if means[place] >= NAMED_FROM * strongest]
    return [name_place(*place) for place in sorted(named, key=lambda place: -means[place])]


def name_place(row: int, column: int) -> str:
    """The name of a place: thirds of height and width, each counted from 0."""
    return "centre" if (row, column) == (1, 1) else f"{ROWS[row]} {COLUMNS[column]}"

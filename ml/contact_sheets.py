"""Pictures for the data report: a few examples of each thing that is wrong with a dataset, and its class balance."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ml.data import RawSample, Source, read_samples
from ml.labels import LABELS

if TYPE_CHECKING:
    from PIL.Image import Image

# Each sheet holds at most so many examples: groups or pairs of two images, or single images.
GROUPS, PAIRS, SINGLES = 6, 8, 12
COLUMNS = 6
# Faces are enlarged without smoothing: every pixel stays to be seen, and the file stays small.
ZOOM = 2
_FACE, _GAP, _LINE = 48 * ZOOM, 8, 14
_INK, _PAPER, _BAR = 20, 255, 110
_BAR_WIDTH = 300
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Tile:
    """One face of a sheet with the lines under it; pixels: uint8 (48, 48)."""

    pixels: NDArray[np.uint8]
    caption: tuple[str, ...]


@dataclass(frozen=True)
class Sheet:
    """Tiles in rows of COLUMNS; name: of the file, without its suffix."""

    name: str
    tiles: tuple[Tile, ...]


def write_pictures(report: dict[str, Any], data: Path | Source, folder: Path) -> list[Path]:
    """Draw the sheets of a report (see ml.report.run_report) and the class balance as PNG files into a folder.

    Args:
        data: what the report was made from; the images are read from it again.

    Returns:
        the files, without those of what the dataset does not have.

    Raises:
        DataError: the data is gone.
    """
    wanted = set(_names_in(report))
    samples = {
        sample.name: sample for sample in read_samples(data) if isinstance(sample, RawSample) and sample.name in wanted
    }
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {sheet.name: draw_sheet(sheet) for sheet in choose_sheets(report, samples)}
    pictures["balance"] = draw_balance(report)
    files = []
    for name, picture in pictures.items():
        files.append(folder / f"{name}.png")
        picture.save(files[-1], optimize=True)
    return files


def choose_sheets(report: dict[str, Any], samples: dict[str, RawSample]) -> list[Sheet]:
    """Examples spread evenly over what the report lists, not picked by hand; samples: by name."""
    blank = set(report["blank"]["names"])
    conflicts = [group for group in report["label_conflicts"]["entries"] if group[0]["name"] not in blank]
    pairs = sorted(_pairs_across(report, samples), key=lambda pair: -pair["correlation"])
    not_face = [name for name in (report["not_face"] or {"names": []})["names"] if name not in blank]
    tiles = {
        "conflicts": [tile for group in _spread(conflicts, GROUPS) for tile in _differing(group, samples)],
        "near-twins": [tile for pair in _spread(pairs, PAIRS) for tile in _pair_tiles(pair, samples)],
        "blank": [_tile(samples[name]) for name in _spread(sorted(blank), SINGLES)],
        "not-a-face": [_tile(samples[name]) for name in _spread(not_face, SINGLES)],
    }
    return [Sheet(name, tuple(chosen)) for name, chosen in tiles.items() if chosen]


def _names_in(report: dict[str, Any]) -> list[str]:
    names = [*report["blank"]["names"], *(report["not_face"] or {"names": []})["names"]]
    names += [entry["name"] for group in report["label_conflicts"]["entries"] for entry in group]
    return names + [name for pair in report["near_duplicates"]["pairs"] for name in pair["names"]]


def _spread(items: list[_Item], count: int) -> list[_Item]:
    """At most `count` items, evenly spaced from the first to the last."""
    if len(items) <= count:
        return items
    return [items[index] for index in np.linspace(0, len(items) - 1, count).round().astype(int)]


def _pairs_across(report: dict[str, Any], samples: dict[str, RawSample]) -> list[dict[str, Any]]:
    """Near twins of which one is a training image and one a test image, the test image first."""
    pairs = []
    for pair in report["near_duplicates"]["pairs"]:
        names = sorted(pair["names"], key=lambda name: samples[name].split)
        if [samples[name].split for name in names] == ["test", "train"]:
            pairs.append({**pair, "names": names})
    return pairs


def _differing(group: list[dict[str, str]], samples: dict[str, RawSample]) -> list[Tile]:
    """Two copies of one image that carry different labels."""
    first = group[0]
    other = next(entry for entry in group if entry["label"] != first["label"])
    return [_tile(samples[first["name"]]), _tile(samples[other["name"]])]


def _pair_tiles(pair: dict[str, Any], samples: dict[str, RawSample]) -> list[Tile]:
    test, train = (samples[name] for name in pair["names"])
    return [_tile(test, f"r = {pair['correlation']:.3f}"), _tile(train, "")]


def _tile(sample: RawSample, *more: str) -> Tile:
    return Tile(sample.pixels, (LABELS[sample.label], sample.name.rsplit("/", 1)[-1], *more))


def draw_sheet(sheet: Sheet) -> "Image":
    """A grey picture of the tiles with their captions."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(size=10)
    rows = -(-len(sheet.tiles) // COLUMNS)
    lines = max(len(tile.caption) for tile in sheet.tiles)
    width, height = _FACE + _GAP, _FACE + lines * _LINE + _GAP
    picture = Image.new("L", (COLUMNS * width + _GAP, rows * height + _GAP), _PAPER)
    draw = ImageDraw.Draw(picture)
    for index, tile in enumerate(sheet.tiles):
        row, column = divmod(index, COLUMNS)
        left, top = _GAP + column * width, _GAP + row * height
        face = Image.fromarray(tile.pixels)
        picture.paste(face.resize((_FACE, _FACE), Image.Resampling.NEAREST), (left, top))
        for number, line in enumerate(tile.caption):
            draw.text((left, top + _FACE + number * _LINE), line, fill=_INK, font=font)
    return picture


def draw_balance(report: dict[str, Any]) -> "Image":
    """How many images each label has, as bars; one block for each split that has any."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(size=12)
    splits = [split for split, count in report["splits"].items() if count]
    line, block = 18, (len(LABELS) + 2) * 18
    picture = Image.new("L", (60 + _BAR_WIDTH + 130, len(splits) * block + 2 * _GAP), _PAPER)
    draw = ImageDraw.Draw(picture)
    for number, split in enumerate(splits):
        top = _GAP + number * block
        counts, total = report["labels"][split], report["splits"][split]
        largest = max(counts.values())
        draw.text((_GAP, top), f"{split}: {total:,} images", fill=_INK, font=font)
        for row, (label, count) in enumerate(counts.items(), start=1):
            y = top + row * line
            draw.text((_GAP, y), label, fill=_INK, font=font)
            draw.rectangle((70, y + 2, 70 + round(_BAR_WIDTH * count / largest), y + line - 4), fill=_BAR)
            shown = f"{count:,} ({count / total:.1%})"
            draw.text((76 + round(_BAR_WIDTH * count / largest), y), shown, fill=_INK, font=font)
    return picture

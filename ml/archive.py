"""Reads FER-2013, and faces sorted like it, in the forms people have them: image folders or a CSV, packed or not.

It streams; an entry that cannot be read is reported while the rest goes on, and images whose folders are not understood
are an error unless they are to be skipped.
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

import numpy as np

from ml.containers import OPEN_ERRORS, PACK_ERRORS, ZIP_ERRORS, Entry, open_container, open_plain, open_table
from ml.labels import DIGITS
from ml.places import (
    IMAGE_SUFFIXES,
    Place,
    choose_digits,
    count_folders,
    describe_unknown,
    is_image,
    place_image,
)
from ml.preprocess import resize_crop
from ml.table import BadSample, DataError, RawSample, count_rows, has_columns, read_csv

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["IMAGE_SUFFIXES", "MAX_IMAGE_BYTES", "ZIP_ERRORS", "Source", "count_samples", "read_samples"]

# No image of a face dataset is larger; an entry that claims more is refused before it is inflated.
MAX_IMAGE_BYTES = 5_000_000
_ROW_IN_NAME = re.compile(r"^(Training|PublicTest|PrivateTest)_(\d{1,9})$")
_EXPECTED = "neither train/<label>/ or test/<label>/ image folders nor a FER-2013 CSV"


@dataclass(frozen=True)
class Source:
    """Data and how to read it.

    path: folder, zip, tar or CSV, packed or not; labels: what digits mean, one of ml.labels.DIGITS, "" to take
    FER-2013's alone; skip_unknown: report images in folders that are not understood, instead of refusing all.
    """

    path: Path
    labels: str = ""
    skip_unknown: bool = False

    @property
    def name(self) -> str:
        """The file's name, without the folders above it."""
        return self.path.name

    def __str__(self) -> str:
        return str(self.path)


def read_samples(data: Path | Source) -> Iterator[RawSample | BadSample]:
    """Stream every sample; an unreadable one comes as BadSample and the rest goes on, as does a folder that is skipped.

    Rows of a CSV are counted from 0, without the header and blank lines.

    Raises:
        DataError: the path does not exist, cannot be opened, or holds neither image folders nor a CSV; images lie in
            folders that are not understood; folders are named by digits and nobody said what they mean.
    """
    source = data if isinstance(data, Source) else Source(Path(data))
    try:
        if not source.path.exists():
            raise DataError(f"{source} does not exist; give the Kaggle folder, its zip, or fer2013.csv")
        with open_container(source.path) as entries:
            yield from _read_file(source) if entries is None else _read_entries(source, entries)
    except OPEN_ERRORS as error:
        raise DataError(f"{source} cannot be read: {error}") from error


def count_samples(data: Path | Source) -> int:
    """How many entries `read_samples` will give at most, for progress bars; 0 where nothing can be opened."""
    path = data.path if isinstance(data, Source) else Path(data)
    try:
        with open_container(path) as entries:
            if entries is None:
                with open_plain(path) as stream:
                    return count_rows(open_plain(path)) if has_columns(stream) else 0
            if images := sum(is_image(entry.name) for entry in entries):
                return images
            table = _find_table(entries)
            return count_rows(open_table(table)) if table else 0
    except PACK_ERRORS:
        return 0


def _read_file(source: Source) -> Iterator[RawSample | BadSample]:
    with open_plain(source.path) as stream:
        yield from _read_table(stream, source.name, source)


def _read_entries(source: Source, entries: list[Entry]) -> Iterator[RawSample | BadSample]:
    images = [entry for entry in entries if is_image(entry.name)]
    digits = choose_digits((entry.name for entry in images), source.labels)
    placed = [(entry, place_image(entry.name, digits)) for entry in images]
    unknown = count_folders(entry.name for entry, place in placed if place is None)
    known = len(images) - sum(count for _, count in unknown)
    if known and unknown and not source.skip_unknown:
        raise DataError(f"{source}: {describe_unknown(unknown)}; name them, or leave them out with --skip-unknown")
    for entry, place in placed:
        if place is not None:
            yield _read_entry(entry, place)
    table = None if known else _find_table(entries)
    if not known and table is None:
        raise DataError(f"{source} holds {_EXPECTED}" + (f"; {describe_unknown(unknown)}" if unknown else ""))
    if table is not None:
        with open_table(table) as stream:
            yield from _read_table(stream, table.name, source)
    for folder, count in unknown:
        yield BadSample(None, folder, f"names no split and expression: {count:,} images are left out")


def _find_table(entries: list[Entry]) -> Entry | None:
    for entry in entries:
        if entry.name.lower().endswith((".csv", ".csv.gz")):
            try:
                with open_table(entry) as stream:
                    if has_columns(stream):
                        return entry
            except PACK_ERRORS:
                continue
    return None


def _read_table(stream: IO[bytes], name: str, source: Source) -> Iterator[RawSample | BadSample]:
    try:
        yield from read_csv(stream, name, DIGITS[source.labels or "fer2013"])
    except PACK_ERRORS as error:
        yield BadSample(None, name, f"damaged: what follows the last row read is lost ({error})")


def _read_entry(entry: Entry, place: Place) -> RawSample | BadSample:
    if entry.size > MAX_IMAGE_BYTES:
        return BadSample(None, entry.name, f"{entry.size} bytes is too large for a face crop")
    try:
        with entry.open() as stream:
            content = stream.read(MAX_IMAGE_BYTES + 1)
    except PACK_ERRORS as error:
        return BadSample(None, entry.name, f"cannot be unpacked: {error}")
    return _decode(entry.name, place, content)


def _decode(path: str, place: Place, content: bytes) -> RawSample | BadSample:
    from PIL import Image, UnidentifiedImageError

    name = "/".join((place.folder, *PurePosixPath(path).parts[-2:]))
    stem = PurePosixPath(path).stem
    match = _ROW_IN_NAME.match(stem)
    usage, row = (match[1], int(match[2])) if match else (place.usage, None)
    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.width * image.height > MAX_IMAGE_BYTES:
                return BadSample(row, name, f"{image.width}×{image.height} pixels is too large for a face crop")
            pixels = resize_crop(_to_grey(image))
    except UnidentifiedImageError:  # its message names an address in memory
        return BadSample(row, name, "cannot be decoded: it is no image of a kind that is known")
    except Exception as error:  # noqa: BLE001 - Pillow raises nearly anything on broken files; the entry is reported
        return BadSample(row, name, f"cannot be decoded: {error}")
    return RawSample(row, stem if match else name, place.label, usage, place.split, pixels)


def _to_grey(image: "Image") -> "Image":
    from PIL import Image

    if image.mode.startswith("I;16"):  # convert("L") would clip everything above 255 to white
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image.convert("L")

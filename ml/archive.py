"""Reads FER-2013 in the forms people have it: Kaggle image folders, a zip of them, or the Kaggle CSV, zipped or not.

It streams; nothing is ever unpacked to disk, and an entry that cannot be read is reported while the rest goes on.
"""

import csv
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ml.labels import parse_label
from ml.preprocess import SIDE, resize_crop

if TYPE_CHECKING:
    from PIL.Image import Image

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}
USAGES = ("Training", "PublicTest", "PrivateTest")
# No image of a face dataset is larger; a zip entry that claims more is refused before it is inflated.
MAX_IMAGE_BYTES = 5_000_000
# A row of 48×48 pixels has fewer than 10,000 characters; what is longer is cut, so that no line fills the memory.
MAX_LINE = 100_000
_ROW_IN_NAME = re.compile(r"^(Training|PublicTest|PrivateTest)_(\d{1,9})$")
# What zipfile raises on damaged, encrypted or exotic entries.
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, ValueError)
_EXPECTED = "neither train/<label>/ or test/<label>/ image folders nor a FER-2013 CSV"


class DataError(Exception):
    """The path holds nothing that can be read as FER-2013; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class RawSample:
    """One labelled image as it stands in the archive; pixels: uint8 of shape (48, 48).

    The name is the same in every form of the same data: "Training_123", else the last three parts of the path.
    """

    row: int | None
    name: str
    label: int
    usage: str
    split: str
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class BadSample:
    """An entry that could not be read, with its row (CSV) or name and the reason."""

    row: int | None
    name: str
    reason: str


def read_samples(path: Path) -> Iterator[RawSample | BadSample]:
    """Stream every sample of a folder, zip or CSV; an unreadable one comes as BadSample and the rest goes on.

    Rows of a CSV are counted from 0, without the header and blank lines.

    Raises:
        DataError: the path does not exist, cannot be opened, or holds neither image folders nor a CSV.
    """
    path = Path(path)
    try:
        if path.is_dir():
            yield from _read_folder(path)
        elif not path.is_file():
            raise DataError(f"{path} does not exist; give the Kaggle folder, its zip, or fer2013.csv")
        elif zipfile.is_zipfile(path):
            yield from _read_zip(path)
        else:
            with path.open("rb") as stream:
                yield from _read_csv(stream, path.name)
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} cannot be read: {error}") from error


def _read_folder(root: Path) -> Iterator[RawSample | BadSample]:
    root = root.resolve()
    files = sorted(file for file in root.rglob("*") if file.suffix.lower() in IMAGE_SUFFIXES and file.is_file())
    placed = [(file, place) for file in files if (place := _place(file.relative_to(root.parent).as_posix()))]
    for file, place in placed:
        try:
            content = file.read_bytes()
        except OSError as error:
            yield BadSample(None, file.relative_to(root).as_posix(), f"cannot be read: {error.strerror}")
            continue
        yield _decode(file.relative_to(root.parent).as_posix(), place, content)
    if placed:
        return
    for table in sorted(root.rglob("*.csv")):
        with table.open("rb") as stream:
            if _has_columns(stream):
                stream.seek(0)
                yield from _read_csv(stream, table.name)
                return
    raise DataError(f"{root} holds {_EXPECTED}")


def _read_zip(path: Path) -> Iterator[RawSample | BadSample]:
    with zipfile.ZipFile(path) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        placed = [(entry, place) for entry in entries if (place := _place(entry.filename))]
        for entry, place in sorted(placed, key=lambda pair: pair[0].filename):
            yield _read_entry(archive, entry, place)
        if placed:
            return
        for entry in entries:
            if entry.filename.lower().endswith(".csv") and _has_table(archive, entry):
                yield from _read_zipped_csv(archive, entry)
                return
    raise DataError(f"{path} holds {_EXPECTED}")


def _has_table(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bool:
    try:
        with archive.open(entry) as stream:
            return _has_columns(stream)
    except (*_ZIP_ERRORS, NotImplementedError):
        return False


def _read_zipped_csv(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[RawSample | BadSample]:
    with archive.open(entry) as stream:
        try:
            yield from _read_csv(stream, entry.filename)
        except _ZIP_ERRORS as error:
            yield BadSample(None, entry.filename, f"damaged: what follows the last row read is lost ({error})")


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, place: tuple[str, int]) -> RawSample | BadSample:
    if entry.file_size > MAX_IMAGE_BYTES:
        return BadSample(None, entry.filename, f"{entry.file_size} bytes is too large for a face crop")
    try:
        content = archive.read(entry)
    except (*_ZIP_ERRORS, NotImplementedError) as error:
        return BadSample(None, entry.filename, f"cannot be unpacked: {error}")
    return _decode(entry.filename, place, content)


def _place(name: str) -> tuple[str, int] | None:
    """(split, label) from …/train|test/<label>/<file>, or None for any other path."""
    parts = PurePosixPath(name).parts
    if len(parts) < 3 or PurePosixPath(name).suffix.lower() not in IMAGE_SUFFIXES or "__MACOSX" in parts:
        return None
    split = parts[-3].lower()
    if split not in ("train", "test"):
        return None
    try:
        return split, parse_label(parts[-2])
    except ValueError:
        return None


def _decode(path: str, place: tuple[str, int], content: bytes) -> RawSample | BadSample:
    from PIL import Image

    split, label = place
    name = "/".join((split, *PurePosixPath(path).parts[-2:]))
    stem = PurePosixPath(path).stem
    match = _ROW_IN_NAME.match(stem)
    usage, row = (match[1], int(match[2])) if match else ("Training" if split == "train" else "", None)
    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.width * image.height > MAX_IMAGE_BYTES:
                return BadSample(row, name, f"{image.width}×{image.height} pixels is too large for a face crop")
            pixels = resize_crop(_to_grey(image))
    except Exception as error:  # noqa: BLE001 - Pillow raises nearly anything on broken files; the entry is reported
        return BadSample(row, name, f"cannot be decoded: {error}")
    return RawSample(row, stem if match else name, label, usage, split, pixels)


def _to_grey(image: "Image") -> "Image":
    from PIL import Image

    if image.mode.startswith("I;16"):  # convert("L") would clip everything above 255 to white
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image.convert("L")


def _read_lines(stream: IO[bytes]) -> Generator[str, None, None]:
    """Lines of any ending, undecodable characters replaced, each cut at MAX_LINE characters."""
    text = io.TextIOWrapper(stream, "utf-8-sig", "replace", newline=None)
    try:
        while line := text.readline(MAX_LINE):
            rest = line
            while len(rest) == MAX_LINE and not rest.endswith("\n"):
                rest = text.readline(MAX_LINE)
            yield line.rstrip("\n")
    finally:
        text.detach()


def _split_line(line: str) -> list[str]:
    # One reader a line: an unclosed quotation mark spoils its own row, not all that follow.
    return next(csv.reader([line]), [])


def _has_columns(stream: IO[bytes]) -> bool:
    """Whether the first line names the columns of FER-2013, in any order and case."""
    with closing(_read_lines(stream)) as lines:
        return {"emotion", "pixels"} <= set(_read_header(lines))


def _read_header(lines: Iterator[str]) -> list[str]:
    return [column.strip().lower() for column in _split_line(next(lines, ""))]


def _read_csv(stream: IO[bytes], name: str) -> Iterator[RawSample | BadSample]:
    with closing(_read_lines(stream)) as lines:
        header = _read_header(lines)
        if not {"emotion", "pixels"} <= set(header):
            raise DataError(f"{name} is no FER-2013 CSV: its first line must name the columns emotion,pixels[,Usage]")
        filled = ((number, line) for number, line in enumerate(lines, start=2) if line.strip())
        for row, (number, line) in enumerate(filled):
            yield _parse_row(row, number, header, line)


def _parse_row(row: int, number: int, header: list[str], line: str) -> RawSample | BadSample:
    fields = dict(zip(header, _split_line(line), strict=False))
    try:
        usage = _parse_usage(fields.get("usage", "")) if "usage" in header else "Training"
        label = parse_label(fields.get("emotion", ""))
        pixels = _parse_pixels(fields.get("pixels", ""))
    except (ValueError, OverflowError) as error:
        return BadSample(row, f"row {row} (line {number})", str(error)[:200])
    return RawSample(row, f"{usage}_{row}", label, usage, "train" if usage == "Training" else "test", pixels)


def _parse_pixels(text: str) -> NDArray[np.uint8]:
    values = np.array(text.split(), dtype=np.int64)
    if values.size != SIDE * SIDE:
        raise ValueError(f"{values.size} pixels, not {SIDE * SIDE}")
    if values.min() < 0 or values.max() > 255:
        raise ValueError("a pixel lies outside 0 to 255")
    return values.astype(np.uint8).reshape(SIDE, SIDE)


def _parse_usage(text: str) -> str:
    for usage in USAGES:
        if text.strip().lower() == usage.lower():
            return usage
    raise ValueError(f"unknown Usage {text!r}; expected one of {', '.join(USAGES)}")

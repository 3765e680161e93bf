"""Reads FER-2013 in the forms people have it: Kaggle image folders, a zip of them, or the Kaggle CSV, zipped or not.

It streams; nothing is ever unpacked to disk, and an entry that cannot be read is reported while the rest goes on.
"""

import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from ml.labels import parse_label
from ml.preprocess import resize_crop
from ml.table import BadSample, DataError, RawSample, count_rows, has_columns, read_csv

if TYPE_CHECKING:
    from PIL.Image import Image

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}
# No image of a face dataset is larger; a zip entry that claims more is refused before it is inflated.
MAX_IMAGE_BYTES = 5_000_000
_ROW_IN_NAME = re.compile(r"^(Training|PublicTest|PrivateTest)_(\d{1,9})$")
# What zipfile raises on damaged entries, and RuntimeError on encrypted ones and ones packed by a method it lacks.
ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, ValueError)
Place = tuple[str, int]  # split and label, as the folders say
_EXPECTED = "neither train/<label>/ or test/<label>/ image folders nor a FER-2013 CSV"


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
                yield from read_csv(stream, path.name)
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} cannot be read: {error}") from error


def count_samples(path: Path) -> int:
    """How many entries `read_samples` will give at most, for progress bars; 0 where nothing can be opened."""
    path = Path(path)
    try:
        if path.is_dir():
            table = _folder_table(path)
            return len(_folder_images(path)) or (count_rows(table.open("rb")) if table else 0)
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                entry = _zip_table(archive)
                return len(_zip_images(archive)) or (count_rows(archive.open(entry)) if entry else 0)
        with path.open("rb") as stream:
            return count_rows(path.open("rb")) if has_columns(stream) else 0
    except ZIP_ERRORS:
        return 0


def _folder_images(root: Path) -> list[tuple[Path, Place]]:
    above = root.resolve().parent  # the folder given may itself be named train or test
    files = sorted(file for file in root.resolve().rglob("*") if file.suffix.lower() in IMAGE_SUFFIXES)
    placed = ((file, _place(file.relative_to(above).as_posix())) for file in files)
    return [(file, place) for file, place in placed if place and file.is_file()]


def _folder_table(root: Path) -> Path | None:
    for table in sorted(root.rglob("*.csv")):
        with table.open("rb") as stream:
            if has_columns(stream):
                return table
    return None


def _read_folder(root: Path) -> Iterator[RawSample | BadSample]:
    images = _folder_images(root)
    for file, place in images:
        try:
            content = file.read_bytes()
        except OSError as error:
            yield BadSample(None, file.as_posix(), f"cannot be read: {error.strerror}")
            continue
        yield _decode(file.as_posix(), place, content)
    if images:
        return
    table = _folder_table(root)
    if table is None:
        raise DataError(f"{root} holds {_EXPECTED}")
    with table.open("rb") as stream:
        yield from read_csv(stream, table.name)


def _zip_images(archive: zipfile.ZipFile) -> list[tuple[zipfile.ZipInfo, Place]]:
    entries = sorted((entry for entry in archive.infolist() if not entry.is_dir()), key=lambda entry: entry.filename)
    return [(entry, place) for entry in entries if (place := _place(entry.filename))]


def _zip_table(archive: zipfile.ZipFile) -> zipfile.ZipInfo | None:
    for entry in archive.infolist():
        if entry.filename.lower().endswith(".csv"):
            try:
                with archive.open(entry) as stream:
                    if has_columns(stream):
                        return entry
            except ZIP_ERRORS:
                continue
    return None


def _read_zip(path: Path) -> Iterator[RawSample | BadSample]:
    with zipfile.ZipFile(path) as archive:
        images = _zip_images(archive)
        for entry, place in images:
            yield _read_entry(archive, entry, place)
        if images:
            return
        table = _zip_table(archive)
        if table is None:
            raise DataError(f"{path} holds {_EXPECTED}")
        yield from _read_zipped_csv(archive, table)


def _read_zipped_csv(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[RawSample | BadSample]:
    with archive.open(entry) as stream:
        try:
            yield from read_csv(stream, entry.filename)
        except ZIP_ERRORS as error:
            yield BadSample(None, entry.filename, f"damaged: what follows the last row read is lost ({error})")


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, place: Place) -> RawSample | BadSample:
    if entry.file_size > MAX_IMAGE_BYTES:
        return BadSample(None, entry.filename, f"{entry.file_size} bytes is too large for a face crop")
    try:
        content = archive.read(entry)
    except ZIP_ERRORS as error:
        return BadSample(None, entry.filename, f"cannot be unpacked: {error}")
    return _decode(entry.filename, place, content)


def _place(name: str) -> Place | None:
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


def _decode(path: str, place: Place, content: bytes) -> RawSample | BadSample:
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

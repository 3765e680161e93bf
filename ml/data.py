"""Reads FER-2013 in the forms people have it: Kaggle image folders, a zip of them, or the Kaggle CSV, zipped or not."""

import csv
import hashlib
import io
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from ml.labels import LABELS, parse_label
from ml.preprocess import SIDE, resize_crop

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}
USAGES = ("Training", "PublicTest", "PrivateTest")
SPLITS = ("train", "test", "public", "private")
# No image of a face dataset is larger; a zip entry that claims more is refused before it is inflated.
MAX_IMAGE_BYTES = 5_000_000
_ROW_IN_NAME = re.compile(r"^(Training|PublicTest|PrivateTest)_(\d+)$")


class DataError(Exception):
    """The path holds nothing that can be read as FER-2013; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class RawSample:
    """One labelled image as it stands in the archive; pixels: uint8 of shape (48, 48)."""

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


@dataclass(frozen=True)
class FaceData:
    """A split in memory.

    images: uint8 (n, 48, 48); labels: int64 (n,), 0–6; rows: int64 (n,), the original CSV row or -1; names: n strings.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    rows: NDArray[np.int64]
    names: tuple[str, ...]
    bad: tuple[BadSample, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, mask: NDArray[np.bool_]) -> "FaceData":
        """The samples where mask (bool, (n,)) is true."""
        names = tuple(name for name, keep in zip(self.names, mask, strict=True) if keep)
        return FaceData(self.images[mask], self.labels[mask], self.rows[mask], names, self.bad)

    def digest(self) -> str:
        """SHA-256 over images and labels, whatever order or container they came in."""
        return hashlib.sha256(b"".join(sorted(_sample_digests(self.images, self.labels)))).hexdigest()


def _sample_digests(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> Iterator[bytes]:
    for image, label in zip(images, labels, strict=True):
        yield hashlib.sha256(image.tobytes() + bytes([int(label)])).digest()


def image_digests(images: NDArray[np.uint8]) -> list[str]:
    """SHA-256 (hex) of each image's pixels; images: uint8 (n, 48, 48)."""
    return [hashlib.sha256(image.tobytes()).hexdigest() for image in images]


def load_data(path: Path, split: str) -> FaceData:
    """Read one split into memory.

    Args:
        path: folder, zip or CSV.
        split: "train", "test" (all that is not training), "public" or "private".

    Raises:
        DataError: nothing readable there, or no sample of that split.
    """
    if split not in SPLITS:
        raise DataError(f"unknown split {split!r}; choose one of {', '.join(SPLITS)}")
    samples: list[RawSample] = []
    bad: list[BadSample] = []
    for sample in read_samples(path):
        if isinstance(sample, BadSample):
            bad.append(sample)
        elif _in_split(sample, split):
            samples.append(sample)
    if not samples:
        raise DataError(f"{path} holds no sample of split {split!r}{_hint(split)}")
    return stack_samples(samples, bad)


def stack_samples(samples: Iterable[RawSample], bad: Iterable[BadSample] = ()) -> FaceData:
    """Put samples into arrays, in their order; raises ValueError when there are none."""
    kept = list(samples)
    return FaceData(
        np.stack([sample.pixels for sample in kept]),
        np.array([sample.label for sample in kept], dtype=np.int64),
        np.array([-1 if sample.row is None else sample.row for sample in kept], dtype=np.int64),
        tuple(sample.name for sample in kept),
        tuple(bad),
    )


def _in_split(sample: RawSample, split: str) -> bool:
    if split in ("train", "test"):
        return sample.split == split
    return sample.usage == {"public": "PublicTest", "private": "PrivateTest"}[split]


def _hint(split: str) -> str:
    if split in ("public", "private"):
        return ": only a CSV with a Usage column, or files named PublicTest_… and PrivateTest_…, tell them apart"
    return ""


def read_samples(path: Path) -> Iterator[RawSample | BadSample]:
    """Stream every sample of a folder, zip or CSV; an unreadable one comes as BadSample and the rest goes on.

    Raises:
        DataError: the path does not exist or holds neither image folders nor a CSV.
    """
    path = Path(path)
    if path.is_dir():
        yield from _read_folder(path)
    elif not path.is_file():
        raise DataError(f"{path} does not exist; give the Kaggle folder, its zip, or fer2013.csv")
    elif zipfile.is_zipfile(path):
        yield from _read_zip(path)
    else:
        with path.open(newline="", encoding="utf-8-sig", errors="replace") as lines:
            yield from _read_csv(lines, path.name)


def _read_folder(root: Path) -> Iterator[RawSample | BadSample]:
    files = sorted(file for file in root.rglob("*") if file.suffix.lower() in IMAGE_SUFFIXES and file.is_file())
    placed = [(file, place) for file in files if (place := _place(file.relative_to(root.parent).as_posix()))]
    if placed:
        for file, place in placed:
            yield _decode(file.relative_to(root).as_posix(), place, file.read_bytes())
        return
    tables = sorted(root.rglob("*.csv"))
    table = next((file for file in tables if _looks_like_fer(file)), None)
    if table is None:
        raise DataError(f"{root} holds neither train/<label>/ or test/<label>/ image folders nor a FER-2013 CSV")
    with table.open(newline="", encoding="utf-8-sig", errors="replace") as lines:
        yield from _read_csv(lines, table.name)


def _looks_like_fer(table: Path) -> bool:
    with table.open(newline="", encoding="utf-8-sig", errors="replace") as lines:
        return _has_columns(next(csv.reader(lines), []))


def _read_zip(path: Path) -> Iterator[RawSample | BadSample]:
    with zipfile.ZipFile(path) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        placed = [(entry, place) for entry in entries if (place := _place(entry.filename))]
        if placed:
            for entry, place in sorted(placed, key=lambda pair: pair[0].filename):
                yield _read_entry(archive, entry, place)
            return
        for entry in entries:
            if entry.filename.lower().endswith(".csv"):
                with io.TextIOWrapper(archive.open(entry), "utf-8-sig", "replace", newline="") as lines:
                    header = lines.readline()
                    if not _has_columns(next(csv.reader([header]), [])):
                        continue
                    yield from _read_csv(_chain_lines(header, lines), entry.filename)
                    return
    raise DataError(f"{path} holds neither train/<label>/ or test/<label>/ image folders nor a FER-2013 CSV")


def _chain_lines(first: str, rest: Iterable[str]) -> Iterator[str]:
    yield first
    yield from rest


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, place: tuple[str, int]) -> RawSample | BadSample:
    if entry.file_size > MAX_IMAGE_BYTES:
        return BadSample(None, entry.filename, f"{entry.file_size} bytes is too large for a face crop")
    try:
        content = archive.read(entry)
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, ValueError) as error:
        return BadSample(None, entry.filename, f"cannot be unpacked: {error}")
    return _decode(entry.filename, place, content)


def _place(name: str) -> tuple[str, int] | None:
    """(split, label) from …/train|test/<label>/<file>, or None for any other path."""
    parts = PurePosixPath(name).parts
    if len(parts) < 3 or PurePosixPath(name).suffix.lower() not in IMAGE_SUFFIXES or parts[0] == "__MACOSX":
        return None
    split = parts[-3].lower()
    if split not in ("train", "test"):
        return None
    try:
        return split, parse_label(parts[-2])
    except ValueError:
        return None


def _decode(name: str, place: tuple[str, int], content: bytes) -> RawSample | BadSample:
    from PIL import Image

    split, label = place
    stem = PurePosixPath(name).stem
    match = _ROW_IN_NAME.match(stem)
    usage, row = (match[1], int(match[2])) if match else ("Training" if split == "train" else "", None)
    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.width * image.height > MAX_IMAGE_BYTES:
                return BadSample(row, name, f"{image.width}×{image.height} pixels is too large for a face crop")
            pixels = resize_crop(image.convert("L"))
    except Exception as error:  # noqa: BLE001 - Pillow raises nearly anything on broken files
        return BadSample(row, name, f"cannot be decoded: {error}")
    return RawSample(row, stem if match else name, label, usage, split, pixels)


def _has_columns(header: list[str]) -> bool:
    return {"emotion", "pixels"} <= {column.strip().lower() for column in header}


def _read_csv(lines: Iterable[str], name: str) -> Iterator[RawSample | BadSample]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    reader = csv.reader(lines)
    header = [column.strip().lower() for column in next(reader, [])]
    if not _has_columns(header):
        raise DataError(f"{name} is no FER-2013 CSV: its first line must name the columns emotion,pixels[,Usage]")
    for row, fields in enumerate(reader):
        if fields:
            yield _parse_row(row, dict(zip(header, fields, strict=False)))


def _parse_row(row: int, fields: dict[str, str]) -> RawSample | BadSample:
    try:
        label = parse_label(fields.get("emotion", ""))
        usage = _parse_usage(fields.get("usage", "Training"))
        values = np.array(fields.get("pixels", "").split(), dtype=np.int64)
    except (ValueError, OverflowError) as error:
        return BadSample(row, f"row {row}", str(error))
    if values.size != SIDE * SIDE:
        return BadSample(row, f"row {row}", f"{values.size} pixels, not {SIDE * SIDE}")
    if values.min() < 0 or values.max() > 255:
        return BadSample(row, f"row {row}", "a pixel lies outside 0 to 255")
    split = "train" if usage == "Training" else "test"
    return RawSample(row, f"{usage}_{row}", label, usage, split, values.astype(np.uint8).reshape(SIDE, SIDE))


def _parse_usage(text: str) -> str:
    for usage in USAGES:
        if text.strip().lower() == usage.lower():
            return usage
    raise ValueError(f"unknown Usage {text!r}; expected one of {', '.join(USAGES)}")


def load_votes(path: Path, rows: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """FER+ votes for the given rows of the original CSV.

    Args:
        path: the FER+ CSV: a row or position per image, columns neutral … contempt, unknown, NF.
        rows: int64 (n,), row of each sample in the original CSV, -1 where it is not known.

    Returns:
        votes: float32 (n, 7) in the order of LABELS, summing to 1, or all 0 where nobody voted for one of the seven;
        not_face: int64 (n,), how many of the ten voters said "not a face".

    Raises:
        DataError: the file lacks the columns of FER+.
    """
    columns = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
    with path.open(newline="", encoding="utf-8-sig") as lines:
        reader = csv.DictReader(lines)
        if not set(columns) | {"NF"} <= set(reader.fieldnames or ()):
            raise DataError(f"{path} is no FER+ CSV: it must have the columns {', '.join(columns)} and NF")
        table = {
            int(line.get("row") or index): ([float(line[column]) for column in columns], int(line["NF"]))
            for index, line in enumerate(reader)
        }
    empty = ([0.0] * len(LABELS), 0)
    found = [table.get(int(row), empty) for row in rows]
    votes = np.array([vote for vote, _ in found], dtype=np.float32).reshape(-1, len(LABELS))
    votes /= np.maximum(votes.sum(axis=1, keepdims=True), 1e-9)
    return votes, np.array([not_face for _, not_face in found], dtype=np.int64)

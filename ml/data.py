"""FER-2013 in memory: one split as arrays, its digest, and the FER+ votes that belong to its rows."""

import csv
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.archive import Source, read_samples
from ml.labels import LABELS
from ml.table import SPLITS as STORED_SPLITS
from ml.table import USAGES, BadSample, DataError, RawSample

__all__ = [
    "SPLITS", "USAGES", "BadSample", "DataError", "FaceData", "RawSample", "Source",
    "image_digests", "load_data", "load_votes", "read_samples", "stack_samples",
]  # fmt: skip

SPLITS = (*STORED_SPLITS, "public", "private")


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


def load_data(path: Path | Source, split: str) -> FaceData:
    """Read one split into memory.

    Args:
        path: folder, zip, tar or CSV, packed or not.
        split: "train", "test" (FER-2013's PublicTest and PrivateTest together), "validation", "public" or "private".

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
    if split in STORED_SPLITS:
        return sample.split == split
    return sample.usage == {"public": "PublicTest", "private": "PrivateTest"}[split]


def _hint(split: str) -> str:
    if split in ("public", "private"):
        return ": only a CSV with a Usage column, or files named PublicTest_… and PrivateTest_…, tell them apart"
    return ""


def load_votes(path: Path, rows: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """FER+ votes for the given rows of the original CSV.

    Args:
        path: the FER+ CSV: a row or position per image, columns neutral … contempt, unknown, NF.
        rows: int64 (n,), row of each sample in the original CSV, -1 where it is not known.

    Returns:
        votes: float32 (n, 7) in the order of LABELS, summing to 1, or all 0 where nobody voted for one of the seven;
        not_face: int64 (n,), how many of the ten voters said "not a face".

    Raises:
        DataError: the file cannot be read or lacks the columns of FER+.
    """
    try:
        table = _read_votes(path)
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path} cannot be read as FER+ votes: {error}") from error
    empty = ([0.0] * len(LABELS), 0)
    found = [table.get(int(row), empty) for row in rows]
    votes = np.array([vote for vote, _ in found], dtype=np.float32).reshape(-1, len(LABELS))
    votes /= np.maximum(votes.sum(axis=1, keepdims=True), 1e-9)
    return votes, np.array([not_face for _, not_face in found], dtype=np.int64)


def _read_votes(path: Path) -> dict[int, tuple[list[float], int]]:
    columns = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
    with path.open(newline="", encoding="utf-8-sig") as lines:
        reader = csv.DictReader(lines)
        if not set(columns) | {"NF"} <= set(reader.fieldnames or ()):
            raise DataError(f"{path} is no FER+ CSV: it must have the columns {', '.join(columns)} and NF")
        return {
            int(line.get("row") or index): ([float(line[column]) for column in columns], int(line["NF"]))
            for index, line in enumerate(reader)
        }

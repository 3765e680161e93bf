"""Reads FER-2013 as a CSV (emotion,pixels[,Usage], any order), and says what a sample is in every form of the data."""

import csv
import io
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import IO

import numpy as np
from numpy.typing import NDArray

from ml.labels import DIGITS, parse_label
from ml.preprocess import SIDE

USAGES = ("Training", "PublicTest", "PrivateTest")
SPLITS = ("train", "test", "validation")
# A row of 48×48 pixels has fewer than 10,000 characters; what is longer is cut, so that no line fills the memory.
MAX_LINE = 100_000


class DataError(Exception):
    """The path holds nothing that can be read as FER-2013; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class RawSample:
    """One labelled image as it stands in the archive; pixels: uint8 of shape (48, 48); split: one of SPLITS.

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


def has_columns(stream: IO[bytes]) -> bool:
    """Whether the first line names the columns of FER-2013, in any order and case."""
    with closing(_read_lines(stream)) as lines:
        return {"emotion", "pixels"} <= set(_read_header(lines))


def count_rows(stream: IO[bytes]) -> int:
    """How many rows `read_csv` will give at most; closes the stream."""
    with stream:
        ends = sum(block.count(b"\n") for block in iter(lambda: stream.read(1 << 20), b""))
    return max(ends - 1, 0)


def _read_header(lines: Iterator[str]) -> list[str]:
    return [column.strip().lower() for column in _split_line(next(lines, ""))]


def read_csv(
    stream: IO[bytes], name: str, digits: Mapping[str, int] = DIGITS["fer2013"]
) -> Iterator[RawSample | BadSample]:
    """Stream the rows, counted from 0 without the header and blank lines; a bad one comes as BadSample.

    Args:
        name: the file's, for messages; digits: the label of each digit in the column emotion.

    Raises:
        DataError: the first line does not name the columns.
    """
    with closing(_read_lines(stream)) as lines:
        header = _read_header(lines)
        if not {"emotion", "pixels"} <= set(header):
            raise DataError(f"{name} is no FER-2013 CSV: its first line must name the columns emotion,pixels[,Usage]")
        filled = ((number, line) for number, line in enumerate(lines, start=2) if line.strip())
        for row, (number, line) in enumerate(filled):
            yield _parse_row(row, number, header, line, digits)


def _parse_row(row: int, number: int, header: list[str], line: str, digits: Mapping[str, int]) -> RawSample | BadSample:
    fields = dict(zip(header, _split_line(line), strict=False))
    try:
        usage = _parse_usage(fields.get("usage", "")) if "usage" in header else "Training"
        label = parse_label(fields.get("emotion", ""), digits)
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

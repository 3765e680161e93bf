"""What the folders of an image archive say: split and label of each image, and which folders say neither."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from ml.labels import DIGITS, parse_label
from ml.table import DataError

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".tif", ".tiff"}
# Split, the name that files without a name of their own get it by, and usage, by the folder's name.
_SPLITS = {
    **dict.fromkeys(("train", "training"), ("train", "train", "Training")),
    "test": ("test", "test", ""),
    "publictest": ("test", "publictest", "PublicTest"),
    "privatetest": ("test", "privatetest", "PrivateTest"),
    **dict.fromkeys(("val", "valid", "validation"), ("validation", "validation", "")),
}
# "0_angry": the word says it.
_NUMBERED = re.compile(r"^\d+[\s_.-]+(?=\D)")
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Place:
    """split: of ml.table.SPLITS; label: 0 to 6; usage: FER-2013's, or ""; folder: the split's short name."""

    split: str
    label: int
    usage: str
    folder: str


def is_image(name: str) -> bool:
    """Whether a path is one of an image, by its suffix; what macOS puts into archives beside them is none."""
    path = PurePosixPath(name)
    return path.suffix.lower() in IMAGE_SUFFIXES and "__MACOSX" not in path.parts


def choose_digits(names: Iterable[str], labels: str) -> Mapping[str, int]:
    """What digits as folders' names mean.

    Args:
        names: paths of all images; labels: one of DIGITS, or "" where nobody said.

    Raises:
        DataError: nobody said, and the digits are not exactly FER-2013's 0 to 6, or `labels` is unknown.
    """
    if labels and labels not in DIGITS:
        raise DataError(f"unknown labels {labels!r}; choose one of {', '.join(DIGITS)}")
    if labels:
        return DIGITS[labels]
    digits = {parts[-2] for name in names if _split_of(parts := PurePosixPath(name).parts) and parts[-2].isdecimal()}
    if digits and digits != set(DIGITS["fer2013"]):
        raise DataError(
            f"the folders {', '.join(sorted(digits))} are digits, which data sets number differently: "
            f"add --labels {', '.join(DIGITS)} (the one that it is)"
        )
    return DIGITS["fer2013"]


def place_image(name: str, digits: Mapping[str, int]) -> Place | None:
    """The place of an image from …/<split>/<label>/<file>, or None where its folders say neither."""
    parts = PurePosixPath(name).parts
    found = _split_of(parts)
    if found is None:
        return None
    try:
        label = parse_label(_NUMBERED.sub("", parts[-2]), digits)
    except ValueError:
        return None
    split, folder, usage = found
    return Place(split, label, usage, folder)


def _split_of(parts: tuple[str, ...]) -> tuple[str, str, str] | None:
    return _SPLITS.get(parts[-3].lower()) if len(parts) > 2 else None


def count_folders(names: Iterable[str]) -> list[tuple[str, int]]:
    """The folders that these images lie in, by name, with how many there are in each."""
    return sorted(Counter(str(PurePosixPath(name).parent) for name in names).items())


def describe_unknown(unknown: list[tuple[str, int]]) -> str:
    """One line about folders that say neither split nor label."""
    shown = ", ".join(f"{folder} ({count:,})" for folder, count in unknown[:_SHOWN])
    more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
    total = sum(count for _, count in unknown)
    return f"{total:,} images lie in folders that name no split and expression: {shown}{more}"

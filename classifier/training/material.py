"""What of a snapshot's images a training run learns from, and what the gate measures with."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from classifier.dataset.snapshots import LoadedImages, SnapshotEntry
from classifier.models import Sample
from classifier.training.gate import Faces

if TYPE_CHECKING:
    from ml.data import FaceData


def count_entries(entries: Iterable[SnapshotEntry], *, split: str, source: str | None = None) -> int:
    """How many entries are of one split, from all sources or one."""
    return sum(entry.split == split and source in (None, entry.source) for entry in entries)


def select_faces(images: LoadedImages, *, split: str, source: str) -> "FaceData | None":
    """The faces of one split and source; None where there are none."""
    from ml.data import FaceData

    chosen = [i for i, entry in enumerate(images.found) if (entry.split, entry.source) == (split, source)]
    if not chosen:
        return None
    entries = [images.found[i] for i in chosen]
    labels = np.array([entry.label for entry in entries], dtype=np.int64)
    names = tuple(entry.source_name for entry in entries)
    return FaceData(images.images[chosen], labels, np.full(len(chosen), -1), names)


def select_corrections(images: LoadedImages) -> "FaceData | None":
    """People's corrections to learn from, without those that show a test image of FER-2013; None where there are none.

    An approval compares them already, but with the test images there were then.
    """
    corrections = select_faces(images, split="train", source=Sample.Source.CORRECTION)
    frozen = select_faces(images, split="test", source=Sample.Source.FER2013)
    if corrections is None or frozen is None:
        return corrections
    kept = ~show_same(corrections.images, frozen.images)
    return corrections.select(kept) if kept.any() else None


def show_same(images: NDArray[np.uint8], others: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which images show the photo of one of the others: bool (n,), of uint8 (n, 48, 48) and (m, 48, 48)."""
    from ml.duplicates import find_near_pairs

    pairs, _ = find_near_pairs(images, others)
    found = np.zeros(len(images), dtype=bool)
    found[pairs[:, 0]] = True
    return found


def select_trusted(images: LoadedImages) -> Faces:
    """Held-out corrections that count in the gate; a face that several people named alike counts once.

    One that shows the photo of a training correction does not: under two accounts, one person would teach and measure.
    """
    names = set(Sample.objects.usable().trusted().values_list("source_name", flat=True))

    def counts(entry: SnapshotEntry) -> bool:
        return entry.source == Sample.Source.CORRECTION and entry.split == "test" and entry.source_name in names

    chosen = {(entry.sha256, entry.label): number for number, entry in enumerate(images.found) if counts(entry)}
    lost = {(entry.sha256, entry.label) for entry in images.damaged if counts(entry)}
    positions = list(chosen.values())
    learned = select_faces(images, split="train", source=Sample.Source.CORRECTION)
    if learned is not None and positions:
        known = show_same(images.images[positions], learned.images)
        positions = [position for position, seen in zip(positions, known, strict=True) if not seen]
    labels = np.array([images.found[number].label for number in positions], dtype=np.int64)
    return Faces(images.images[positions], labels, len(lost))

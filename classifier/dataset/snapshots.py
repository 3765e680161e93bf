"""Snapshots: what the dataset was at one moment, as an immutable list, and the pixels that are still there for it."""

import csv
import gzip
import hashlib
import io
from collections.abc import Callable, Collection, Iterable
from dataclasses import astuple, dataclass, fields

import numpy as np
from django.conf import settings
from django.db import IntegrityError, transaction
from numpy.typing import NDArray

from accounts.models import User
from classifier.models import Label, Sample, Snapshot
from classifier.models.dataset import SampleQuerySet
from classifier.storage.bulk import expect_outages
from classifier.storage.crops import SIDE, cache_crops, fetch_crops, read_cached
from fersite.s3 import read_object, share_client


class SnapshotDamagedError(Exception):
    """The list of a snapshot is gone from the bucket, or is not what was written."""


class DatasetEmptyError(Exception):
    """There is nothing to take a snapshot of."""


@dataclass(frozen=True, slots=True, order=True)
class SnapshotEntry:
    """One sample as the list names it; label: 0 to 6."""

    split: str
    label: int
    sha256: str
    key: str
    source: str
    source_name: str


COLUMNS = tuple(field.name for field in fields(SnapshotEntry))


@dataclass(frozen=True)
class LoadedImages:
    """images: uint8 (n, 48, 48), in the order of `found`.

    erased: their photo was erased, or is not shared for training any more; damaged: the bucket has lost their pixels.
    """

    images: NDArray[np.uint8]
    found: tuple[SnapshotEntry, ...]
    erased: tuple[SnapshotEntry, ...]
    damaged: tuple[SnapshotEntry, ...]

    @property
    def missing(self) -> tuple[SnapshotEntry, ...]:
        """Everything that the list names and that cannot be used."""
        return self.erased + self.damaged


@dataclass(frozen=True)
class SnapshotDiff:
    """What changed from an older list to a newer one; relabelled: the same image, before and after."""

    added: tuple[SnapshotEntry, ...]
    removed: tuple[SnapshotEntry, ...]
    relabelled: tuple[tuple[SnapshotEntry, SnapshotEntry], ...]

    def count_by_label(self) -> list[dict[str, int]]:
        """For each of the seven labels: added, removed, relabelled_from, relabelled_to."""
        columns = {
            "added": count_labels(self.added),
            "removed": count_labels(self.removed),
            "relabelled_from": count_labels(before for before, _ in self.relabelled),
            "relabelled_to": count_labels(after for _, after in self.relabelled),
        }
        return [{name: counts[label] for name, counts in columns.items()} for label in Label.values]


@transaction.atomic
def take_snapshot(*, actor: User | None = None) -> Snapshot:
    """List every sample that may be trained on or measured with; the same content again is the same snapshot.

    The list is stored before its row, and again where the row is there already: the bucket may have lost it. One
    without a row, left by a crash, names hashes and no pixels, and the next snapshot of the same content takes it over.

    Raises:
        DatasetEmptyError: there is no sample.
        classifier.storage.bulk.BucketError: the bucket does not answer.
    """
    entries = _list_entries(Sample.objects.usable())
    if not entries:
        raise DatasetEmptyError("The dataset is empty: manage.py import_fer2013 PATH fills it.")
    text = _write_list(entries)
    snapshot = _make_row(entries, hashlib.sha256(text).hexdigest(), actor)
    _store_list(snapshot, text)
    if (earlier := Snapshot.objects.filter(digest=snapshot.digest).first()) is not None:
        return earlier
    try:
        with transaction.atomic():
            snapshot.save(force_insert=True)
    except IntegrityError:  # somebody took the same one at the same moment and was first
        return Snapshot.objects.get(digest=snapshot.digest)
    return snapshot


def restore_list(snapshot: Snapshot) -> bool:
    """Store a lost list again, if the rows of then or of now still give it, byte by byte; whether they do.

    Raises:
        classifier.storage.bulk.BucketError: the bucket does not answer.
    """
    then = Sample.objects.filter(created_at__lte=snapshot.created_at)
    for rows in (then.usable(), then, Sample.objects.usable()):
        text = _write_list(_list_entries(rows))
        if hashlib.sha256(text).hexdigest() == snapshot.digest:
            _store_list(snapshot, text)
            return True
    return False


def read_snapshot(snapshot: Snapshot) -> list[SnapshotEntry]:
    """The list as it was written, ordered by split, label, hash and name.

    Raises:
        SnapshotDamagedError: it is gone, or its hash is another.
        classifier.storage.bulk.BucketError: the bucket does not answer.
    """
    with expect_outages():
        packed = read_object(snapshot.key)
    if packed is None:
        raise SnapshotDamagedError(f"The list of {snapshot} is gone from the bucket ({snapshot.key}).")
    try:
        text = gzip.decompress(packed)
    except Exception as error:  # zlib and gzip raise four kinds on damaged bytes; all of it means the same
        raise SnapshotDamagedError(f"The list of {snapshot} is damaged: {error}") from error
    if hashlib.sha256(text).hexdigest() != snapshot.digest:
        raise SnapshotDamagedError(f"The list of {snapshot} is not what was written: its hash is another.")
    lines = csv.reader(io.StringIO(text.decode()))
    next(lines)
    return [SnapshotEntry(split, int(label), *rest) for split, label, *rest in lines]


def list_names(snapshot: Snapshot) -> frozenset[str]:
    """The source names of all samples that a snapshot lists; raises what read_snapshot raises."""
    return frozenset(entry.source_name for entry in read_snapshot(snapshot))


def load_images(
    entries: Collection[SnapshotEntry], *, on_progress: Callable[[int], object] | None = None
) -> LoadedImages:
    """The pixels of what a snapshot names, as far as they may still be used.

    A list outlives what it names: rows are asked which samples still exist and are still shared, so that an old
    snapshot brings nothing back. Crops of FER-2013 are kept in FERSITE_STATE/crops.npy and fetched once per machine;
    people's crops come from the bucket each time and are never kept, so that erasing a photo leaves no copy. Every
    crop, kept or fetched, is checked against its hash.

    Args:
        on_progress: called with the number of entries that are done since the last call.

    Raises:
        classifier.storage.bulk.BucketError: the S3 server refused or did not answer.
    """
    living = set(Sample.objects.usable().order_by().values_list("source", "source_name", "sha256"))
    usable = [entry for entry in entries if (entry.source, entry.source_name, entry.sha256) in living]
    public = {digest for source, _, digest in living if source == Sample.Source.FER2013}
    if on_progress:
        on_progress(len(entries) - len(usable))
    crops = _gather(usable, public, on_progress)
    found = tuple(entry for entry in usable if entry.sha256 in crops)
    images = np.empty((len(found), SIDE, SIDE), dtype=np.uint8)
    for image, entry in zip(images, found, strict=True):
        image[:] = crops[entry.sha256]
    remaining = set(usable)
    return LoadedImages(
        images,
        found,
        erased=tuple(entry for entry in entries if entry not in remaining),
        damaged=tuple(entry for entry in usable if entry.sha256 not in crops),
    )


def diff_snapshots(older: Snapshot, newer: Snapshot) -> SnapshotDiff:
    """What was added, removed and relabelled in between; an image that changed its split was removed and added.

    Raises:
        SnapshotDamagedError: one of the lists cannot be read.
        classifier.storage.bulk.BucketError: the bucket does not answer.
    """
    before, after = ({_identify(entry): entry for entry in read_snapshot(item)} for item in (older, newer))
    both = [(before[identity], entry) for identity, entry in after.items() if identity in before]
    return SnapshotDiff(
        added=tuple(entry for identity, entry in after.items() if identity not in before),
        removed=tuple(entry for identity, entry in before.items() if identity not in after),
        relabelled=tuple((old, new) for old, new in both if old.label != new.label),
    )


def count_labels(entries: Iterable[SnapshotEntry]) -> list[int]:
    """How many entries there are of each of the seven labels, in their order."""
    counts = [0] * len(Label.values)
    for entry in entries:
        counts[entry.label] += 1
    return counts


def _identify(entry: SnapshotEntry) -> tuple[str, str, str, str]:
    return entry.split, entry.source, entry.source_name, entry.sha256


def _list_entries(samples: SampleQuerySet) -> list[SnapshotEntry]:
    rows = samples.order_by().values_list(*COLUMNS)
    return sorted(SnapshotEntry(*row) for row in rows.iterator(chunk_size=5000))


def _store_list(snapshot: Snapshot, text: bytes) -> None:
    client = share_client(settings.S3_ENDPOINT_URL)
    packed = gzip.compress(text, mtime=0)
    with expect_outages():
        client.put_object(Bucket=settings.AWS_STORAGE_BUCKET_NAME, Key=snapshot.key, Body=packed)


def _write_list(entries: Iterable[SnapshotEntry]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(astuple(entry) for entry in entries)
    return text.getvalue().encode()


def _make_row(entries: list[SnapshotEntry], digest: str, actor: User | None) -> Snapshot:
    """The row for a list, not saved."""
    counts = {split: count_labels(entry for entry in entries if entry.split == split) for split in Sample.Split.values}
    return Snapshot(
        digest=digest,
        size=len(entries),
        train_counts=counts[Sample.Split.TRAIN],
        test_counts=counts[Sample.Split.TEST],
        corrections=sum(entry.source == Sample.Source.CORRECTION for entry in entries),
        created_by=actor,
    )


def _gather(
    entries: list[SnapshotEntry], public: Collection[str], on_progress: Callable[[int], object] | None
) -> dict[str, NDArray[np.uint8]]:
    """Crops by hash, from the disk and then from the bucket; public: hashes of those that may be kept."""
    kept = read_cached(public)
    wanted = {entry.key: entry.sha256 for entry in entries if entry.sha256 not in kept}
    if on_progress:
        on_progress(len(entries) - len(wanted))
    fetched = fetch_crops(wanted, on_progress=on_progress) if wanted else {}
    if any(digest in public for digest in fetched):
        cache_crops(kept | {digest: pixels for digest, pixels in fetched.items() if digest in public})
    return kept | fetched

"""The dataset's samples: brings FER-2013 into the bucket and the table, so that it can be interrupted at any point."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db import transaction
from numpy.typing import NDArray

from classifier.dataset.duplicates import hash_perceptually, is_like_test_sample
from classifier.models import Correction, ObjectRemoval, Sample
from classifier.models.dataset import SampleQuerySet
from classifier.storage.bulk import Batch, expect_outages, put_batches
from classifier.storage.codec import ImageDamaged, read_crop
from classifier.storage.crops import hash_crop
from classifier.storage.objects import remove_on_commit
from fersite.s3 import read_object, share_client
from ml.data import BadSample, RawSample, Source, read_samples
from ml.labels import LABELS

BATCH_SIZE = 128
# The share of people whose corrected faces are held out to measure with.
HELD_OUT = 0.2
_NAME_LENGTH = 255
_SHOWN_NAME = 80


class CropMissingError(Exception):
    """What the network saw of a face cannot be read any more."""


@dataclass
class ImportSummary:
    """What an import did: entries read = stored + present + bad; objects: how many images went into the bucket."""

    read: int = 0
    stored: int = 0
    present: int = 0
    objects: int = 0
    bad: list[BadSample] = field(default_factory=list)


def import_fer2013(*, path: Path | Source, on_progress: Callable[[int], object] | None = None) -> ImportSummary:
    """Store every image of FER-2013 (folders, zip or CSV) as a sample.

    Objects come first and rows after, batch by batch: an import that was killed is finished by running it again, and a
    row whose name ("Training_123") is there already is not stored again, from whatever form of the data it came.

    Args:
        path: what `ml.data.read_samples` reads.
        on_progress: called with the number of entries that are done since the last call.

    Raises:
        ml.data.DataError: the path holds no FER-2013.
        classifier.storage.bulk.BucketError: the bucket does not take objects; what is stored stays.
    """
    summary = ImportSummary()
    plan = _plan_batches(path, summary)
    done = 0
    for batch in put_batches(plan):
        Sample.objects.bulk_create(batch.rows, ignore_conflicts=True)
        summary.stored += len(batch.rows)
        summary.objects += len(batch.crops)
        now = summary.stored + summary.present + len(summary.bad)
        if on_progress:
            on_progress(now - done)
        done = now
    if on_progress:
        on_progress(summary.read - done)
    return summary


def choose_split(user_id: int) -> Sample.Split:
    """The split of all samples from one person's photos, by a hash of the account: nobody is in both."""
    share = int.from_bytes(hashlib.sha256(f"split of user {user_id}".encode()).digest()[:4]) / 2**32
    return Sample.Split.TEST if share < HELD_OUT else Sample.Split.TRAIN


@transaction.atomic
def add_sample(*, correction: Correction, label: int) -> Sample | None:
    """Copy what the network saw of a face into the dataset, under an approved label (0 to 6).

    None, and nothing is stored, when it would be trained on and is a test image again, or nearly.

    Raises:
        CropMissingError: the crop is gone from the bucket, or damaged.
        classifier.storage.bulk.BucketError: the bucket does not answer.
    """
    face = correction.face
    split = choose_split(face.upload.owner_id)
    with expect_outages():
        content, pixels = _read_face(face.crop)
    if split == Sample.Split.TRAIN and is_like_test_sample(pixels):
        return None
    digest = hash_crop(pixels)
    key = name_key(split, label, digest)
    # An erased photo may have had the same pixels, and the sweeper may not have removed them yet.
    ObjectRemoval.objects.filter(key=key).delete()
    client = share_client(settings.S3_ENDPOINT_URL)
    with expect_outages():
        # The same content under the same name, should it be there: putting it again changes nothing.
        client.put_object(Bucket=settings.AWS_STORAGE_BUCKET_NAME, Key=key, Body=content, ContentType="image/png")
    return Sample.objects.create(
        split=split, label=label, sha256=digest, phash=hash_perceptually(pixels[np.newaxis])[0], key=key,
        source=Sample.Source.CORRECTION, source_name=f"correction_{correction.pk}", correction=correction,
    )  # fmt: skip


def _read_face(key: str) -> tuple[bytes, NDArray[np.uint8]]:
    """A face's crop as PNG and as pixels; raises CropMissingError."""
    content = read_object(key)
    with suppress(ImageDamaged):
        if content:
            return content, read_crop(content)
    raise CropMissingError("What the network saw of this face is gone: the answer cannot become a sample.")


def erase_samples(samples: SampleQuerySet) -> None:
    """Delete rows now, their objects right after the commit; call it in a transaction."""
    remove_on_commit(_name_objects(samples))
    samples.delete()


def _name_objects(own: SampleQuerySet) -> list[str]:
    """Keys of the objects that go with these samples: those that no other sample shares."""
    keys = set(own.values_list("key", flat=True))
    shared = Sample.objects.filter(key__in=keys).exclude(pk__in=own.values("pk")).values_list("key", flat=True)
    return sorted(keys - set(shared))


def name_key(split: str, label: int, digest: str) -> str:
    """Where a sample's pixels lie in the bucket."""
    return f"dataset/{split}/{LABELS[label]}/{digest}.png"


def _plan_batches(path: Path | Source, summary: ImportSummary) -> Iterator[Batch]:
    """Batches of what is not stored yet; everything else is counted in `summary`."""
    known = dict(Sample.objects.filter(source=Sample.Source.FER2013).values_list("source_name", "key"))
    keys = set(known.values())
    frozen = set(Sample.objects.filter(split=Sample.Split.TEST).values_list("sha256", flat=True))
    batch = Batch()
    for entry in read_samples(path):
        summary.read += 1
        if isinstance(entry, BadSample):
            summary.bad.append(entry)
            continue
        sample = _make_sample(entry)
        if sample.split == Sample.Split.TEST:
            frozen.add(sample.sha256)
        # FER-2013's own rows stay as they are: some of its training images are test images, too, and are known by name.
        copied = entry.row is None and sample.split == Sample.Split.TRAIN and sample.sha256 in frozen
        problem = _find_problem(sample, known)
        if copied and not problem and sample.source_name not in known:
            problem = "the pixels of a test image: what is measured with is not trained on"
        if problem:
            summary.bad.append(BadSample(entry.row, ascii(entry.name[:_SHOWN_NAME])[1:-1], problem))
        elif sample.source_name in known:
            summary.present += 1
        else:
            known[sample.source_name] = sample.key
            sample.phash = hash_perceptually(entry.pixels[np.newaxis])[0]
            batch.rows.append(sample)
            if sample.key not in keys:
                keys.add(sample.key)
                batch.crops.append((sample.key, entry.pixels))
        if len(batch.rows) >= BATCH_SIZE:
            yield batch
            batch = Batch()
    if batch.rows:
        yield batch


def _find_problem(sample: Sample, known: Mapping[str, str]) -> str | None:
    """Why this row cannot be stored under its name, if so; known: the keys of the names that are taken."""
    if len(sample.source_name) > _NAME_LENGTH or not sample.source_name.isprintable():
        return f"a name may have {_NAME_LENGTH} printable characters: rename the file"
    if sample.split not in Sample.Split.values:
        return f"the dataset has no split {sample.split}: put the image under train or test"
    if known.get(sample.source_name, sample.key) != sample.key:
        return "another image or label is stored under this name; the stored one stays"
    return None


def _make_sample(raw: RawSample) -> Sample:
    """The row for an image, not saved; a new one still wants its perceptual hash."""
    digest = hash_crop(raw.pixels)
    return Sample(
        split=raw.split,
        label=raw.label,
        sha256=digest,
        key=name_key(raw.split, raw.label, digest),
        source=Sample.Source.FER2013,
        source_name=raw.name,
        usage=raw.usage,
    )

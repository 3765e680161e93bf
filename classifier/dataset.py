"""The dataset's samples: brings FER-2013 into the bucket and the table, so that it can be interrupted at any point."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from classifier.bucket import Batch, put_batches
from classifier.models import Sample
from ml.data import BadSample, RawSample, read_samples
from ml.labels import LABELS

BATCH_SIZE = 128
_NAME_LENGTH = 255
_SHOWN_NAME = 80


@dataclass
class ImportSummary:
    """What an import did: entries read = stored + present + bad; objects: how many images went into the bucket."""

    read: int = 0
    stored: int = 0
    present: int = 0
    objects: int = 0
    bad: list[BadSample] = field(default_factory=list)


def import_fer2013(*, path: Path, on_progress: Callable[[int], object] | None = None) -> ImportSummary:
    """Store every image of FER-2013 (folders, zip or CSV) as a sample.

    Objects come first and rows after, batch by batch: an import that was killed is finished by running it again, and a
    row whose name ("Training_123") is there already is not stored again, from whatever form of the data it came.

    Args:
        path: what `ml.data.read_samples` reads.
        on_progress: called with the number of entries that are done since the last call.

    Raises:
        ml.data.DataError: the path holds no FER-2013.
        classifier.bucket.BucketError: the bucket does not take objects; what is stored stays.
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


def _plan_batches(path: Path, summary: ImportSummary) -> Iterator[Batch]:
    """What is not stored yet; counts everything else on the way."""
    known = dict(Sample.objects.filter(source=Sample.Source.FER2013).values_list("source_name", "key"))
    keys = set(known.values())
    batch = Batch()
    for entry in read_samples(path):
        summary.read += 1
        if isinstance(entry, BadSample):
            summary.bad.append(entry)
            continue
        sample = _make_sample(entry)
        if problem := _find_problem(sample, known):
            summary.bad.append(BadSample(entry.row, ascii(entry.name[:_SHOWN_NAME])[1:-1], problem))
        elif sample.source_name in known:
            summary.present += 1
        else:
            known[sample.source_name] = sample.key
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
    if known.get(sample.source_name, sample.key) != sample.key:
        return "another image or label is stored under this name; the stored one stays"
    return None


def _make_sample(raw: RawSample) -> Sample:
    """The row for an image, not saved."""
    digest = hashlib.sha256(raw.pixels.tobytes()).hexdigest()
    return Sample(
        split=raw.split,
        label=raw.label,
        sha256=digest,
        key=f"dataset/{raw.split}/{LABELS[raw.label]}/{digest}.png",
        source=Sample.Source.FER2013,
        source_name=raw.name,
        usage=raw.usage,
    )

"""Mends what classifier.dataset.reconcile finds: each function gives the problems that it could not mend, in words.

What boto3 raises passes through: with the bucket away, nothing can be said or mended.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from classifier.dataset.approvals import NotApprovedError, add_missing_sample, lock_answers
from classifier.dataset.duplicates import hash_perceptually
from classifier.dataset.samples import CropMissingError, erase_samples, name_key
from classifier.dataset.snapshots import restore_list
from classifier.models import Correction, Sample, Snapshot
from classifier.storage.codec import encode_crop
from classifier.storage.crops import fetch_crops, read_cached
from classifier.storage.objects import ABANDONED_AFTER, KEYS_PER_REQUEST, delete_objects
from fersite.s3 import list_objects, share_client

BATCH = 1000


def remove_samples(samples: Iterable[Sample]) -> list[str]:
    """Delete the rows now, their objects right after, unless another row names them."""
    with transaction.atomic():
        erase_samples(Sample.objects.filter(pk__in=[sample.pk for sample in samples]))
    return []


def move_samples(samples: Iterable[Sample]) -> list[str]:
    """Make the samples anew in the split of their photo's owner; one whose face cannot be read stays where it is."""
    problems = []
    for sample in samples:
        with transaction.atomic():
            answers = list(Correction.objects.filter(sample=sample.pk))
            for answer in answers:
                lock_answers(answer)  # before the sample goes, as those do who approve and erase
            remove_samples([sample])
            unmoved = add_samples(answers)
            transaction.set_rollback(bool(unmoved))
        problems += unmoved
    return problems


def restore_objects(samples: Iterable[Sample]) -> list[str]:
    """Store each sample's pixels under the key that it should have, from wherever they still are."""
    chosen = list(samples)
    kept = read_cached({sample.sha256 for sample in chosen})
    return [problem for sample in chosen if (problem := _restore(sample, kept.get(sample.sha256)))]


def add_samples(corrections: Iterable[Correction]) -> list[str]:
    """Give approved answers the samples that they lack, or the reason why they may have none."""
    problems = []
    for correction in corrections:
        try:
            add_missing_sample(correction=correction)
        except Correction.DoesNotExist:  # erased meanwhile: it lacks nothing any more
            continue
        except (CropMissingError, NotApprovedError) as error:
            problems.append(f"answer {correction.pk}: {error}")
    return problems


def restore_lists(snapshots: Iterable[Snapshot]) -> list[str]:
    """Write those lists anew that the rows still give, byte by byte."""
    lost = [snapshot for snapshot in snapshots if not restore_list(snapshot)]
    return [f"{snapshot}: the dataset has changed since; restore {snapshot.key} from a backup" for snapshot in lost]


def fill_hashes(samples: Iterable[Sample]) -> list[str]:
    """Compute the perceptual hashes of rows from old imports."""
    chosen, problems = list(samples), []
    for start in range(0, len(chosen), BATCH):
        batch = chosen[start : start + BATCH]
        crops = fetch_crops({sample.key: sample.sha256 for sample in batch})
        for sample in batch:
            if sample.sha256 in crops:
                sample.phash = hash_perceptually(crops[sample.sha256][np.newaxis])[0]
            else:
                problems.append(f"{sample.source_name}: its pixels are gone")
        Sample.objects.bulk_update([sample for sample in batch if sample.phash is not None], ["phash"])
    return problems


def remove_unknown(keys: Sequence[str]) -> list[str]:
    """Delete objects that no row names; asked again now, since somebody may have stored one anew in between."""
    old = {key for key, changed in list_objects("dataset/").items() if changed < timezone.now() - ABANDONED_AFTER}
    gone = sorted(set(keys) & old - set(Sample.objects.values_list("key", flat=True)))
    refused: set[str] = set()
    for start in range(0, len(gone), KEYS_PER_REQUEST):
        refused |= delete_objects(gone[start : start + KEYS_PER_REQUEST])
    return [f"{key}: the bucket refused to remove it" for key in sorted(refused)]


def _restore(sample: Sample, kept: NDArray[np.uint8] | None) -> str:
    """Store a sample's pixels again; the problem in words, or nothing."""
    pixels = kept if kept is not None else _find_pixels(sample)
    if pixels is None:
        return f"{sample.source_name} ({sample.key}): no copy is left; restore it from a backup, or import it again"
    key = name_key(sample.split, sample.label, sample.sha256)
    place = {"Bucket": settings.AWS_STORAGE_BUCKET_NAME, "Key": key}
    share_client(settings.S3_ENDPOINT_URL).put_object(**place, Body=encode_crop(pixels), ContentType="image/png")
    if Sample.objects.filter(pk=sample.pk).update(key=key) or Sample.objects.filter(key=key).exists():
        return ""
    # Its photo was erased meanwhile: what was stored just now must not stay.
    return f"{key}: the bucket refused to remove it" if delete_objects([key]) else ""


def _find_pixels(sample: Sample) -> NDArray[np.uint8] | None:
    """The pixels under the sample's own key, under another's, or as the face that it came from; None: lost."""
    keys = {key: sample.sha256 for key in Sample.objects.filter(sha256=sample.sha256).values_list("key", flat=True)}
    if sample.correction is not None:
        keys[sample.correction.face.crop] = sample.sha256
    return fetch_crops(keys).get(sample.sha256)

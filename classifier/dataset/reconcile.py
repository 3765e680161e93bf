"""Whether the rows of the dataset and the bucket say the same, check by check, and what of it can be mended."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import F, Q
from django.utils import timezone

from classifier.dataset.mending import (
    add_samples,
    fill_hashes,
    move_samples,
    remove_samples,
    remove_unknown,
    restore_lists,
    restore_objects,
)
from classifier.dataset.samples import choose_split, name_key
from classifier.dataset.snapshots import SnapshotDamagedError, read_snapshot
from classifier.models import Correction, Sample, Snapshot
from classifier.storage.crops import iterate_crops
from classifier.storage.objects import ABANDONED_AFTER
from fersite.s3 import list_objects

logger = logging.getLogger(__name__)

EXAMPLES = 10


@dataclass(frozen=True)
class Check:
    """One kind of disagreement: how to find it, how to mend it (giving what could not be), how to name one.

    harmless: worth mending, yet rows and bucket agree.
    """

    name: str
    title: str
    find: Callable[[], Sequence[Any]]
    mend: Callable[[Any], list[str]]
    show: Callable[[Any], str]
    harmless: bool = False


@dataclass(frozen=True)
class CheckResult:
    """found = mended + remaining; examples: some of those that remain, in words; harmless: no disagreement."""

    name: str
    title: str
    found: int
    remaining: int
    examples: tuple[str, ...]
    harmless: bool

    @property
    def mended(self) -> int:
        return self.found - self.remaining


@dataclass(frozen=True)
class Reconciliation:
    """What a run found; in_flight: objects without a row that are too young to judge."""

    samples: int
    objects: int
    in_flight: int
    outcomes: tuple[CheckResult, ...] = field(default=())

    @property
    def remaining(self) -> int:
        return sum(outcome.remaining for outcome in self.outcomes if not outcome.harmless)


def reconcile_dataset(
    *, fix: bool = False, deep: bool = False, on_progress: Callable[[int], object] | None = None
) -> Reconciliation:
    """Compare rows, answers, snapshots and bucket.

    Args:
        fix: mend what can be mended; what one check mends, the next ones see.
        deep: read every image and list and compare it with its row's hash: 30,000 images take a minute.
        on_progress: called with the number of objects that were read since the last call.

    Raises:
        classifier.storage.bulk.BucketError, or what boto3 raises: the bucket does not answer.
    """
    outcomes = tuple(_run(check, fix) for check in _list_checks(deep, on_progress))
    objects = list_objects("dataset/")
    unknown = set(objects) - set(Sample.objects.values_list("key", flat=True))
    old = sum(objects[key] < timezone.now() - ABANDONED_AFTER for key in unknown)
    return Reconciliation(Sample.objects.count(), len(objects), len(unknown) - old, outcomes)


def _list_checks(deep: bool, on_progress: Callable[[int], object] | None) -> list[Check]:
    """All checks, in the order in which mending one leaves least to the next; lists while rows still give them."""
    name, number, key = (lambda row: row.source_name), (lambda row: f"answer {row.pk}"), str
    checks = [
        Check("lists_missing", "snapshots whose list the bucket has lost", find_unlisted, restore_lists, key),
        Check("lists_damaged", "snapshots whose list is damaged or another", find_damaged_lists, restore_lists, key),
        Check("not_approved", "samples whose answer is not approved under their label", find_unapproved,
              remove_samples, name),
        Check("not_shared", "samples whose photo is not shared any more: kept, not used", find_unshared,
              remove_samples, name, harmless=True),
        Check("splits_wrong", "samples outside the split of their photo's owner", find_missplit, move_samples, name),
        Check("keys_wrong", "samples whose key is not that of their split, label and hash", find_misnamed,
              restore_objects, name),
        Check("objects_missing", "samples whose image the bucket has lost", find_lost, restore_objects, name),
        Check("objects_damaged", "samples whose image is damaged or another", lambda: find_damaged(on_progress),
              restore_objects, name),
        Check("samples_missing", "approved answers without their sample", find_unsampled, add_samples, number),
        Check("hashes_missing", "samples without a perceptual hash", find_unhashed, fill_hashes, name),
        Check("objects_unknown", "images that no row names", find_unknown, remove_unknown, key),
    ]  # fmt: skip
    return [check for check in checks if deep or check.name not in ("objects_damaged", "lists_damaged")]


def find_unapproved() -> list[Sample]:
    """Samples whose answer is not approved, or under another label; only a hand in the database makes them.

    Also those whose face got another label later, which older releases left in.
    """
    wrong = ~Q(correction__state=Correction.State.APPROVED) | ~Q(correction__final_label=F("label"))
    wrong |= Q(correction__in=Correction.objects.replaced())
    return list(Sample.objects.filter(wrong, source=Sample.Source.CORRECTION))


def find_unshared() -> list[Sample]:
    """Samples that no snapshot takes any more: their owners share the photo no longer."""
    return list(Sample.objects.filter(correction__face__upload__consent_training=False))


def find_missplit() -> list[Sample]:
    """Samples that are not where `classifier.dataset.samples.choose_split` puts the photos of their owner."""
    owned = Sample.objects.filter(source=Sample.Source.CORRECTION).annotate(owner=F("correction__face__upload__owner"))
    rows: Iterator[Any] = owned.iterator()
    return [row for row in rows if row.split != choose_split(row.owner)]


def find_misnamed() -> list[Sample]:
    """Samples under another key than `classifier.dataset.samples.name_key` gives."""
    rows = Sample.objects.select_related("correction__face")
    return [row for row in rows.iterator() if row.key != name_key(row.split, row.label, row.sha256)]


def find_lost() -> list[Sample]:
    """Samples without an object; asked twice, since one may be stored or erased in between."""
    objects = list_objects("dataset/")
    keys = set(Sample.objects.values_list("key", flat=True)) - set(objects)
    if keys:
        keys -= set(list_objects("dataset/"))
    return list(Sample.objects.filter(key__in=keys).select_related("correction__face"))


def find_damaged(on_progress: Callable[[int], object] | None = None) -> list[Sample]:
    """Samples whose object is there, but not a crop with their hash."""
    present = set(list_objects("dataset/"))
    wanted = {key: digest for key, digest in Sample.objects.values_list("key", "sha256") if key in present}
    bad = [key for key, pixels in iterate_crops(wanted, on_progress=on_progress) if pixels is None]
    return list(Sample.objects.filter(key__in=bad).select_related("correction__face"))


def find_unsampled() -> list[Correction]:
    """Approved answers about shared photos that gave no sample, though nothing says why not.

    And those that another answer replaced which is gone since.
    """
    approved = Correction.objects.teaching().filter(face__upload__consent_training=True, sample__isnull=True)
    alone = Q(withheld=Correction.Withheld.REPLACED) & ~Q(pk__in=Correction.objects.replaced())
    return list(approved.filter(Q(withheld="") | alone))


def find_unhashed() -> list[Sample]:
    """Samples of imports from before there were perceptual hashes."""
    return list(Sample.objects.filter(phash__isnull=True))


def find_unknown() -> list[str]:
    """Keys that no row names, old enough that none will: a request or an import may be on its way to its rows."""
    objects = list_objects("dataset/")
    unknown = set(objects) - set(Sample.objects.values_list("key", flat=True))
    return sorted(key for key in unknown if objects[key] < timezone.now() - ABANDONED_AFTER)


def sweep_dataset() -> int:
    """Remove the images that no row names: a killed worker or a failed commit left them; how many went."""
    unknown = find_unknown()
    if not unknown:
        return 0
    problems = remove_unknown(unknown)
    logger.warning("%d images of the dataset had no row; %d of them remain", len(unknown), len(problems))
    return len(unknown) - len(problems)


def find_unlisted() -> list[Snapshot]:
    """Snapshots without their list."""
    objects = list_objects("snapshots/")
    return [snapshot for snapshot in Snapshot.objects.all() if snapshot.key not in objects]


def find_damaged_lists() -> list[Snapshot]:
    """Snapshots whose list is there, but not as it was written."""
    lost = find_unlisted()
    return [snapshot for snapshot in Snapshot.objects.all() if snapshot not in lost and not _is_whole(snapshot)]


def _is_whole(snapshot: Snapshot) -> bool:
    try:
        read_snapshot(snapshot)
    except SnapshotDamagedError:
        return False
    return True


def _run(check: Check, fix: bool) -> CheckResult:
    found = check.find()
    mend = check.mend if fix and found else None
    problems = mend(found) if mend else [check.show(item) for item in found]
    examples = tuple(problems[:EXAMPLES])
    return CheckResult(check.name, check.title, len(found), len(problems), examples, check.harmless)

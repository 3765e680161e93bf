"""Removes objects from the bucket: noted with the rows that go, deleted after the commit, by the sweeper if need be."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from classifier.models import ObjectRemoval

logger = logging.getLogger(__name__)

# A bucket that would not delete is left alone for so long.
REMOVAL_PAUSE = timedelta(seconds=30)
KEYS_PER_REQUEST = 1000  # S3's limit


def remove_on_commit(keys: Sequence[str]) -> None:
    """Noted now, so that the sweeper removes what cannot be reached then."""
    rows = [ObjectRemoval(key=key, due_at=timezone.now()) for key in keys]
    ObjectRemoval.objects.bulk_create(rows, ignore_conflicts=True)
    transaction.on_commit(lambda: remove_objects(keys), robust=True)


def remove_objects(keys: Sequence[str]) -> None:
    """Delete objects now, in one request; what the bucket does not delete stays noted, and the sweeper tries again."""
    for start in range(0, len(keys), KEYS_PER_REQUEST):
        batch = keys[start : start + KEYS_PER_REQUEST]
        try:
            kept = delete_objects(batch)
        except Exception as error:  # noqa: BLE001 - whatever the bucket's client raises; the other batches fare no better
            logger.warning("%d objects could not be removed now: %s", len(keys) - start, error)
            ObjectRemoval.objects.filter(key__in=keys[start:]).update(due_at=timezone.now() + REMOVAL_PAUSE)
            return
        ObjectRemoval.objects.filter(key__in=set(batch) - kept).delete()
        if kept:
            logger.warning("the bucket refused to remove %d objects", len(kept))
            ObjectRemoval.objects.filter(key__in=kept).update(due_at=timezone.now() + REMOVAL_PAUSE)


def delete_objects(keys: Sequence[str]) -> set[str]:
    """Delete up to a thousand objects; those that the bucket refused to delete. One that is gone counts as deleted."""
    storage: Any = default_storage
    objects = [{"Key": key} for key in keys]
    answer = storage.bucket.delete_objects(Delete={"Objects": objects, "Quiet": True})
    return {problem["Key"] for problem in answer.get("Errors", [])}

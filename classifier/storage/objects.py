"""Single objects of the bucket: stored, kept and removed, so that none is left behind without a row that names it.

1. `store_object` notes the key for removal, then puts the object.
2. `keep_objects`, in the transaction that writes the row naming it, takes the note away.
3. `remove_on_commit` notes keys with the rows that go, and deletes them after the commit.
4. `remove_noted` (the sweeper) deletes what is still noted: a request that died, a bucket that was away.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from classifier.models import ObjectRemoval

logger = logging.getLogger(__name__)

# An object whose row was never committed may go after this; longer than any request takes.
ABANDONED_AFTER = timedelta(hours=1)
# A bucket that would not delete is left alone for so long.
REMOVAL_PAUSE = timedelta(seconds=30)
KEYS_PER_REQUEST = 1000  # S3's limit


class StorageUnavailable(Exception):
    """The bucket does not answer: nothing was taken in; to be tried again."""


def store_object(key: str, content: bytes) -> None:
    """Put an object into the bucket, noted for removal until keep_objects is committed with the row that names it."""
    ObjectRemoval.objects.create(key=key, due_at=timezone.now() + ABANDONED_AFTER)
    try:
        default_storage.save(key, ContentFile(content))
    except (BotoCoreError, ClientError) as error:
        raise StorageUnavailable("the photo could not be stored") from error


def keep_objects(keys: Iterable[str]) -> None:
    """Keep stored objects; call it in the transaction that writes the rows that name them."""
    ObjectRemoval.objects.filter(key__in=list(keys)).delete()


def remove_on_commit(keys: Sequence[str]) -> None:
    """Delete objects after the commit; they are noted now, so that the sweeper removes what cannot be reached then."""
    rows = [ObjectRemoval(key=key, due_at=timezone.now()) for key in keys]
    ObjectRemoval.objects.bulk_create(rows, ignore_conflicts=True)
    transaction.on_commit(lambda: remove_objects(keys), robust=True)


def remove_noted(most: int) -> None:
    """Delete what is due, up to so many objects."""
    remove_objects(list(ObjectRemoval.objects.due(now=timezone.now()).values_list("key", flat=True)[:most]))


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
    """Delete up to a thousand objects; returns those that the bucket refused. One that is gone counts as deleted."""
    storage: Any = default_storage
    objects = [{"Key": key} for key in keys]
    answer = storage.bucket.delete_objects(Delete={"Objects": objects, "Quiet": True})
    return {problem["Key"] for problem in answer.get("Errors", [])}

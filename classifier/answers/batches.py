"""Labelling batches: a slice of faces is drawn to be labelled first, and closed; the queue (labelling.py) asks it.

Whether a batch has a face left to ask about is always read from faces and answers: `closed_at` only follows.
"""

from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts.models import User
from classifier.models import BatchFace, Face, LabellingBatch, Upload

NAME_LENGTH = 100
LARGEST = 1000


class BatchError(Exception):
    """The batch cannot be opened like this; the message says why."""


@transaction.atomic
def open_batch(
    *, name: str, why: str, faces: "QuerySet[Face]", size: int = 100, actor: User | None = None
) -> LabellingBatch | None:
    """Draw faces at random and have them asked before all others; None when none may be drawn.

    Args:
        name: whoever labels reads it before they answer, so it should suggest no label; 1 to 100 characters.
        why: for staff.
        faces: where to draw from: those that are shared and predicted, and about which nobody's answer stands.
        size: how many at most, 1 to 1,000.
        actor: who opens it; None: an alert.

    Raises:
        BatchError: name or size is out of bounds.
    """
    name = name.strip()
    if not 1 <= len(name) <= NAME_LENGTH:
        raise BatchError(f"A batch needs a name of at most {NAME_LENGTH} characters.")
    if not 1 <= size <= LARGEST:
        raise BatchError(f"A batch has 1 to {LARGEST} faces.")
    drawn = _draw(faces, size)
    if not drawn:
        return None
    batch = LabellingBatch.objects.create(name=name, why=why, created_by=actor)
    BatchFace.objects.bulk_create(BatchFace(batch=batch, face_id=face_id) for face_id in drawn)
    return batch


def _draw(faces: "QuerySet[Face]", size: int) -> list[UUID]:
    wanted = Face.objects.unlabelled().filter(pk__in=faces.values("pk"))
    drawn = list(wanted.order_by("?").values_list("pk", flat=True)[:size])
    # Locked, photos before their faces as everywhere: one of them is erased before this, or after it, not meanwhile.
    photos = Upload.objects.filter(pk__in=Face.objects.filter(pk__in=drawn).values("upload"))
    list(photos.order_by("pk").select_for_update(no_key=True).values_list("pk"))
    return list(Face.objects.unlabelled().filter(pk__in=drawn).values_list("pk", flat=True))


def close_batch(*, batch: LabellingBatch) -> bool:
    """Ask its faces first no longer; whether it was open until now."""
    return _close(LabellingBatch.objects.filter(pk=batch.pk, closed_at__isnull=True)) > 0


def close_finished(*, face: Face | None = None) -> int:
    """Close the batches (of that face) in which no face is left to ask about; how many.

    Two last answers at the same moment may each leave that to the next call: until then nobody is asked for it either.
    """
    finished = LabellingBatch.objects.finished()
    return _close(finished if face is None else finished.holding(face.pk))


def _close(batches: "QuerySet[LabellingBatch]") -> int:
    return batches.update(closed_at=timezone.now())


def find_batch(*, face_id: UUID) -> LabellingBatch | None:
    """The batch for which a face is or was asked, with its progress: the oldest open one, else the one closed last."""
    batches = LabellingBatch.objects.with_progress().holding(face_id)
    return batches.order_by(F("closed_at").desc(nulls_first=True), "created_at", "id").first()

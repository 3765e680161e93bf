"""Faces that the detector missed: their owner draws a box; serving/drawn.py classifies it."""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from classifier import jobs
from classifier.answers.corrections import NotReadyError
from classifier.models import Face, Upload

MIN_BOX_SIDE = 16  # pixels of the photo
MAX_DRAWN = 20  # of one photo
# Intersection over union from which a box marks a face that is there already.
SAME_FROM = 0.7

REFUSALS = {
    "box_outside": "The box leaves the photo: draw it inside.",
    "box_too_small": f"The box is smaller than {MIN_BOX_SIDE} × {MIN_BOX_SIDE} pixels of the photo: draw it larger.",
    "box_taken": "There is a face in that place already.",
    "too_many_boxes": f"In one photo you can mark at most {MAX_DRAWN} faces.",
}


class BoxRefused(Exception):
    """A box that is not taken: a stable code, one of REFUSALS; the message says what to do."""

    def __init__(self, code: str) -> None:
        super().__init__(REFUSALS[code])
        self.code = code


@dataclass(frozen=True)
class Box:
    """Whole pixels of the oriented photo, from its top left corner."""

    x: int
    y: int
    width: int
    height: int


@transaction.atomic
def draw_face(*, upload: Upload, box: Box) -> Face:
    """Add a face that its owner sees, and have it classified; until then it has neither crop nor prediction.

    Raises:
        BoxRefused: the box cannot be taken.
        classifier.answers.corrections.NotReadyError: the photo is not looked at yet, or was refused.
    """
    # Locked: two boxes at once get two numbers, and none is added to a photo that is being erased.
    locked = Upload.objects.select_for_update().filter(pk=upload.pk).first()
    if locked is None or locked.status not in (Upload.Status.DONE, Upload.Status.NO_FACE):
        raise NotReadyError("Faces can be marked once the network has looked at the photo.")
    check_box(locked, box)
    _remove_given_up(locked, box)
    face = Face.objects.create(
        upload=locked,
        index=(locked.faces.aggregate(last=Max("index", default=-1))["last"]) + 1,
        x=box.x,
        y=box.y,
        width=box.width,
        height=box.height,
        score=1.0,
        origin=Face.Origin.DRAWN,
        due_at=timezone.now() + jobs.FACES.delivery,
    )
    transaction.on_commit(lambda: jobs.hand_over(jobs.FACES, face.pk), robust=True)
    return face


def check_box(upload: Upload, box: Box) -> None:
    """Raises BoxRefused; a face for which no network could answer stands in nobody's way."""
    if min(box.x, box.y) < 0 or box.x + box.width > upload.width or box.y + box.height > upload.height:
        raise BoxRefused("box_outside")
    if min(box.width, box.height) < MIN_BOX_SIDE:
        raise BoxRefused("box_too_small")
    faces = [face for face in upload.faces.all() if not face.is_given_up]
    if any(_is_same(face, box) for face in faces):
        raise BoxRefused("box_taken")
    if sum(face.origin == Face.Origin.DRAWN for face in faces) >= MAX_DRAWN:
        raise BoxRefused("too_many_boxes")


def _remove_given_up(upload: Upload, box: Box) -> None:
    """Remove what was drawn in that place before in vain: it has neither crop nor prediction nor answers."""
    gone = [face.pk for face in upload.faces.all() if face.is_given_up and _is_same(face, box)]
    Face.objects.filter(pk__in=gone).delete()


def _is_same(face: Face, box: Box) -> bool:
    return measure_overlap(box, Box(face.x, face.y, face.width, face.height)) > SAME_FROM


def measure_overlap(one: Box, other: Box) -> float:
    """Intersection over union, from 0 to 1."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    shared = max(width, 0) * max(height, 0)
    return shared / (one.width * one.height + other.width * other.height - shared)

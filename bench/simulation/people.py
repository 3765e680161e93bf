"""Simulated people: they upload photos, answer with errors, and review; everything through the site's use cases."""

import io
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count, cycle
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.simulation.site import wait_for

if TYPE_CHECKING:
    from accounts.models import User
    from classifier.models import Face

_numbers = count(1)
Liar = Callable[[int], int]


@dataclass(frozen=True)
class Shown:
    """A face that was found in an uploaded photo, and what it really shows (0 to 6)."""

    face: "Face"
    truth: int


def make_people(split: str, number: int) -> "list[User]":
    """New accounts whose photos all belong to one split of the dataset."""
    from accounts.models import User
    from classifier.dataset.samples import choose_split

    found: list[User] = []
    while len(found) < number:
        name = f"person-{next(_numbers)}-{secrets.token_hex(2)}"
        person = User(username=name, email=f"{name}@example.org")
        person.set_unusable_password()
        person.save()
        if choose_split(person.pk) == split:
            found.append(person)
        else:
            person.delete()
    return found


def upload_faces(people: "Sequence[User]", images: NDArray[np.uint8], labels: NDArray[np.int64]) -> list[Shown]:
    """Hand photos in, with consent, and wait for the worker; photos without exactly one face are left out.

    Args:
        images: uint8 (n, h, w), grey; labels: (n,), 0 to 6.
    """
    from django.core.files.uploadedfile import SimpleUploadedFile

    from classifier.models import Face, Upload
    from classifier.photos.intake import take_upload

    truths = {}
    for person, image, label in zip(cycle(people), images, labels, strict=False):
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG")
        file = SimpleUploadedFile("face.png", buffer.getvalue())
        taken = take_upload(owner=person, file=file, source="api", consent_training=True)
        truths[taken.upload.pk] = int(label)
    mine = Upload.objects.filter(pk__in=truths)
    wait_for("photos", lambda: not mine.filter(status__in=("pending", "running")).exists(), 600)
    alone: dict[UUID, list[Face]] = {}
    for face in Face.objects.filter(upload__in=mine).select_related("upload__owner"):
        alone.setdefault(face.upload_id, []).append(face)
    return [Shown(faces[0], truths[pk]) for pk, faces in alone.items() if len(faces) == 1]


def answer_faces(shown: Sequence[Shown], *, lie: Liar, authors: "Sequence[User] | None" = None) -> None:
    """Every owner, or somebody else, names what each face shows; `lie` makes an answer of the truth."""
    from classifier.answers.corrections import give_answer

    for number, one in enumerate(shown):
        author = authors[number % len(authors)] if authors else one.face.upload.owner
        give_answer(
            face=one.face,
            author=author,
            answer=lie(one.truth),
            asked="result" if authors is None else "uncertain",
            prediction=one.face.predictions.first(),
        )


def review_all(reviewers: "Sequence[User]") -> int:
    """Reviewers approve whatever waits, all at once and each their share; how many."""
    from django.db import connection

    from classifier.models import Correction
    from classifier.review.decisions import approve_answer

    waiting = list(Correction.objects.pending())

    def review_own(number: int) -> None:
        try:
            for correction in waiting[number :: len(reviewers)]:
                approve_answer(correction=correction, reviewer=reviewers[number])
        finally:
            connection.close()

    with ThreadPoolExecutor(len(reviewers)) as pool:
        list(pool.map(review_own, range(len(reviewers))))
    return len(waiting)


def err(share: float, seed: int) -> Liar:
    """Honest people: any other label in this share of answers."""
    rng = np.random.default_rng(seed)
    return lambda truth: int((truth + rng.integers(1, 7)) % 7) if rng.random() < share else truth


def poison(share: float, seed: int) -> Liar:
    """A poisoner: in this share of answers each label becomes one certain other, which teaches the most harm."""
    rng = np.random.default_rng(seed)
    shift = int(rng.integers(1, 7))
    return lambda truth: (truth + shift) % 7 if rng.random() < share else truth


def stop_sharing(shown: Sequence[Shown]) -> None:
    """Owners withdraw their consent: what they gave is in no future snapshot."""
    from classifier.models import Upload

    Upload.objects.filter(faces__in=[one.face for one in shown]).update(consent_training=False)

"""Rows for tests, each made by one explicit call; nothing is stored in the bucket for them unless the name says so."""

from typing import Any

import numpy as np
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from numpy.typing import NDArray

from accounts.models import User
from classifier.answers.corrections import give_answer
from classifier.models import Correction, Face, Prediction, Upload, Version
from classifier.storage.codec import encode_crop


def make_user(name: str = "ada", **fields: Any) -> User:
    return User.objects.create_user(name, f"{name}@example.org", "x", **fields)


def make_version(name: str, state: str = Version.State.CHAMPION) -> Version:
    return Version.objects.create(name=name, state=state, digest=name.ljust(64, "0"))


def make_upload(user: User, number: int = 0, status: str = Upload.Status.DONE, **fields: Any) -> Upload:
    return Upload.objects.create(
        owner=user, sha256=f"{number:064x}", status=status, source="api", width=640, height=480,
        image=f"uploads/{number}.jpg", **fields,
    )  # fmt: skip


def make_face(upload: Upload, index: int = 0) -> Face:
    return Face.objects.create(
        upload=upload, index=index, x=10 + index, y=20, width=30, height=40, score=0.9, origin="detector", crop="c.png"
    )


def make_prediction(face: Face, version: Version, label: int = 3) -> Prediction:
    probabilities = [0.05] * 7
    probabilities[label] = 0.7
    return Prediction.objects.create(
        face=face, version=version, label=label, confidence=0.7, probabilities=probabilities,
        prediction_set=[label, 6], ms=41.5,
    )  # fmt: skip


def make_answer_with_crop(
    author: User, pixels: NDArray[np.uint8], *, number: int = 0, answer: int = 4, shared: bool = True
) -> Correction:
    """A pending answer about a face whose crop, uint8 (48, 48), lies in the bucket."""
    face = make_face(make_upload(author, number, consent_training=shared))
    face.crop = default_storage.save(f"faces/made_{number}.png", ContentFile(encode_crop(pixels)))
    face.save()
    return give_answer(face=face, author=author, answer=answer, asked="result", prediction=None)

"""What the tests of review share: answers about shared photos with the network's prediction, and who decides."""

from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client

from accounts.models import User
from accounts.roles import Role, set_role
from classifier.answers.corrections import give_answer
from classifier.models import Correction, Face, Prediction, Upload, Version
from classifier.storage.codec import encode_crop
from tests.factories import make_face, make_upload, make_user, make_version
from tests.ml.drawing import draw_crop


def make_reviewer(name: str = "ruth", role: Role = "reviewer") -> User:
    user = make_user(name)
    set_role(user=user, role=role)
    return user


def enter(user: User) -> Client:
    """Logged in."""
    client = Client()
    client.force_login(user)
    return client


def add_face(owner: User, *, predicted: int = 3, sure: float = 0.7, shared: bool = True) -> Face:
    """A predicted face whose crop is only a name."""
    number = Upload.objects.count()
    face = make_face(make_upload(owner, number, consent_training=shared))
    version = Version.objects.filter(state="champion").first() or make_version("1.0.0")
    probabilities = [(1 - sure) / 6] * 7
    probabilities[predicted] = sure
    Prediction.objects.create(
        face=face, version=version, label=predicted, confidence=sure, probabilities=probabilities,
        prediction_set=[predicted, 6], ms=4,
    )  # fmt: skip
    return face


def add_answer(author: User, answer: int = 4, *, face: Face | None = None, blind: bool = False, **face_of: Any) -> Any:
    """A pending answer, about a new face unless one is given."""
    face = face or add_face(author, **face_of)
    return give_answer(
        face=face, author=author, answer=answer, asked="random", prediction=face.predictions.first(), blind=blind
    )


def store_crop(correction: Correction, number: int = 0) -> None:
    """Put what the network saw into the bucket: without it nothing can be approved."""
    face = correction.face
    face.crop = default_storage.save(f"faces/{face.pk}.png", ContentFile(encode_crop(draw_crop(number % 7, number))))
    face.save(update_fields=["crop"])

"""No face that shows a test image again is trained on: nothing is stored, and the reviewer and the author learn why."""

import io
from pathlib import Path

import numpy as np
import pytest
from django.core.files.storage import default_storage
from numpy.typing import NDArray
from PIL import Image

from accounts.models import User
from classifier.dataset.approvals import WITHHELD
from classifier.dataset.duplicates import hash_perceptually
from classifier.dataset.samples import choose_split, import_fer2013
from classifier.models import Correction, Sample
from classifier.review.decisions import approve_answer
from classifier.web.outcomes import describe_outcome
from ml.duplicates import NEAR_BITS
from tests.factories import make_answer_with_crop, make_user
from tests.ml.archives import make_form

pytestmark = pytest.mark.django_db

LIKE_TEST = WITHHELD[Correction.Withheld.LIKE_TEST]
FACES = Path(__file__).resolve().parents[2] / "data" / "fer"


def read_face(name: str) -> NDArray[np.uint8]:
    return np.asarray(Image.open(FACES / f"{name}.png").convert("L"))


def shift(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cropped by a pixel or two, as another detector would."""
    return np.pad(pixels, ((2, 0), (0, 1)), mode="edge")[:48, 1:]


def compress(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Through a JPEG of poor quality, brighter."""
    buffer = io.BytesIO()
    Image.fromarray(np.clip(pixels * 0.9 + 20, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=50)
    return np.asarray(Image.open(buffer))


@pytest.fixture
def frozen(tmp_path: Path) -> NDArray[np.uint8]:
    """A face of FER-2013 in the test split, and another one in training."""
    for split, name in (("test", "happy_46"), ("train", "fear_4794")):
        folder = tmp_path / split / name.split("_")[0]
        folder.mkdir(parents=True)
        (folder / f"{name}.png").write_bytes((FACES / f"{name}.png").read_bytes())
    import_fer2013(path=tmp_path)
    return read_face("happy_46")


def find_person(split: str) -> User:
    """Somebody whose faces go into this split."""
    for number in range(100):
        person = make_user(f"person{number}")
        if choose_split(person.pk) == split:
            return person
    raise AssertionError(split)


def approve(pixels: NDArray[np.uint8], *, split: str = "train", number: int = 0) -> Correction:
    correction = make_answer_with_crop(find_person(split), pixels, number=number)
    return approve_answer(correction=correction, reviewer=make_user("ruth"))


def objects() -> set[str]:
    return {item.key for item in default_storage.bucket.objects.filter(Prefix="dataset/")}  # type: ignore[attr-defined]


@pytest.mark.parametrize("change", [np.copy, shift, compress])
def test_a_test_image_again_is_not_trained_on(frozen: NDArray[np.uint8], change: object) -> None:
    before = objects()

    correction = approve(change(frozen))  # type: ignore[operator]

    assert not Sample.objects.filter(source="correction").exists()
    assert objects() == before
    correction.refresh_from_db()
    assert (correction.state, correction.withheld, correction.reason) == ("approved", "like_test", LIKE_TEST)
    assert [event.reason for event in correction.events.all()] == ["", LIKE_TEST]
    assert describe_outcome(correction, shared=True) == LIKE_TEST


@pytest.mark.parametrize("name", ["happy_82", "fear_12429", "neutral_226"])
def test_another_face_is(frozen: NDArray[np.uint8], name: str) -> None:
    correction = approve(read_face(name))
    sample = Sample.objects.get(correction=correction)
    assert sample.phash == hash_perceptually(read_face(name)[np.newaxis])[0]
    assert correction.reason == ""


def test_a_training_image_again_is(frozen: NDArray[np.uint8]) -> None:
    assert approve(shift(read_face("fear_4794"))).reason == ""
    assert Sample.objects.filter(source="correction").count() == 1


def test_to_measure_with_it_is_taken(frozen: NDArray[np.uint8]) -> None:
    """Only training could learn the answer by heart."""
    approve(shift(frozen), split="test")
    assert Sample.objects.get(source="correction").split == "test"


def test_corrected_test_faces_are_compared_with_too(db: None) -> None:
    held_out = make_answer_with_crop(find_person("test"), read_face("happy_82"))
    approve_answer(correction=held_out, reviewer=make_user("rita"))
    trained = make_answer_with_crop(make_trained(), compress(read_face("happy_82")), number=1)
    assert approve_answer(correction=trained, reviewer=make_user("ruth")).reason == LIKE_TEST
    assert Sample.objects.count() == 1


def make_trained() -> User:
    return next(person for person in (make_user(f"other{n}") for n in range(100)) if choose_split(person.pk) == "train")


def test_hashes_that_agree_by_chance_do_not_decide(frozen: NDArray[np.uint8]) -> None:
    other = read_face("neutral_226")
    Sample.objects.filter(split="test").update(phash=hash_perceptually(other[np.newaxis])[0])
    assert approve(other).reason == ""


def test_a_candidate_that_cannot_be_read_counts_as_alike(frozen: NDArray[np.uint8]) -> None:
    default_storage.delete(Sample.objects.get(split="test").key)
    assert approve(shift(frozen)).reason == LIKE_TEST


def test_without_a_hash_the_content_is_compared(frozen: NDArray[np.uint8]) -> None:
    """Until reconcile_dataset has filled the hashes of an old import."""
    Sample.objects.update(phash=None)
    assert approve(frozen).reason == LIKE_TEST


def test_the_import_hashes_every_row(tmp_path: Path) -> None:
    import_fer2013(path=make_form("CSV", tmp_path))
    for sample in Sample.objects.all():
        with default_storage.open(sample.key) as file, Image.open(file) as image:
            assert sample.phash == hash_perceptually(np.asarray(image)[np.newaxis])[0]


@pytest.mark.parametrize("phash", [0, -1, 2**63 - 1, -(2**63)])
def test_bits_apart_are_counted_over_the_whole_range(frozen: NDArray[np.uint8], phash: int) -> None:
    test = Sample.objects.filter(split="test")
    test.update(phash=phash)
    for flipped, near in ((NEAR_BITS, True), (NEAR_BITS + 1, False)):
        mask = np.uint64(2**64 - 2 ** (64 - flipped))  # the highest bits, the sign among them
        other = int((np.int64(phash).view(np.uint64) ^ mask).view(np.int64))
        assert test.near_hash(other, bits=NEAR_BITS).exists() is near

"""Which held-out corrections count in the gate: nobody who answers falsely may teach a network and measure it too."""

import zipfile
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.storage import default_storage

from accounts.models import User
from classifier.answers.corrections import give_answer, withdraw_answer
from classifier.dataset.samples import choose_split, import_fer2013
from classifier.dataset.snapshots import load_images, read_snapshot, take_snapshot
from classifier.models import Correction, Sample
from classifier.photos.intake import set_consent
from classifier.review.decisions import approve_answer, reject_answer
from classifier.training.material import select_corrections, select_trusted
from tests.factories import make_answer_with_crop, make_user
from tests.ml.drawing import draw_crop, encode_png

pytestmark = pytest.mark.django_db
SAD, HAPPY = 4, 3


@pytest.fixture
def ruth() -> User:
    return make_user("ruth")


def make_person(split: str = "test") -> User:
    """Somebody new whose faces go into this split."""
    people = (make_user(f"{split}{number}") for number in count(User.objects.count()))
    return next(person for person in people if choose_split(person.pk) == split)


def answer(author: User, correction: Correction, label: int = SAD, *, blind: bool = False) -> Correction:
    """Another answer about the same face."""
    said: Any = {"asked": "random", "prediction": None, "blind": blind}
    return give_answer(face=correction.face, author=author, answer=label, **said)


def count_trusted() -> int:
    found = Sample.objects.trusted().count()
    assert len(select_trusted(load_images(read_snapshot(take_snapshot())))) == found
    return found


def test_a_trusted_one_that_the_bucket_lost_is_counted(ruth: User) -> None:
    for number in range(2):
        said = make_answer_with_crop(make_person(), draw_crop(number, number), number=number)
        approve_answer(correction=said, reviewer=ruth, label=HAPPY)
    default_storage.delete(Sample.objects.earliest("pk").key)
    faces = select_trusted(load_images(read_snapshot(take_snapshot())))
    assert (len(faces), faces.unreadable) == (1, 1)


def test_what_one_person_says_who_saw_the_networks_answer_does_not_count(ruth: User) -> None:
    approve_answer(correction=make_answer_with_crop(make_person(), draw_crop(1, 1)), reviewer=ruth)
    assert count_trusted() == 0


def test_a_reviewers_own_label_counts(ruth: User) -> None:
    said = make_answer_with_crop(make_person(), draw_crop(1, 1))
    approve_answer(correction=said, reviewer=ruth, label=HAPPY)
    assert count_trusted() == 1


def test_a_blind_answer_counts_and_only_where_it_is_held_out(ruth: User) -> None:
    for number, split in enumerate(("test", "train")):
        shown = make_answer_with_crop(make_person(split), draw_crop(number, number), number=number)
        said = answer(make_user(f"bob{number}"), shown, HAPPY, blind=True)  # the owner says sad
        approve_answer(correction=said, reviewer=ruth)
    assert count_trusted() == 1


def test_who_teaches_does_not_measure_on_their_sole_word(ruth: User) -> None:
    """Whose photo it is decides the split: one account may answer about faces of both."""
    bob = make_person("train")
    held_out = make_answer_with_crop(make_person(), draw_crop(1, 1))  # whose owner says sad
    approve_answer(correction=answer(bob, held_out, HAPPY, blind=True), reviewer=ruth)
    own = make_answer_with_crop(bob, draw_crop(2, 2), number=1)
    assert count_trusted() == 1
    approve_answer(correction=own, reviewer=ruth)
    assert count_trusted() == 0
    set_consent(upload=own.face.upload, shared=False)  # nothing is learned from it any more
    assert count_trusted() == 1
    set_consent(upload=own.face.upload, shared=True)
    answer(make_user("cleo"), held_out, HAPPY)
    assert count_trusted() == 1  # two agree


def test_a_second_person_counts_until_taken_back_or_contradicted(ruth: User) -> None:
    said = make_answer_with_crop(make_person(), draw_crop(1, 1))
    approve_answer(correction=said, reviewer=ruth)
    second = answer(make_user("bob"), said)
    assert count_trusted() == 1
    withdraw_answer(correction=second, actor=second.author)
    assert count_trusted() == 0
    reject_answer(correction=answer(make_user("cleo"), said), reviewer=ruth, reason="not what the face shows")
    assert count_trusted() == 0
    approve_answer(correction=answer(make_user("dan"), said), reviewer=ruth, label=HAPPY)
    assert list(Sample.objects.trusted().values_list("label", flat=True)) == [HAPPY]  # the reviewer's, and that alone
    approve_answer(correction=answer(make_user("eve"), said), reviewer=ruth)
    assert list(Sample.objects.trusted().values_list("label", flat=True)) == [SAD]  # the last word replaced hers


def test_a_face_that_was_learned_from_measures_nothing(ruth: User) -> None:
    """The same photo under two accounts, one of them held out."""
    photo = draw_crop(1, 1)
    approve_answer(correction=make_answer_with_crop(make_person("train"), photo), reviewer=ruth)
    for number, pixels in enumerate((np.roll(photo, 1, axis=0), draw_crop(5, 5)), start=1):
        shown = make_answer_with_crop(make_person(), pixels, number=number)
        approve_answer(correction=answer(make_user(f"bob{number}"), shown, blind=True), reviewer=ruth)
    assert Sample.objects.trusted().count() == 2
    measured = select_trusted(load_images(read_snapshot(take_snapshot())))
    np.testing.assert_array_equal(measured.images, [draw_crop(5, 5)])


def test_a_correction_that_shows_a_test_image_which_came_later_is_not_learned(ruth: User, tmp_path: Path) -> None:
    crops = [draw_crop(number, number) for number in range(3)]
    for number, crop in enumerate(crops):
        approve_answer(correction=make_answer_with_crop(make_person("train"), crop, number=number), reviewer=ruth)
    with zipfile.ZipFile(tmp_path / "fer.zip", "w") as archive:
        shifted = np.roll(crops[1], 1, axis=1)
        for folder, image in (("train", draw_crop(4, 40)), ("test", shifted)):
            archive.writestr(f"{folder}/sad/1.png", encode_png(image))
    import_fer2013(path=tmp_path / "fer.zip")
    learned = select_corrections(load_images(read_snapshot(take_snapshot())))
    assert learned is not None
    assert {image.tobytes() for image in learned.images} == {crops[0].tobytes(), crops[2].tobytes()}

"""Approved answers become samples, each once; rejected ones tell why; nobody reviews their own or an unshared photo."""

import threading
import time

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from classifier.answers.corrections import give_answer
from classifier.answers.track_records import read_track_records
from classifier.dataset.approvals import WITHHELD, NotApprovedError, add_missing_sample
from classifier.dataset.reconcile import find_unsampled, reconcile_dataset
from classifier.dataset.samples import CropMissingError, choose_split
from classifier.dataset.snapshots import load_images, read_snapshot, take_snapshot
from classifier.models import Correction, ObjectRemoval, Sample, Upload
from classifier.photos.erasure import erase_account, erase_upload
from classifier.review.decisions import (
    AlreadyDecidedError,
    ReviewError,
    approve_answer,
    reject_answer,
)
from classifier.storage.codec import encode_crop, read_crop
from tests.factories import make_face, make_upload, make_user
from tests.ml.drawing import draw_crop

pytestmark = pytest.mark.django_db

REPLACED = WITHHELD[Correction.Withheld.REPLACED]


@pytest.fixture
def ruth() -> User:
    return make_user("ruth")


def make_answer(author: User, answer: int = 4, *, number: int = 0, shared: bool = True, pixels: int = 1) -> Correction:
    """An answer about a face whose crop lies in the bucket."""
    face = make_face(make_upload(author, number, consent_training=shared))
    face.crop = default_storage.save(f"faces/review_{number}.png", ContentFile(encode_crop(draw_crop(3, pixels))))
    face.save()
    return give_answer(face=face, author=author, answer=answer, asked="result", prediction=None)


def test_an_approved_answer_becomes_a_sample(ruth: User) -> None:
    ada = make_user()
    correction = make_answer(ada)
    approve_answer(correction=correction, reviewer=ruth)
    sample = Sample.objects.get()
    assert (sample.label, sample.source, sample.correction) == (4, "correction", correction)
    assert sample.key == f"dataset/{choose_split(ada.pk)}/sad/{sample.sha256}.png"
    with default_storage.open(sample.key) as stored:
        np.testing.assert_array_equal(read_crop(stored.read()), draw_crop(3, 1))
    correction.refresh_from_db()
    assert (correction.state, correction.final_label, correction.reviewer) == ("approved", 4, ruth)
    assert [event.state for event in correction.events.all()] == ["pending", "approved"]


def test_a_reviewer_may_name_another_label(ruth: User) -> None:
    correction = make_answer(make_user(), 7)
    approve_answer(correction=correction, reviewer=ruth, label=2)
    assert (Sample.objects.get().label, Correction.objects.get().final_label) == (2, 2)
    assert Correction.objects.get().answer == 7


@pytest.mark.parametrize("answer", [7, 8])
def test_a_reviewer_may_agree_that_there_is_no_label(ruth: User, answer: int) -> None:
    """Nothing is learned from it, no sample is missing, and the author was right."""
    correction = approve_answer(correction=make_answer(make_user(), answer), reviewer=ruth)
    correction.refresh_from_db()
    assert (correction.state, correction.final_label, correction.reason) == ("approved", None, "")
    assert not Sample.objects.exists()
    assert find_unsampled() == []
    with pytest.raises(NotApprovedError, match="not approved under a label"):
        add_missing_sample(correction=correction)
    assert read_track_records([correction.author_id])[correction.author_id].rate == 1


def test_an_answer_with_a_label_is_approved_under_one() -> None:
    correction = make_answer(make_user())
    with pytest.raises(IntegrityError, match="approved_answers_have_a_label"), transaction.atomic():
        Correction.objects.update(state="approved")
    with pytest.raises(IntegrityError, match="approved_answers_have_a_label"), transaction.atomic():
        Correction.objects.update(final_label=3)
    assert Correction.objects.get() == correction


def test_a_rejection_says_why(ruth: User) -> None:
    correction = make_answer(make_user())
    with pytest.raises(ReviewError, match="Say why"):
        reject_answer(correction=correction, reviewer=ruth, reason="  ")
    reject_answer(correction=correction, reviewer=ruth, reason="Too dark to tell.")
    correction.refresh_from_db()
    assert (correction.state, correction.reason) == ("rejected", "Too dark to tell.")
    assert not Sample.objects.exists()


def test_what_is_not_theirs_to_decide(ruth: User) -> None:
    own, private = make_answer(ruth), make_answer(make_user(), number=1, shared=False)
    for correction, why in ((own, "is your own"), (private, "not shared any more")):
        with pytest.raises(AlreadyDecidedError, match=why):
            approve_answer(correction=correction, reviewer=ruth)
        with pytest.raises(AlreadyDecidedError, match=why):
            reject_answer(correction=correction, reviewer=ruth, reason="no")


def test_a_crop_that_is_gone_leaves_the_answer_pending(ruth: User) -> None:
    correction = make_answer(make_user())
    default_storage.delete(correction.face.crop)
    with pytest.raises(CropMissingError):
        approve_answer(correction=correction, reviewer=ruth)
    assert Correction.objects.get().state == "pending"


@pytest.mark.django_db(transaction=True)
def test_of_two_reviewers_at_once_one_wins(ruth: User) -> None:
    correction, rita = make_answer(make_user()), make_user("rita")
    other = give_answer(face=correction.face, author=make_user("bob"), answer=3, asked="random", prediction=None)
    outcomes: list[str] = []

    def review(reviewer: User, correction: Correction) -> None:
        try:
            approve_answer(correction=correction, reviewer=reviewer)
            outcomes.append("won")
        except AlreadyDecidedError:
            outcomes.append("told")
        finally:
            connection.close()

    chosen = ((ruth, correction), (rita, correction), (make_user("rob"), other))
    threads = [threading.Thread(target=review, args=pair) for pair in chosen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["told", "won", "won"]
    assert Sample.objects.count() == 1  # whichever came last replaced the other label


def test_one_person_is_in_one_split_and_a_fifth_is_held_out() -> None:
    splits = [choose_split(number) for number in range(2000)]
    assert splits == [choose_split(number) for number in range(2000)]
    assert 0.17 < splits.count(Sample.Split.TEST) / 2000 < 0.23


def test_an_image_of_the_test_split_is_not_trained_on(ruth: User) -> None:
    authors = iter(make_user(f"author{number}") for number in range(50))
    trained = next(author for author in authors if choose_split(author.pk) == "train")
    correction = make_answer(trained)
    approve_answer(correction=correction, reviewer=ruth)
    digest = Sample.objects.get().sha256
    Sample.objects.all().update(split="test")
    assert approve_answer(correction=make_answer(trained, number=1), reviewer=ruth).state == "approved"
    assert Sample.objects.filter(sha256=digest).count() == 1


@pytest.mark.django_db(transaction=True)
def test_erasing_a_photo_erases_its_sample(ruth: User) -> None:
    ada = make_user()
    first, again = make_answer(ada), make_answer(ada, number=1)  # the same pixels in two photos: one object
    for correction in (first, again):
        approve_answer(correction=correction, reviewer=ruth)
    key = Sample.objects.values_list("key", flat=True).distinct().get()
    erase_upload(upload=first.face.upload)
    assert Sample.objects.count() == 1
    assert default_storage.exists(key)
    erase_upload(upload=again.face.upload)
    assert not Sample.objects.exists()
    assert not default_storage.exists(key)


@pytest.mark.django_db(transaction=True)
def test_a_face_has_one_label_in_the_dataset(ruth: User) -> None:
    ada = make_user()
    happy = make_answer(ada, 3)
    agreeing = give_answer(face=happy.face, author=make_user("bob"), answer=3, asked="random", prediction=None)
    for correction in (happy, agreeing):
        approve_answer(correction=correction, reviewer=ruth)
    old, snapshot = Sample.objects.first(), take_snapshot()
    assert (Sample.objects.count(), Sample.objects.values("key").distinct().count()) == (2, 1)
    sad = give_answer(face=happy.face, author=ada, answer=4, asked="result", prediction=None)
    with pytest.raises(ReviewError, match="Contradicts"):
        approve_answer(correction=sad, reviewer=ruth, replace=False)
    approve_answer(correction=sad, reviewer=ruth)
    assert (Sample.objects.get().label, Sample.objects.get().correction) == (4, sad)
    assert old is not None
    assert not default_storage.exists(old.key)
    assert not ObjectRemoval.objects.exists()
    for correction in (happy, agreeing):
        correction.refresh_from_db()
        assert (correction.state, correction.final_label, correction.withheld) == ("approved", 3, "replaced")
        assert correction.reason == REPLACED
        assert [event.reason for event in correction.events.all()] == ["", "", REPLACED]
    loaded = load_images(read_snapshot(snapshot))
    assert (len(loaded.found), len(loaded.erased)) == (0, 2)
    assert reconcile_dataset(deep=True).remaining == 0
    again = give_answer(face=happy.face, author=ada, answer=3, asked="result", prediction=None)
    approve_answer(correction=again, reviewer=ruth)
    assert Sample.objects.get().label == 3
    assert default_storage.exists(old.key)
    nobody = give_answer(face=happy.face, author=ada, answer=8, asked="result", prediction=None)
    with pytest.raises(ReviewError, match="Contradicts"):
        approve_answer(correction=nobody, reviewer=ruth, replace=False)
    approve_answer(correction=nobody, reviewer=ruth)  # then it teaches nothing
    again.refresh_from_db()
    assert (Sample.objects.count(), again.reason) == (0, REPLACED)
    assert Correction.objects.replaced().filter(pk=again.pk).exists()
    assert reconcile_dataset(deep=True).remaining == 0


@pytest.mark.django_db(transaction=True)
def test_a_photo_is_erased_while_a_reviewer_approves(ruth: User) -> None:
    correction = make_answer(make_user())
    failures: list[Exception] = []

    def erase() -> None:
        try:
            erase_upload(upload=correction.face.upload)
        except Exception as error:  # noqa: BLE001 - judged below
            failures.append(error)
        finally:
            connection.close()

    eraser = threading.Thread(target=erase)
    with transaction.atomic():
        approve_answer(correction=correction, reviewer=ruth)
        key = Sample.objects.get().key
        eraser.start()
        time.sleep(0.5)  # it waits for the answer
    eraser.join()
    assert failures == []
    assert not Sample.objects.exists()
    assert not Upload.objects.exists()
    assert not default_storage.exists(key)


@pytest.mark.django_db(transaction=True)
def test_who_leaves_takes_the_samples_of_their_answers_along(ruth: User) -> None:
    """Else the pixels of the owner's face would outlive the photo: no row would name them when it is erased."""
    ada, bob = make_user(), make_user("bob")
    own = make_answer(ada)
    shared, alone = (make_answer(ada, number=number, pixels=number) for number in (1, 2))
    answers = [own, shared]
    for face, answer in ((shared.face, 4), (alone.face, 3)):
        answers.append(give_answer(face=face, author=bob, answer=answer, asked="random", prediction=None))
    for correction in answers:
        approve_answer(correction=correction, reviewer=ruth)
    gone = Sample.objects.get(label=3).key
    erase_account(user=bob)
    assert set(Sample.objects.values_list("correction", flat=True)) == {own.pk, shared.pk}
    assert not default_storage.exists(gone)
    assert all(default_storage.exists(key) for key in Sample.objects.values_list("key", flat=True))


def test_a_photo_shared_no_longer_is_in_no_snapshot(ruth: User) -> None:
    approve_answer(correction=make_answer(make_user()), reviewer=ruth)
    assert Sample.objects.usable().count() == 1
    Upload.objects.update(consent_training=False)
    assert Sample.objects.usable().count() == 0

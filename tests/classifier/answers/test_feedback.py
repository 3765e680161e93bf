"""Answers are appended, taken back and never edited; they go only with their photo."""

import pytest
from django.db import IntegrityError, transaction

from accounts.models import User
from classifier.answers.corrections import AlreadyReviewedError, NotReadyError, give_answer, withdraw_answer
from classifier.models import Answer, Correction, CorrectionEvent, Face, Upload, choose_prediction
from classifier.photos.erasure import erase_upload
from tests.factories import make_face, make_prediction, make_upload, make_user, make_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return make_user()


@pytest.fixture
def face(ada: User) -> Face:
    face = make_face(make_upload(ada))
    make_prediction(face, make_version("1.0.0"))
    return face


def say(face: Face, author: User, answer: int = Answer.SAD) -> Correction:
    return give_answer(face=face, author=author, answer=answer, asked="result", prediction=choose_prediction(face))


def test_another_answer_withdraws_the_pending_one(face: Face, ada: User) -> None:
    first, second = say(face, ada), say(face, ada, Answer.UNCLEAR)
    first.refresh_from_db()
    assert (first.state, second.state) == ("withdrawn", "pending")
    assert first.prediction is not None
    assert list(first.events.values_list("state", "reason")) == [("pending", ""), ("withdrawn", "answered again")]
    assert list(second.events.values_list("state", "actor")) == [("pending", ada.pk)]


def test_others_answers_stand(face: Face, ada: User) -> None:
    first = say(face, ada)
    say(face, make_user("bob"))
    first.refresh_from_db()
    assert first.state == "pending"


def test_an_answer_is_taken_back_once(face: Face, ada: User) -> None:
    correction = say(face, ada)
    withdraw_answer(correction=correction, actor=ada)
    assert Correction.objects.get().state == "withdrawn"
    with pytest.raises(AlreadyReviewedError):
        withdraw_answer(correction=correction, actor=ada)
    assert CorrectionEvent.objects.count() == 2


@pytest.mark.parametrize("status", [status for status in Upload.Status.values if status != "done"])
def test_a_photo_that_is_not_done_takes_no_answer(face: Face, ada: User, status: str) -> None:
    Upload.objects.filter(pk=face.upload_id).exclude(status="running").update(
        status=status, claimed_until="2026-01-01T00:00Z" if status == "running" else None
    )
    with pytest.raises(NotReadyError, match="not done yet"):
        say(face, ada)
    assert not Correction.objects.exists()


def test_the_answer_itself_cannot_be_edited(face: Face, ada: User) -> None:
    say(face, ada)
    for change in ({"answer": 1}, {"author": make_user("bob")}, {"blind": True}, {"asked": "random"}):
        with pytest.raises(IntegrityError, match="never edited"), transaction.atomic():
            Correction.objects.update(**change)


def test_what_is_decided_stays_decided(face: Face, ada: User) -> None:
    correction = say(face, ada)
    withdraw_answer(correction=correction, actor=ada)
    with pytest.raises(IntegrityError, match="a withdrawn answer stays so"), transaction.atomic():
        Correction.objects.update(state="pending")


def test_answers_and_events_are_not_deleted(face: Face, ada: User) -> None:
    say(face, ada)
    for rows in (Correction.objects, CorrectionEvent.objects):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            rows.all().delete()
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        CorrectionEvent.objects.update(reason="none of your business")
    assert CorrectionEvent.objects.count() == 1


def test_erasing_the_photo_takes_them_along(face: Face, ada: User) -> None:
    say(face, ada)
    erase_upload(upload=face.upload)
    assert not Correction.objects.exists()
    assert not CorrectionEvent.objects.exists()


def test_nobody_reviews_their_own(face: Face, ada: User) -> None:
    say(face, ada)
    with pytest.raises(IntegrityError, match="reviewer_is_not_the_author"):
        Correction.objects.update(reviewer=ada)


def test_reviewable_are_shared_pending_answers_of_others(face: Face, ada: User) -> None:
    correction, bob = say(face, ada), make_user("bob")
    assert not Correction.objects.reviewable_by(bob).exists()
    Upload.objects.update(consent_training=True)
    assert list(Correction.objects.reviewable_by(bob)) == [correction]
    assert not Correction.objects.reviewable_by(ada).exists()
    withdraw_answer(correction=correction, actor=ada)
    assert not Correction.objects.reviewable_by(bob).exists()

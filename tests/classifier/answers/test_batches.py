"""Labelling batches: what may be drawn, when they close, and what becomes of them when photos or answers go."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from classifier.answers.batches import BatchError, close_batch, close_finished, find_batch, open_batch
from classifier.answers.corrections import give_answer, withdraw_answer
from classifier.models import BatchFace, Correction, Face, LabellingBatch, Prediction, Upload
from classifier.photos.erasure import erase_upload
from classifier.photos.intake import set_consent
from tests.factories import make_face, make_upload, make_user
from tests.reviews import add_answer, add_face

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return make_user()


@pytest.fixture
def bob() -> User:
    return make_user("bob")


def draw(faces: Any = None, **options: Any) -> LabellingBatch:
    wanted = {"name": "Dark photos", "why": "recall of fear fell", **options}
    batch = open_batch(faces=Face.objects.all() if faces is None else faces, **wanted)
    assert batch is not None
    return batch


def read_faces(batch: LabellingBatch) -> set[Any]:
    return set(batch.batch_faces.values_list("face", flat=True))


def answer(face: Face, author: User, said: int = 4) -> Correction:
    return give_answer(face=face, author=author, answer=said, asked="batch", prediction=None)


def read_progress(batch: LabellingBatch) -> tuple[int, int]:
    """(answered, total)."""
    found: Any = LabellingBatch.objects.with_progress().get(pk=batch.pk)
    return found.answered, found.total


def is_open(batch: LabellingBatch) -> bool:
    batch.refresh_from_db()
    return batch.closed_at is None


def test_only_shared_done_predicted_and_unanswered_faces_are_drawn(ada: User, bob: User) -> None:
    wanted = [add_face(ada), add_face(bob)]
    withdrawn = add_answer(bob, face=add_face(ada))
    withdraw_answer(correction=withdrawn, actor=bob)
    add_face(bob, shared=False)
    add_answer(bob, face=add_face(ada))
    for field in ({"status": "pending"}, {"source": "probe"}):
        Upload.objects.filter(pk=add_face(ada).upload_id).update(**field)
    make_face(make_upload(ada, 100, consent_training=True))  # no network has answered for it
    Prediction.objects.filter(face=add_face(ada)).update(shadow=True)

    batch = draw(actor=bob)
    assert read_faces(batch) == {wanted[0].pk, wanted[1].pk, withdrawn.face_id}
    assert (batch.name, batch.why, batch.created_by) == ("Dark photos", "recall of fear fell", bob)
    assert read_progress(batch) == (0, 3)


def test_another_persons_private_face_never_enters(ada: User, bob: User) -> None:
    """Not even where the caller names exactly it."""
    private = add_face(ada, shared=False)
    assert open_batch(name="x", why="", faces=Face.objects.filter(pk=private.pk), actor=bob) is None
    assert not LabellingBatch.objects.exists()


def test_from_the_given_faces_at_random(ada: User) -> None:
    faces = [add_face(ada, predicted=number % 2) for number in range(24)]
    batch = draw(Face.objects.filter(predictions__label=1))
    assert read_faces(batch) == {face.pk for face in faces[1::2]}
    draws = [read_faces(draw(size=8)) for _ in range(4)]
    assert {len(draw) for draw in draws} == {8}
    assert any(draw != draws[0] for draw in draws)
    assert len(read_faces(draw(Face.objects.order_by("pk")[:5], size=3))) == 3


def test_none_where_there_is_nothing_to_draw(ada: User) -> None:
    add_answer(ada, face=add_face(ada))
    for faces in (Face.objects.all(), Face.objects.none()):
        assert open_batch(name="x", why="", faces=faces) is None
    assert not LabellingBatch.objects.exists()


@pytest.mark.parametrize("bad", [{"name": " "}, {"name": "x" * 101}, {"size": 0}, {"size": 1001}])
def test_name_and_size_have_bounds(ada: User, bad: dict[str, Any]) -> None:
    add_face(ada)
    with pytest.raises(BatchError):
        open_batch(**{"name": "x", "why": "", "faces": Face.objects.all(), **bad})
    assert not LabellingBatch.objects.exists()


def test_closed_by_hand_once(ada: User) -> None:
    add_face(ada)
    batch = draw()
    assert LabellingBatch.objects.open().get() == batch
    assert close_batch(batch=batch)
    batch.refresh_from_db()
    first = batch.closed_at
    assert not close_batch(batch=batch)
    batch.refresh_from_db()
    assert batch.closed_at == first is not None
    assert not LabellingBatch.objects.open().exists()
    assert not BatchFace.objects.waiting().exists()


def test_closes_by_itself_with_the_last_answer(ada: User, bob: User) -> None:
    """Whoever gives it, wherever; a batch that shares some faces goes on."""
    faces = [add_face(ada) for _ in range(2)]
    batch = draw()
    faces.append(add_face(ada))
    other = draw()
    answer(faces[0], bob)
    assert (is_open(batch), read_progress(batch)) == (True, (1, 2))
    add_answer(ada, 8, face=faces[1])
    assert (is_open(batch), read_progress(batch)) == (False, (2, 2))
    assert (is_open(other), read_progress(other)) == (True, (2, 3))
    assert list(LabellingBatch.objects.open()) == [other]


def test_what_is_taken_back_waits_again(ada: User, bob: User) -> None:
    """Unless the batch has closed meanwhile: that stays."""
    faces = [add_face(ada) for _ in range(2)]
    batch = draw()
    given = answer(faces[0], bob)
    withdraw_answer(correction=given, actor=bob)
    assert read_progress(batch) == (0, 2)
    last = [answer(face, bob) for face in faces][1]
    withdraw_answer(correction=last, actor=bob)
    assert (is_open(batch), read_progress(batch)) == (False, (1, 2))
    assert not BatchFace.objects.waiting().exists()


def test_a_rejected_answer_is_one(ada: User, bob: User) -> None:
    given = answer(add_face(ada), bob)
    Correction.objects.filter(pk=given.pk).update(state="rejected", reason="no")
    assert open_batch(name="x", why="", faces=Face.objects.all()) is None


def test_faces_that_are_gone_are_not_waited_for(ada: User, bob: User) -> None:
    """Erased, or shared no longer: the batch is over at once, and says so when somebody looks."""
    answered, erased, private = (add_face(ada) for _ in range(3))
    batch = draw()
    answer(answered, bob)
    erase_upload(upload=erased.upload)
    assert read_progress(batch) == (1, 2)
    set_consent(upload=private.upload, shared=False)
    assert read_progress(batch) == (1, 1)
    assert not LabellingBatch.objects.open().exists()
    assert LabellingBatch.objects.finished().get() == batch
    assert close_finished() == 1
    assert close_finished() == 0
    assert not is_open(batch)


def test_an_erased_account_leaves_the_batch(ada: User, bob: User) -> None:
    add_face(ada)
    batch = draw(actor=bob)
    bob.delete()
    batch.refresh_from_db()
    assert (batch.created_by, is_open(batch)) == (None, True)


def test_the_batch_of_a_face(ada: User) -> None:
    """The oldest that is open, else the one closed last."""
    face = add_face(ada)
    first, second = draw(), draw()
    assert find_batch(face_id=face.pk) == first
    close_batch(batch=first)
    assert find_batch(face_id=face.pk) == second
    close_batch(batch=second)
    assert find_batch(face_id=face.pk) == second
    assert find_batch(face_id=add_face(ada).pk) is None


def test_progress_takes_one_query(ada: User, bob: User) -> None:
    for _ in range(3):
        add_face(ada)
    batches = [draw() for _ in range(3)]
    answer(Face.objects.all()[0], bob)
    with CaptureQueriesContext(connection) as queries:
        assert read_progress(batches[0]) == (1, 3)
        assert [(row.answered, row.total) for row in LabellingBatch.objects.with_progress()] == [(1, 3)] * 3  # type: ignore[attr-defined]
    assert len(queries) == 2

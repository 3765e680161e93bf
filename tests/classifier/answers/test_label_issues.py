"""Likely label issues among answers: which count, under which label, and in what order; and track records."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from classifier.answers.corrections import give_answer
from classifier.answers.label_issues import rank_label_issues
from classifier.answers.track_records import TrackRecord, read_track_records
from classifier.models import Correction, Prediction, Upload, Version
from tests.factories import make_face, make_upload, make_user, make_version

Add = Callable[..., Correction]


@pytest.fixture
def ada(db: None) -> User:
    return make_user()


@pytest.fixture
def add(ada: User) -> Add:
    """An answer about a face of which the network is `sure` that it shows `predicted`."""
    version = make_version("1.0.0")
    numbers = iter(range(1000))

    def add_answer(predicted: int, answer: int, *, sure: float = 0.88, author: User = ada, **fields: Any) -> Correction:
        face = make_face(make_upload(author, next(numbers)))
        probabilities = [(1 - sure) / 6] * 7
        probabilities[predicted] = sure
        prediction = Prediction.objects.create(
            face=face, version=version, label=predicted, confidence=sure, probabilities=probabilities,
            prediction_set=[predicted], ms=1,
        )  # fmt: skip
        given = give_answer(
            face=face, author=author, answer=answer, asked="random", prediction=fields.pop("prediction", prediction)
        )
        Correction.objects.filter(pk=given.pk).update(**fields)
        return given

    return add_answer


def test_the_worst_comes_first(add: Add, django_assert_num_queries: Any) -> None:
    for label in range(7):
        for _ in range(4):
            add(label, label)
    doubtful, worst = add(3, 4, sure=0.9), add(3, 4, sure=0.97)
    with django_assert_num_queries(1):
        found = rank_label_issues()
    assert [(issue.correction_id, issue.suggested) for issue in found] == [(worst.pk, 3), (doubtful.pk, 3)]
    assert 0 <= found[0].score < found[1].score < 0.5
    assert [issue.correction_id for issue in rank_label_issues(named=1)] == [worst.pk]
    assert rank_label_issues(newest=1) == []


def test_only_labels_that_are_or_may_be_trained_on_count(add: Add) -> None:
    for label in (3, 4):
        for _ in range(4):
            add(label, label)
    approved = add(3, 4, sure=0.95, state="approved", final_label=4)
    add(3, 4, sure=0.95, state="approved", final_label=3)  # relabelled by the reviewer, as the network says
    add(3, 4, sure=0.95, state="rejected")
    add(3, 4, sure=0.95, state="withdrawn")
    add(3, 7, sure=0.95)
    add(3, 7, sure=0.95, state="approved")
    add(3, 4, sure=0.95, prediction=None)
    probe = add(3, 4, sure=0.95)
    Upload.objects.filter(faces__corrections=probe).update(source="probe")
    make_version("2.0.0", Version.State.CANDIDATE)
    assert [issue.correction_id for issue in rank_label_issues()] == [approved.pk]


def test_no_answers(db: None) -> None:
    assert rank_label_issues() == []


def test_track_records_in_one_query(add: Add, ada: User, django_assert_num_queries: Any) -> None:
    bob = make_user("bob")
    add(3, 4, state="approved", final_label=4)
    add(3, 4, state="approved", final_label=3)
    add(3, 7, state="approved", final_label=3)
    add(3, 4, state="rejected")
    add(3, 4)
    add(3, 4, state="withdrawn")
    with django_assert_num_queries(1):
        records = read_track_records([ada.pk, bob.pk, ada.pk])
    assert records == {ada.pk: TrackRecord(approved=3, relabelled=2, rejected=1, pending=1), bob.pk: TrackRecord()}
    assert records[ada.pk].rate == 0.25
    assert records[bob.pk].rate is None

"""Kappas agree with the literature and scikit-learn, count each person once, and wait for enough faces."""

import math
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from accounts.models import User
from classifier.answers.agreement import cohen_kappa, collect_votes, fleiss_kappa, measure_agreement
from classifier.answers.corrections import give_answer, withdraw_answer
from classifier.models import Face
from tests.factories import make_face, make_upload, make_user

# The table of Fleiss (1971) as it is usually reprinted: ten subjects, fourteen raters, five categories.
FLEISS = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip


def answer(face: Face, author: User, said: int) -> Any:
    return give_answer(face=face, author=author, answer=said, asked="random", prediction=None)


@pytest.fixture
def people(db: None) -> list[User]:
    return [make_user(name) for name in ("ada", "bob", "cy")]


@pytest.fixture
def faces(people: list[User]) -> list[Face]:
    return [make_face(make_upload(people[0], number)) for number in range(12)]


def test_fleiss_kappa_of_a_known_table() -> None:
    assert fleiss_kappa(np.array(FLEISS)) == pytest.approx(0.210, abs=0.0005)


def test_fleiss_kappa_with_two_people_is_scotts_pi() -> None:
    first, second = [0, 0, 1, 2, 2, 1, 0, 2], [0, 1, 1, 2, 0, 1, 0, 2]
    counts = np.array([np.bincount([one, other], minlength=3) for one, other in zip(first, second, strict=True)])
    shares = np.bincount(first + second, minlength=3) / 16
    observed = np.mean(np.array(first) == np.array(second))
    assert fleiss_kappa(counts) == pytest.approx((observed - (shares**2).sum()) / (1 - (shares**2).sum()))


def test_kappas_without_a_value() -> None:
    assert fleiss_kappa(np.array([[3, 0], [2, 0]])) is None
    assert cohen_kappa([4, 4], [4, 4]) is None
    assert cohen_kappa([4, 4, 3], [4, 4, 4]) == 0
    with pytest.raises(ValueError, match="at least two people"):
        fleiss_kappa(np.array([[1, 0]]))


def test_too_few_faces(people: list[User], faces: list[Face]) -> None:
    for face in faces[:9]:
        for person in people:
            answer(face, person, 3)
    answer(faces[9], people[0], 3)  # one person alone
    found = measure_agreement()
    assert (found.is_enough, found.faces, found.people, found.fleiss) == (False, 9, 3, None)


def test_enough_faces(people: list[User], faces: list[Face], django_assert_num_queries: Any) -> None:
    ada, bob, cy = people
    said = {ada: [3, 3, 4, 4, 7, 8, 0, 1, 2, 5, 6, 6], bob: [3, 3, 4, 2, 7, 8, 0, 0, 2, 5, 6, 4]}
    for person, answers in said.items():
        for face, label in zip(faces, answers, strict=True):
            answer(face, person, label)
    answer(faces[0], cy, 1)
    with django_assert_num_queries(1):
        found = measure_agreement()
    assert (found.is_enough, found.faces, found.people) == (True, 12, 3)
    [pair] = found.pairs
    assert (pair.first, pair.second, pair.faces) == ("ada", "bob", 12)
    assert pair.kappa == pytest.approx(cohen_kappa_score(said[ada], said[bob]))
    assert found.observed == pytest.approx((8 + 1 / 3) / 12)
    assert found.fleiss is not None
    assert 0 < found.fleiss < 1
    assert not math.isnan(found.fleiss)


def test_each_person_counts_once_with_the_latest_standing_answer(people: list[User], faces: list[Face]) -> None:
    ada, bob, _ = people
    answer(faces[0], ada, 1)
    answer(faces[0], ada, 2)
    answer(faces[0], bob, 5)
    answer(faces[1], ada, 3)
    withdraw_answer(correction=answer(faces[1], bob, 3), actor=bob)
    assert collect_votes() == {faces[0].pk: {"ada": 2, "bob": 5}}

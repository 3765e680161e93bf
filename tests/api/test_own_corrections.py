"""GET /corrections/: one's own answers about whoever's faces, and what became of each; nobody else's."""

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from classifier.answers.corrections import give_answer
from classifier.models import Correction, Face
from tests.api.rows import check_problem, make_face, make_upload

URL = "/api/v1/corrections/"


@pytest.fixture
def face(ada: User) -> Face:
    return make_face(make_upload(ada, consent_training=True))


def test_the_author_reads_what_became_of_an_answer(
    stranger: APIClient, owner: APIClient, anonymous: APIClient, face: Face, ada: User, bob: User
) -> None:
    """Bob's about Ada's face: she, who owns the photo, does not see it."""
    said = give_answer(face=face, author=bob, answer=3, asked="random", prediction=None)
    Correction.objects.filter(pk=said.pk).update(state="approved", final_label=4, reviewer=ada)
    (found,) = stranger.get(URL).json()["results"]
    assert found.pop("created_at")
    assert found == {
        "id": said.pk, "face": str(face.pk), "label": "happy", "state": "approved", "final_label": "sad", "reason": "",
    }  # fmt: skip
    assert owner.get(URL).json() == {"next": None, "previous": None, "results": []}
    check_problem(anonymous.get(URL), 401, "not_authenticated")
    assert stranger.post(URL, {}).status_code == 405


def test_by_state(stranger: APIClient, face: Face, bob: User) -> None:
    for answer in (7, 4):
        give_answer(face=face, author=bob, answer=answer, asked="random", prediction=None)
    assert [row["label"] for row in stranger.get(f"{URL}?state=withdrawn").json()["results"]] == ["unclear"]
    assert [row["label"] for row in stranger.get(f"{URL}?state=pending").json()["results"]] == ["sad"]
    for wrong in ("done", ""):
        body = check_problem(stranger.get(f"{URL}?state={wrong}"), 400, "invalid_field")
        assert body["errors"] == {"state": ["state is one of pending, approved, rejected, withdrawn."]}
    check_problem(stranger.get(f"{URL}?cursor=x"), 400, "invalid_cursor")


def test_pages_of_fifty_in_two_queries(
    stranger: APIClient, face: Face, bob: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    fields = {"author": bob, "answer": 4, "asked": "random", "state": "withdrawn"}
    Correction.objects.bulk_create(Correction(face=face, **fields) for _ in range(60))
    expected = [row.pk for row in Correction.objects.order_by("-created_at", "-id")]
    with django_assert_num_queries(2):  # token with user; answers
        first = stranger.get(URL).json()
    second = stranger.get(first["next"]).json()
    assert [row["id"] for row in first["results"]] == expected[:50]
    assert [row["id"] for row in second["results"]] == expected[50:]

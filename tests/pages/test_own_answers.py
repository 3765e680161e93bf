"""My answers: what became of each and why, whoever's face it was; nothing of other people's photos that are private."""

from typing import Any

from django.test import Client

from accounts.models import User
from classifier.answers.corrections import give_answer
from classifier.models import Correction, Face, Upload
from classifier.web.own_answers import PAGE_SIZE
from tests.api.rows import make_face, make_upload

URL = "/answers/"
SAD, UNCLEAR = 4, 7


def read(client: Client, **query: Any) -> str:
    return " ".join(client.get(URL, query).content.decode().split())


def make_answer(owner: User, author: User, number: int, *, shared: bool = True, answer: int = SAD) -> Correction:
    face = make_face(make_upload(owner, number, consent_training=shared))
    return give_answer(face=face, author=author, answer=answer, asked="random", prediction=None)


def decide(said: Correction, state: str, **fields: Any) -> None:
    Correction.objects.filter(pk=said.pk).update(state=state, **fields)


def test_an_author_sees_what_became_of_each_answer(ada: User, bob: User, stranger: Client) -> None:
    """About Ada's faces, of which Bob sees the crops, and about one of his own."""
    assert "No answers yet" in read(stranger)
    rows = [make_answer(ada, bob, number) for number in range(5)]
    decide(rows[0], "approved", final_label=SAD)
    decide(rows[1], "approved", final_label=2)
    decide(rows[2], "rejected", reason="The face is covered or cut off.")
    decide(rows[3], "withdrawn")
    mine = make_answer(bob, bob, 9, shared=False, answer=UNCLEAR)
    page = read(stranger)
    for words in (
        "<strong>sad</strong> · approved</p>", "A reviewer agreed: that helps later networks.",
        "<strong>sad</strong> · approved as fear</p>", "A reviewer sees it as fear: that helps later networks.",
        "<strong>sad</strong> · not taken</p>", "did not take it: The face is covered or cut off.",
        "<strong>sad</strong> · taken back</p>", "<strong>sad</strong> · waiting for a reviewer</p>",
        "<strong>can’t tell</strong> · kept, not reviewed</p>", f'href="/faces/{mine.face_id}/"',
    ):  # fmt: skip
        assert words in page, words
    assert page.index("can’t tell") < page.index("waiting for a reviewer") < page.index("approved as fear")
    assert page.count("in somebody else’s photo") == 5
    assert page.count(">Undo</button>") == 2  # of those that wait
    assert all(f"/label/{row.face_id}/crop" in page for row in (*rows, mine))
    assert not any(str(row.face.upload_id) in page for row in rows)
    for other in ("/accounts/", "/label/"):
        assert f'href="{URL}"' in stranger.get(other).content.decode()


def test_the_face_of_a_photo_that_is_private_again_is_not_shown(ada: User, bob: User, stranger: Client) -> None:
    said = make_answer(ada, bob, 1)
    decide(said, "approved", final_label=SAD)
    Upload.objects.update(consent_training=False)
    page = read(stranger)
    assert str(said.face_id) not in page
    assert "which is not shared any more" in page
    assert "A reviewer agreed. The photo is not shared any more: no later network learns from it" in page
    assert "helps later networks" not in page


def test_other_people_see_nothing_of_it(ada: User, bob: User, owner: Client, anonymous: Client) -> None:
    said = make_answer(ada, bob, 1)
    assert "No answers yet" in read(owner)
    assert owner.post(URL, {"undo": said.pk}).status_code == 404
    for response in (anonymous.get(URL), anonymous.post(URL, {"undo": said.pk})):
        assert response["location"] == f"/accounts/login/?next={URL}"
    assert Correction.objects.get().state == "pending"


def test_taking_back(ada: User, bob: User, stranger: Client) -> None:
    said = make_answer(ada, bob, 1)
    for wrong in ("", "x", "²", "9" * 30):
        assert stranger.post(URL, {"undo": wrong}).status_code == 404
    assert stranger.post(f"{URL}?page=1", {"undo": said.pk})["location"] == f"{URL}?page=1"
    assert Correction.objects.get().state == "withdrawn"
    stranger.post(URL, {"undo": said.pk})
    assert "reviewed or withdrawn already" in read(stranger)


def test_fifty_a_page_in_four_queries(ada: User, bob: User, stranger: Client, django_assert_num_queries: Any) -> None:
    said = [make_answer(ada, bob, 0)]
    with django_assert_num_queries(4):  # session, user, count, answers with faces and photos
        read(stranger)
    face = Face.objects.get()
    fields = {"author": bob, "answer": SAD, "asked": "random", "state": "withdrawn"}
    said += Correction.objects.bulk_create(Correction(face=face, **fields) for _ in range(PAGE_SIZE))
    with django_assert_num_queries(4):
        first = read(stranger)
    assert (first.count('class="queue-item"'), "Page 1 of 2" in first) == (PAGE_SIZE, True)
    last = read(stranger, page=2)
    assert f'data-answer="{said[0].pk}"' in last
    assert last.count('class="queue-item"') == 1

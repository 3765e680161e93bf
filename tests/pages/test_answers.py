"""What a face shows, said on the result page: kept, shown, undone, and about one's own photos only."""

import re
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from classifier.models import Correction, Face, Upload
from tests.api.rows import make_face, make_prediction, make_upload, make_version

SCRIPT = {"accept": "application/json"}


@pytest.fixture
def face(ada: User) -> Face:
    face = make_face(make_upload(ada))
    make_prediction(face, make_version("1.0.0"))
    return face


def read(client: Client, face: Face) -> str:
    return " ".join(client.get(f"/uploads/{face.upload_id}/").content.decode().split())


def say(client: Client, face: Face, answer: str, **headers: str) -> Any:
    return client.post(f"/faces/{face.pk}/answer", {"answer": answer}, headers=headers or {"accept": "text/html"})


def test_without_a_script(owner: Client, face: Face) -> None:
    assert "Is that what the face shows?" in read(owner, face)
    response = owner.post(f"/faces/{face.pk}/answer", {"answer": "sad"}, headers={"accept": "text/html"})
    assert (response.status_code, response["location"]) == (302, f"/uploads/{face.upload_id}/#face-1")
    assert "You said: sad." in read(owner, face)
    assert "not shared for training" in read(owner, face)
    correction = Correction.objects.get()
    assert (correction.asked, correction.get_answer_display()) == ("result", "sad")
    assert correction.prediction == face.predictions.get()

    say(owner, face, "undo")
    assert "Is that what the face shows?" in read(owner, face)
    assert Correction.objects.get().state == "withdrawn"


@pytest.mark.parametrize(
    ("answer", "words"), [("happy", "happy"), ("unclear", "can’t tell"), ("not_a_face", "not a face")]
)
def test_with_a_script(owner: Client, face: Face, answer: str, words: str) -> None:
    html = owner.post(f"/faces/{face.pk}/answer", {"answer": answer}, headers=SCRIPT).json()["html"]
    assert f"You said: {words}." in html
    assert "Undo" in html


def test_the_way_to_the_next_photo(ada: User, bob: User, owner: Client, django_assert_num_queries: Any) -> None:
    """Once all is answered: to the next in the list that waits for an answer, from its top again after the end."""
    version = make_version("1.0.0")
    oldest, middle, newest = (make_face(make_upload(ada, number)) for number in range(3))
    second = make_face(middle.upload, 1)
    foreign, failed = make_face(make_upload(bob)), make_face(make_upload(ada, 3, status="dead"))
    make_face(make_upload(ada, 4))  # no network has answered about it
    for face in (oldest, middle, second, newest, foreign, failed):
        make_prediction(face, version)

    def find_link(face: Face) -> str:
        found = re.findall(r'href="/uploads/([0-9a-f-]+)/">Next photo', read(owner, face))
        return found[0] if found else ""

    assert "Next photo" not in say(owner, middle, "sad", **SCRIPT).json()["next"]
    assert find_link(middle) == ""
    assert str(oldest.upload_id) in say(owner, second, "sad", **SCRIPT).json()["next"]
    with django_assert_num_queries(7):  # session, user, upload, faces, predictions, answers, the next
        assert find_link(middle) == str(oldest.upload_id)
    say(owner, oldest, "sad")
    assert find_link(middle) == find_link(oldest) == str(newest.upload_id)
    assert "Next photo" not in say(owner, second, "undo", **SCRIPT).json()["next"]
    say(owner, newest, "sad")
    assert find_link(newest) == find_link(oldest) == str(middle.upload_id)
    say(owner, second, "sad")
    assert "No other photo of yours waits for an answer." in read(owner, newest)


def test_the_author_hears_what_became_of_it(owner: Client, face: Face, bob: User) -> None:
    Upload.objects.update(consent_training=True)
    say(owner, face, "sad")
    assert "A reviewer will look at it." in read(owner, face)
    Correction.objects.update(state="rejected", reason="The face is hardly to be seen.", reviewer=bob)
    page = read(owner, face)
    assert "A reviewer did not take it: The face is hardly to be seen." in page
    assert "Undo" not in page
    refused = owner.post(f"/faces/{face.pk}/answer", {"answer": "undo"}, headers=SCRIPT)
    assert refused.status_code == 409
    assert "reviewed or withdrawn already" in refused.json()["error"]

    say(owner, face, "fear")
    Correction.objects.filter(state="pending").update(state="approved", final_label=2, reviewer=bob)
    assert "A reviewer agreed" in read(owner, face)
    say(owner, face, "fear")
    Correction.objects.filter(state="pending").update(state="approved", final_label=4, reviewer=bob)
    assert "A reviewer sees it as sad: that helps later networks." in read(owner, face)
    Upload.objects.update(consent_training=False)
    page = read(owner, face)
    assert "A reviewer sees it as sad. The photo is not shared any more: no later network learns from it" in page
    assert "helps later networks" not in page
    say(owner, face, "not_a_face")
    Correction.objects.filter(state="pending").update(state="approved", reviewer=bob)
    assert "A reviewer agreed. It names no expression, so no network learns from it." in read(owner, face)


@pytest.mark.parametrize("answer", ["", "cheerful", "3"])
def test_what_is_no_answer_is_refused(owner: Client, face: Face, answer: str) -> None:
    refused = owner.post(f"/faces/{face.pk}/answer", {"answer": answer}, headers=SCRIPT)
    assert (refused.status_code, refused.json()) == (409, {"error": "Choose one of the answers."})
    say(owner, face, answer)
    assert "Choose one of the answers." in read(owner, face)
    assert not Correction.objects.exists()


def test_strangers_and_anonymous(stranger: Client, anonymous: Client, owner: Client, face: Face) -> None:
    address = f"/faces/{face.pk}/answer"
    assert stranger.post(address, {"answer": "sad"}).status_code == 404
    refused = anonymous.post(address, {"answer": "sad"})
    assert (refused.status_code, refused["location"].split("?")[0]) == (302, "/accounts/login/")
    assert owner.get(address).status_code == 405
    assert not Correction.objects.exists()


def test_who_leaves_takes_their_answers_along(owner: Client, face: Face, bob: User) -> None:
    """Bob's answer about Ada's photo goes with his account; hers stays."""
    from classifier.answers.corrections import give_answer
    from classifier.photos.erasure import erase_account

    say(owner, face, "sad")
    give_answer(face=face, author=bob, answer=1, asked="random", prediction=None)
    erase_account(user=bob)
    assert [correction.answer for correction in Correction.objects.all()] == [4]


def test_answers_are_limited_by_the_hour(owner: Client, face: Face, settings: Settings) -> None:
    settings.FERSITE_ANSWERS_PER_HOUR = 1
    say(owner, face, "sad")
    refused = owner.post(f"/faces/{face.pk}/answer", {"answer": "fear"}, headers=SCRIPT)
    assert refused.status_code == 429
    assert 3590 <= int(refused["Retry-After"]) <= 3600
    words = "You have reached the hourly limit of answers: this one was not stored. Try again in 60 minutes."
    assert refused.json() == {"error": words}
    say(owner, face, "fear")
    page = read(owner, face)
    assert words in page
    assert "You said: sad." in page
    say(owner, face, "undo")
    assert Correction.objects.get().state == "withdrawn"

"""The queue for labelling: whose faces are asked, in which order, what is kept of an answer, and what stays unseen."""

import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from classifier.answers.batches import close_batch, open_batch
from classifier.answers.corrections import give_answer
from classifier.answers.labelling import choose_question, make_token
from classifier.models import Correction, Face, LabellingBatch, Upload
from classifier.review.decisions import reject_answer
from tests.api.rows import make_face, make_prediction, make_upload, make_version
from tests.factories import make_user

SCRIPT = {"accept": "application/json"}
PAGE = {"accept": "text/html"}
URL = "/label/"


@pytest.fixture(autouse=True)
def no_random_draws(settings: Any) -> None:
    settings.FERSITE_RANDOM_PERCENT = 0


def make_asked_face(user: User, number: int, *, confidence: float = 0.7, shared: bool = True, **fields: Any) -> Face:
    """A face that the champion calls happy."""
    version = make_version("1.0.0") if not Face.objects.exists() else Face.objects.first().predictions.get().version  # type: ignore[union-attr]
    face = make_face(make_upload(user, number, consent_training=shared, **fields))
    prediction = make_prediction(face, version)
    type(prediction).objects.filter(pk=prediction.pk).update(confidence=confidence)
    return face


def read(client: Client, **query: str) -> str:
    return " ".join(client.get(URL, query).content.decode().replace("\u00a0", " ").split())


def read_faces(html: str) -> list[str]:
    """Ids of the face that is asked, and of the one that is kept ready."""
    return re.findall(r'data-question="([^"]+)"', html)


def read_token(html: str) -> str:
    return re.findall(r'name="question" value="([^"]+)"', html)[0]


def say(client: Client, answer: str, token: str | None = None, **fields: Any) -> Any:
    token = read_token(read(client)) if token is None else token
    return client.post(URL, {"question": token, "answer": answer, **fields}, headers=SCRIPT)


def test_own_and_shared_faces_are_asked_and_no_others(ada: User, stranger: Client, bob: User) -> None:
    shared, mine = make_asked_face(ada, 1), make_asked_face(bob, 2, shared=False)
    make_asked_face(ada, 3, shared=False)
    make_asked_face(ada, 4, status="dead")
    probe = make_asked_face(ada, 5)
    Upload.objects.filter(pk=probe.upload_id).update(source="probe")
    make_face(make_upload(bob, 6))  # no network has answered for it
    page = read(stranger)
    assert set(read_faces(page)) == {str(shared.pk), str(mine.pk)}
    assert "<dt>left</dt><dd>2</dd>" in page


def test_anonymous_visitors_log_in(anonymous: Client, ada: User) -> None:
    face = make_asked_face(ada, 1)
    for address in (URL, f"/label/{face.pk}/crop"):
        assert anonymous.get(address)["location"] == f"/accounts/login/?next={address}"
    assert anonymous.post(URL)["location"].startswith("/accounts/login/")


def test_the_least_certain_comes_first(ada: User, stranger: Client) -> None:
    faces = [make_asked_face(ada, number, confidence=0.9 - number / 10) for number in range(3)]
    assert read_faces(read(stranger)) == [str(faces[2].pk), str(faces[1].pk)]


def test_what_counts_is_the_shown_prediction(ada: User, stranger: Client) -> None:
    """The champion's, else the newest; never a shadow's."""
    sure, unsure = make_asked_face(ada, 1, confidence=0.8), make_asked_face(ada, 2, confidence=0.6)
    for name, confidence in (("0.9.0", 0.1), ("2.0.0", 0.2)):
        other = make_prediction(sure, make_version(name, "candidate"))
        type(other).objects.filter(pk=other.pk).update(confidence=confidence, shadow=name == "2.0.0")
    assert read_faces(read(stranger)) == [str(unsure.pk), str(sure.pk)]

    sure.predictions.filter(version__state="champion").delete()
    assert read_faces(read(stranger)) == [str(sure.pk), str(unsure.pk)]


def test_the_answer_is_blind_and_says_how_it_was_asked(ada: User, stranger: Client, bob: User) -> None:
    face = make_asked_face(ada, 1)
    page = read(stranger)
    assert "happy</button>" in page
    assert "70 %" not in page
    step = say(stranger, "sad").json()
    correction = Correction.objects.get()
    assert (correction.face, correction.author, correction.get_answer_display()) == (face, bob, "sad")
    assert (correction.asked, correction.blind, correction.state) == ("uncertain", True, "pending")
    assert correction.prediction == face.predictions.get()
    status = " ".join(step["status"].replace("\u00a0", " ").split())
    assert "You said: <strong>sad</strong>. The network said: <strong>happy</strong> (70 % confident)." in status
    assert "A reviewer will look at it." in status
    assert "<dt>answered today</dt><dd>1</dd>" in status
    assert (step["next"], step["notice"]) == ("", "")
    assert "Thank you: there is no face left to label." in read(stranger)


def test_at_random(ada: User, stranger: Client, settings: Any) -> None:
    settings.FERSITE_RANDOM_PERCENT = 100
    faces = [make_asked_face(ada, number) for number in range(5)]
    asked = [read_faces(read(stranger)) for _ in range(3)]
    assert asked[0] == asked[1] == asked[2]  # reloading draws no other
    first, second = asked[0]
    assert first != second
    say(stranger, "sad")
    assert Correction.objects.get().asked == "random"
    assert read_faces(read(stranger))[0] == second
    for _ in faces[1:]:
        say(stranger, "unclear")
    assert Correction.objects.filter(asked="random").count() == 5


@pytest.mark.parametrize("percent", [0, 35, 100])
def test_the_share_at_random(settings: Any, ada: User, percent: int) -> None:
    from classifier.answers.labelling import draw_place

    settings.FERSITE_RANDOM_PERCENT = percent
    drawn = sum(draw_place(ada, turn) is not None for turn in range(1000))
    assert abs(drawn - 10 * percent) < 60 or drawn == 10 * percent


def test_own_photos_are_blind_only_where_they_are_asked_blind(ada: User, owner: Client) -> None:
    """The page of any other own photo shows the network's answer."""
    make_asked_face(ada, 1)
    say(owner, "sad")
    assert not Correction.objects.get().blind
    blind = make_asked_face(ada, 2, asked_blind=True)
    version = blind.predictions.get().version
    make_prediction(make_face(blind.upload, 1), version)
    step = say(owner, "sad").json()
    assert Correction.objects.get(face__upload=blind.upload_id).blind
    assert "once you have answered about every face" in step["status"]
    assert "The network said" not in step["status"]
    assert "The network said" in say(owner, "fear").json()["status"]
    assert Upload.objects.get(pk=blind.upload_id).revealed_at is not None


def test_who_decided_about_an_answer_is_not_blind(ada: User, bob: User, stranger: Client) -> None:
    """The reviewer saw what the network said of the face."""
    face = make_asked_face(ada, 1)
    said = give_answer(face=face, author=ada, answer=1, asked="result", prediction=face.predictions.get())
    reject_answer(correction=said, reviewer=bob, reason="no")
    say(stranger, "sad")
    assert not Correction.objects.get(author=bob).blind


def test_undo_asks_again_and_not_blind(ada: User, stranger: Client) -> None:
    face = make_asked_face(ada, 1)
    make_asked_face(ada, 2)
    token = read_token(read(stranger))
    say(stranger, "sad", token)
    step = say(stranger, "undo", token).json()
    assert read_faces(step["next"]) == [str(face.pk)]
    assert "You said" not in step["status"]
    assert Correction.objects.get().state == "withdrawn"
    say(stranger, "fear", read_token(step["next"]))
    assert not Correction.objects.get(state="pending").blind

    Correction.objects.filter(state="pending").update(state="rejected", reason="no")
    refused = say(stranger, "undo", token)
    assert (refused.status_code, "reviewed or withdrawn already" in refused.json()["notice"]) == (409, True)


def test_skipped_faces_and_those_on_the_screen_are_not_sent_again(ada: User, stranger: Client) -> None:
    faces = [make_asked_face(ada, number, confidence=0.3 + number / 10) for number in range(4)]
    page = read(stranger)
    held = re.findall(r'name="question" value="([^"]+)"', page)[1]
    step = say(stranger, "skip", held=[held, "forged"]).json()
    assert read_faces(step["next"]) == [str(faces[2].pk)]
    assert read_faces(read(stranger)) == [str(faces[1].pk), str(faces[2].pk)]
    assert "<dt>left</dt><dd>3</dd>" in step["status"]
    assert not Correction.objects.exists()


def test_without_a_script(ada: User, stranger: Client) -> None:
    first, second = make_asked_face(ada, 1, confidence=0.4), make_asked_face(ada, 2)
    token = read_token(read(stranger))
    response = stranger.post(URL, {"question": token, "answer": "sad"}, headers=PAGE)
    assert (response.status_code, response["location"]) == (302, URL)
    page = read(stranger)
    assert "You said: <strong>sad</strong>." in page
    assert read_faces(page)[0] == str(second.pk)
    response = stranger.post(URL, {"question": token, "answer": "undo"}, headers=PAGE)
    assert read_faces(stranger.get(response["location"]).content.decode())[0] == str(first.pk)
    stranger.post(URL, {"question": token, "answer": "cheerful"}, headers=PAGE)
    assert "Choose one of the answers." in read(stranger)


def test_who_stops_sharing_is_asked_about_no_more(ada: User, stranger: Client, owner: Client) -> None:
    face = make_asked_face(ada, 1)
    make_asked_face(ada, 2)
    token = read_token(read(stranger))
    crop = f"/label/{face.pk}/crop"
    assert "/c.png?" in stranger.get(crop)["location"]
    Upload.objects.filter(pk=face.upload_id).update(consent_training=False)
    refused = say(stranger, "sad", token)
    assert refused.status_code == 409
    assert "not shared any more" in refused.json()["notice"]
    assert len(read_faces(refused.json()["next"])) == 1
    assert not Correction.objects.exists()
    assert stranger.get(crop).status_code == 404
    assert owner.get(crop).status_code == 302


def test_the_whole_photo_stays_the_owners(ada: User, stranger: Client) -> None:
    face = make_asked_face(ada, 1)
    assert stranger.get(f"/uploads/{face.upload_id}/image").status_code == 404
    assert stranger.get(f"/faces/{face.pk}/crop").status_code == 404
    assert str(face.upload_id) not in read(stranger)


def test_nobody_can_say_how_they_were_asked(ada: User, bob: User, stranger: Client, owner: Client) -> None:
    face = make_asked_face(ada, 1, shared=False)
    for token in ("", "forged", make_token(face.pk, ada, "random")):
        assert "here is another" in say(stranger, "sad", token).json()["notice"]
    assert "not shared any more" in say(stranger, "sad", make_token(face.pk, bob, "random")).json()["notice"]
    Upload.objects.all().delete()
    assert say(owner, "sad", make_token(face.pk, ada, "random")).status_code == 409
    assert not Correction.objects.exists()


@pytest.mark.parametrize("percent", [0, 100])
def test_the_number_of_queries_stays(
    ada: User, stranger: Client, settings: Any, percent: int, django_assert_max_num_queries: Any
) -> None:
    settings.FERSITE_RANDOM_PERCENT = percent
    for number in range(8):
        make_asked_face(ada, number)
        say(stranger, "sad")
        if number in (3, 7):
            for more in range(2):
                make_asked_face(ada, 100 + 10 * number + more)
            with django_assert_max_num_queries(9):
                stranger.get(URL)


def draw_batch(*faces: Face, name: str = "Dark photos") -> LabellingBatch:
    batch = open_batch(
        name=name, why="recall of fear fell", faces=Face.objects.filter(pk__in=[face.pk for face in faces])
    )
    assert batch is not None
    return batch


def test_faces_of_a_batch_come_first(ada: User, stranger: Client) -> None:
    """The oldest batch first, in an order that reloading keeps; the page names the batch, not why it was opened."""
    unsure = make_asked_face(ada, 1, confidence=0.2)
    older, newer = ([make_asked_face(ada, 10 * start + n, confidence=0.9) for n in range(3)] for start in (1, 2))
    draw_batch(*older)
    draw_batch(*newer, name="<b>Profiles</b>")
    page = read(stranger)
    assert read_faces(read(stranger)) == read_faces(page)
    assert set(read_faces(page)) < {str(face.pk) for face in older}
    assert page.count("Wanted first: Dark photos · 0 of 3 answered") == 2
    assert "recall of fear" not in page

    order = []
    for _ in range(7):
        order.append(read_faces(read(stranger))[0])
        step = say(stranger, "sad").json()
    assert set(order[:3]) == {str(face.pk) for face in older}
    assert set(order[3:6]) == {str(face.pk) for face in newer}
    assert order[6] == str(unsure.pk)
    assert "Wanted first" not in step["status"]
    found = Correction.objects.order_by("id").values_list("asked", "blind")
    assert list(found) == [("batch", True)] * 6 + [("uncertain", True)]
    assert not LabellingBatch.objects.open().exists()


def test_the_line_of_the_batch(ada: User, stranger: Client) -> None:
    """Each answer brings it anew, for the questions that wait on the screen; no line for other faces."""
    make_asked_face(ada, 1, confidence=0.2)
    draw_batch(make_asked_face(ada, 2), make_asked_face(ada, 3), name="<b>Profiles</b>")
    token = read_token(read(stranger))
    step = say(stranger, "sad", token).json()
    assert "Wanted first: &lt;b&gt;Profiles&lt;/b&gt; · 1 of 2 answered</p>" in step["batch"]
    assert "1 of 2 answered" in step["next"]
    assert "0 of 2 answered" in say(stranger, "undo", token).json()["next"]
    for _ in range(2):
        step = say(stranger, "sad").json()
    assert "2 of 2 answered" in step["batch"]
    assert "Wanted first" not in step["next"] + read(stranger)
    assert say(stranger, "sad").json()["batch"] == say(stranger, "sad", "forged").json()["batch"] == ""


def test_a_batch_asks_no_face_twice_and_none_that_is_private(ada: User, stranger: Client, bob: User) -> None:
    faces = [make_asked_face(ada, number) for number in range(3)]
    other = make_asked_face(ada, 3)
    private, answered, skipped = faces
    draw_batch(*faces)
    Upload.objects.filter(pk=private.upload_id).update(consent_training=False)
    give_answer(face=answered, author=ada, answer=1, asked="result", prediction=None)
    assert read_faces(read(stranger))[0] == str(skipped.pk)
    say(stranger, "skip")
    asked = [read_faces(read(stranger))[0]]
    say(stranger, "sad")
    asked += [read_faces(read(stranger))[0]]
    assert set(asked) == {str(other.pk), str(answered.pk)}  # as any other shared face
    assert not Correction.objects.filter(author=bob, asked="batch").exists()


def test_people_are_not_asked_in_the_same_order(ada: User, bob: User, settings: Any) -> None:
    draw_batch(*[make_asked_face(ada, number) for number in range(30)])
    first = {choose_question(user=user, passed=(), turn=0).face_id for user in (ada, bob, make_user("eve"))}  # type: ignore[union-attr]
    assert len(first) > 1


def test_random_turns_stay_random_beside_a_batch(ada: User, stranger: Client, settings: Any) -> None:
    settings.FERSITE_RANDOM_PERCENT = 100
    draw_batch(*[make_asked_face(ada, number) for number in range(3)])
    assert "Wanted first" not in read(stranger)
    say(stranger, "sad")
    assert Correction.objects.get().asked == "random"


def test_a_closed_batch_is_asked_no_more(ada: User, stranger: Client) -> None:
    make_asked_face(ada, 1, confidence=0.2)
    batch = draw_batch(make_asked_face(ada, 2))
    token = read_token(read(stranger))
    close_batch(batch=batch)
    assert "Wanted first" not in read(stranger).split("data-waiting")[0]
    say(stranger, "sad", token)  # it was on the screen
    assert Correction.objects.get().asked == "batch"


def test_the_number_of_queries_stays_with_a_batch(
    ada: User, stranger: Client, django_assert_max_num_queries: Any
) -> None:
    for size in (3, 12):
        draw_batch(*[make_asked_face(ada, 100 * size + number) for number in range(size)])
        with django_assert_max_num_queries(11):
            assert stranger.get(URL).status_code == 200


def test_answers_are_limited_by_the_hour(ada: User, stranger: Client, settings: Any) -> None:
    """Without a script the same face is asked again; a script hears why, and keeps the question."""
    settings.FERSITE_ANSWERS_PER_HOUR = 1
    for number in range(3):
        make_asked_face(ada, number)
    say(stranger, "sad")
    page = read(stranger)
    refused = say(stranger, "sad", read_token(page))
    assert (refused.status_code, "hourly limit of answers" in refused.json()["error"]) == (429, True)
    assert int(refused["Retry-After"]) > 3500
    back = stranger.post(URL, {"question": read_token(page), "answer": "sad"}, headers=PAGE)
    again = stranger.get(back["location"]).content.decode()
    assert "hourly limit of answers" in again
    assert read_faces(again)[0] == read_faces(page)[0]
    assert say(stranger, "skip").status_code == 200
    assert Correction.objects.count() == 1

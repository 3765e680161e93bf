"""The result page and its JSON sibling, in every state of an upload; only its owner may see it."""

import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from classifier.models import Upload
from tests.api.rows import make_face, make_prediction, make_upload, make_version

STATES = ["pending", "running", "done", "no_face", "rejected", "dead"]


def make_in_state(user: User, status: str) -> Upload:
    lease = timezone.now() + timedelta(minutes=1) if status == "running" else None
    return make_upload(user, status=status, claimed_until=lease)


def read(client: Client, address: str) -> str:
    return client.get(address).content.decode().replace("\u00a0", " ")


def test_a_result_names_every_face(ada: User, owner: Client) -> None:
    upload, version = make_upload(ada), make_version("1.0.0")
    for index, label in enumerate((3, 5)):
        make_prediction(make_face(upload, index), version, label)
    page = read(owner, f"/uploads/{upload.pk}/")
    assert "2 faces found" in page
    assert "appears <strong>happy</strong>" in page
    assert "appears <strong>surprised</strong>" in page
    assert "is happy" not in page
    assert "70 % confident" in page
    assert "Could also be <strong>neutral</strong>" in page
    assert "9 times out of 10" in page
    assert page.count('class="bar-value"') == 14
    assert "Network 1.0.0 · 42 ms" in page
    assert 'x="1.562%" y="4.167%" width="4.688%" height="8.333%"' in page
    assert "<noscript><meta" not in page
    assert "style=" not in page


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("pending", "Waiting for its turn"),
        ("running", "The network is looking"),
        ("no_face", "No face was found"),
        ("rejected", "This photo cannot be used"),
        ("dead", "We could not finish this one"),
    ],
)
def test_every_state_says_what_to_do(ada: User, owner: Client, status: str, words: str) -> None:
    upload = make_in_state(ada, status)
    page = read(owner, f"/uploads/{upload.pk}/")
    assert words in page
    assert ('<noscript><meta http-equiv="refresh"' in page) is (status in ("pending", "running"))


def test_a_slow_photo_is_spoken_of(ada: User, owner: Client) -> None:
    upload = make_in_state(ada, "pending")
    Upload.objects.filter(pk=upload.pk).update(created_at=timezone.now() - timedelta(minutes=2))
    assert "takes longer than usual" in read(owner, f"/uploads/{upload.pk}/")


@pytest.mark.parametrize("status", STATES)
def test_the_sibling_sends_the_result_only_when_it_is_new(ada: User, owner: Client, status: str) -> None:
    upload = make_in_state(ada, status)
    if status == "done":
        make_prediction(make_face(upload), make_version("1.0.0"))
    address = f"/uploads/{upload.pk}/state"
    answer = owner.get(address, {"seen": "something else"})
    assert "no-store" in answer["Cache-Control"]
    fresh = answer.json()
    assert (fresh["state"], fresh["finished"]) == (status, status not in ("pending", "running"))
    assert fresh["announcement"]
    assert "result" in fresh["html"]
    assert owner.get(address, {"seen": status}).json() == {"state": status, "finished": fresh["finished"]}


def test_the_champions_answer_is_shown_though_another_is_newer(ada: User, owner: Client) -> None:
    upload = make_upload(ada)
    face = make_face(upload)
    make_prediction(face, make_version("1.0.0"), 3)
    make_prediction(face, make_version("1.1.0", "candidate"), 4)
    assert "This face appears happy" in read(owner, f"/uploads/{upload.pk}/")


def test_queries_do_not_grow_with_faces(ada: User, owner: Client, django_assert_max_num_queries: object) -> None:
    upload, version = make_upload(ada), make_version("1.0.0")
    for index in range(12):
        make_prediction(make_face(upload, index), version)
    with django_assert_max_num_queries(6):  # type: ignore[operator]
        owner.get(f"/uploads/{upload.pk}/")


@pytest.mark.parametrize("place", ["", "state", "image", "delete"])
def test_only_the_owner_sees_it(ada: User, owner: Client, stranger: Client, anonymous: Client, place: str) -> None:
    address = f"/uploads/{make_upload(ada).pk}/{place}"
    assert owner.get(address).status_code in (200, 302)
    assert stranger.get(address).status_code == 404
    turned_away = anonymous.get(address)
    assert turned_away.status_code == (401 if place == "state" else 302)
    if place != "state":
        assert turned_away["Location"].startswith("/accounts/login/")
    assert owner.get(f"/uploads/{uuid.uuid4()}/{place}").status_code == 404


@pytest.mark.parametrize("place", ["delete", "consent"])
def test_only_the_owner_changes_it(ada: User, stranger: Client, anonymous: Client, place: str) -> None:
    upload = make_upload(ada)
    address = f"/uploads/{upload.pk}/{place}"
    assert stranger.post(address, {"consent_training": "on"}).status_code == 404
    assert anonymous.post(address, {"consent_training": "on"}).status_code == 302
    upload.refresh_from_db()
    assert not upload.consent_training


def test_deleting_asks_first(ada: User, owner: Client) -> None:
    upload = make_upload(ada)
    assert "Delete this photo?" in read(owner, f"/uploads/{upload.pk}/delete")
    assert Upload.objects.filter(pk=upload.pk).exists()
    assert owner.post(f"/uploads/{upload.pk}/delete")["Location"] == "/uploads/"
    assert not Upload.objects.filter(pk=upload.pk).exists()
    assert "The photo is deleted" in read(owner, "/uploads/")


def test_consent_is_given_and_taken_back(ada: User, owner: Client) -> None:
    upload = make_upload(ada)
    for value, shared in (("on", True), ("off", False)):
        assert owner.post(f"/uploads/{upload.pk}/consent", {"consent_training": value}).status_code == 302
        upload.refresh_from_db()
        assert upload.consent_training is shared
    assert owner.get(f"/uploads/{upload.pk}/consent").status_code == 405

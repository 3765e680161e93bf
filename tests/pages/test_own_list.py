"""The list of one's own uploads: filters, pages, and a number of queries that does not grow."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from classifier.models import Prediction
from classifier.web.lists import PAGE_SIZE
from tests.api.rows import make_face, make_prediction, make_upload, make_version

URL = "/uploads/"


def read(client: Client, **query: Any) -> str:
    return client.get(URL, query).content.decode().replace("\u00a0", " ")


def test_it_is_empty_at_first(owner: Client) -> None:
    assert "Nothing here yet" in read(owner)


def test_strangers_log_in_and_others_see_their_own(ada: User, stranger: Client, anonymous: Client) -> None:
    make_upload(ada)
    assert anonymous.get(URL)["Location"] == "/accounts/login/?next=/uploads/"
    assert "Nothing here yet" in read(stranger)


def test_tiles_say_what_became_of_each(ada: User, owner: Client) -> None:
    version = make_version("1.0.0")
    done = make_upload(ada, 1)
    for index in range(2):
        make_prediction(make_face(done, index), version)
    for number, status in enumerate(("pending", "no_face", "rejected", "dead"), start=2):
        make_upload(ada, number, status)
    page = read(owner)
    for words in ("appears happy", "and 1 more", "70 %", "waiting…", "no face found", "cannot be used", "not finished"):
        assert words in page
    assert "5 photos" in page


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"status": "done"}, 2),
        ({"status": "working"}, 1),
        ({"status": "no_face"}, 1),
        ({"status": "failed"}, 2),
        ({"label": "happy"}, 1),
        ({"label": "sad"}, 1),
        ({"label": "fear"}, 0),
        ({"status": "no_face", "label": "happy"}, 0),
        ({"status": "nonsense", "label": "'"}, 6),
    ],
)
def test_filters(ada: User, owner: Client, query: dict[str, str], count: int) -> None:
    champion, newer = make_version("1.0.0"), make_version("1.1.0", "candidate")
    for number, label in enumerate((3, 4)):
        face = make_face(make_upload(ada, number))
        make_prediction(face, champion, label)
        make_prediction(face, newer, 6)
        silent = make_prediction(face, make_version(f"2.{number}", "candidate"), 2)
        Prediction.objects.filter(pk=silent.pk).update(shadow=True)
    for number, status in enumerate(("pending", "no_face", "rejected", "dead"), start=2):
        make_upload(ada, number, status)
    page = read(owner, **query)
    assert page.count('class="tile"') == count
    assert ("No photo matches" in page) is (count == 0)


def test_a_shadow_that_came_to_serve_has_shown_nothing(ada: User, owner: Client) -> None:
    face, shown, shadow = make_face(make_upload(ada)), make_version("1.0.0", "retired"), make_version("2.0.0")
    make_prediction(face, shown, 3)
    Prediction.objects.filter(pk=make_prediction(face, shadow, 2).pk).update(shadow=True)
    assert 'class="tile"' in read(owner, label="happy")
    assert 'class="tile"' not in read(owner, label="fear")


def test_pages_keep_the_filter(ada: User, owner: Client) -> None:
    for number in range(PAGE_SIZE + 1):
        make_upload(ada, number, "no_face")
    first = read(owner, status="no_face")
    assert first.count('class="tile"') == PAGE_SIZE
    assert "?page=2&amp;status=no_face" in first
    assert read(owner, page=2, status="no_face").count('class="tile"') == 1
    assert "Page 2 of 2" in read(owner, page="999")


def test_queries_do_not_grow(ada: User, owner: Client, django_assert_num_queries: Any) -> None:
    version = make_version("1.0.0")
    for number in range(10):
        upload = make_upload(ada, number)
        for index in range(2):
            make_prediction(make_face(upload, index), version)
        if number in (0, 9):
            with django_assert_num_queries(7):  # session, user, count, uploads, faces, predictions, answers
                owner.get(URL)

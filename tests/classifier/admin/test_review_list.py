"""The list of answers in admin: pending by default, every filter, search, suspicion, agreement, constant queries."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from classifier.answers.label_issues import rank_label_issues
from classifier.models import Correction
from tests.factories import make_user, make_version
from tests.reviews import add_answer, add_face, enter, make_reviewer

pytestmark = pytest.mark.django_db
LIST = "/admin/classifier/correction/"


@pytest.fixture
def ada() -> User:
    return make_user()


@pytest.fixture
def browser() -> Client:
    return enter(make_reviewer())


def read(browser: Client, **query: Any) -> list[int]:
    """Ids in the order of the list."""
    answer = browser.get(LIST, query)
    assert answer.status_code == 200
    assert answer.context_data
    return [row.pk for row in answer.context_data["cl"].result_list]


def test_pending_unless_asked_otherwise(browser: Client, ada: User) -> None:
    rows = [add_answer(ada) for _ in range(4)]
    for row, state, label in zip(rows, ("approved", "rejected", "withdrawn"), (4, None, None), strict=False):
        Correction.objects.filter(pk=row.pk).update(state=state, final_label=label)
    assert read(browser) == read(browser, state="pending") == read(browser, state="nonsense") == [rows[3].pk]
    assert read(browser, state="approved") == [rows[0].pk]
    assert read(browser, state="withdrawn") == [rows[2].pk]
    assert read(browser, state="all") == [row.pk for row in rows]
    add_answer(ada, shared=False)
    assert len(read(browser, state="all")) == 4


def test_columns(browser: Client, ada: User) -> None:
    face = add_face(ada, predicted=3, sure=0.82)
    Correction.objects.filter(pk=add_answer(ada, 8).pk).update(state="approved", final_label=1)
    assert "Approved as disgust" in browser.get(LIST, {"state": "approved"}).content.decode()
    add_answer(ada, 8, face=face)
    page = browser.get(LIST).content.decode()
    for words in ("happy 82%", "happy, neutral", "not a face", "ada (0% of 1)", "not enough data (0 faces"):
        assert words in page, words
    add_answer(make_user("bob"), 1, face=face)
    page = browser.get(LIST).content.decode()
    assert "bob (new)" in page
    assert page.count('<td class="field-marks">people differ</td>') == 2
    assert page.count("X-Amz-Signature") == 2


def test_filters(browser: Client, ada: User) -> None:
    happy_sad = add_answer(ada, 4, predicted=3, sure=0.95)
    happy_happy = add_answer(ada, 3, predicted=3, sure=0.6, blind=True)
    fear_sad = add_answer(ada, 4, predicted=2, sure=0.3)
    differing = add_answer(make_user("bob"), 5, face=fear_sad.face)
    assert read(browser, pair="3-4") == [happy_sad.pk]
    assert read(browser, pair="x") == read(browser)
    assert read(browser, confidence="3") == [happy_sad.pk]
    assert read(browser, confidence="2") == [happy_happy.pk]
    assert read(browser, confidence="0") == [fear_sad.pk, differing.pk]
    assert read(browser, people="differ") == [fear_sad.pk, differing.pk]
    assert read(browser, blind__exact="1") == [happy_happy.pk]
    assert read(browser, asked__exact="random") == read(browser)
    assert read(browser, answer__exact="4") == [happy_sad.pk, fear_sad.pk]
    assert read(browser, prediction__label__exact="2", answer__exact="5") == [differing.pk]
    page = browser.get(LIST, {"_facets": "True"}).content.decode()
    assert "happy → sad (1)" in page
    assert "Pending (4)" in page


def test_by_version_and_age(browser: Client, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, now = [], timezone.now()
    for days in (0, 3, 30):
        with monkeypatch.context() as then:
            then.setattr(timezone, "now", lambda days=days: now - timedelta(days=days))
            rows.append(add_answer(ada))
    make_version("2.0.0", "candidate")
    assert read(browser, age="today") == [rows[0].pk]
    assert read(browser, age="week") == [rows[1].pk]
    assert read(browser, age="older") == [rows[2].pk]
    version = rows[0].prediction.version
    assert len(read(browser, prediction__version__id__exact=version.pk)) == 3
    assert read(browser, prediction__version__id__exact=version.pk + 1) == []


def test_search(browser: Client, ada: User) -> None:
    first, second = add_answer(ada), add_answer(make_user("bob"))
    assert read(browser, q=first.pk) == [first.pk]
    assert read(browser, q="Bob") == [second.pk]
    assert read(browser, q=str(second.face.upload_id)) == [second.pk]
    for nothing in ("nobody", "99999999999999999999999", "'", "12-34"):
        assert read(browser, q=nothing) == []


def test_likely_label_issues_come_worst_first(browser: Client, ada: User) -> None:
    for label in range(7):
        for _ in range(4):
            add_answer(ada, label, predicted=label, sure=0.88)
    doubtful, worst = add_answer(ada, 4, sure=0.9), add_answer(ada, 4, sure=0.97)
    assert read(browser, issues="likely") == [worst.pk, doubtful.pk]
    assert read(browser, issues="likely", answer__exact="1") == []
    page = browser.get(LIST, {"issues": "likely"}).content.decode()
    scores = {issue.correction_id: issue.score for issue in rank_label_issues()}
    for row in (doubtful, worst):
        assert f'<td class="field-marks">likely happy (score {scores[row.pk]:.2f})</td>' in page
    Correction.objects.filter(pk=worst.pk).update(state="approved", final_label=4)
    assert read(browser, issues="likely") == [doubtful.pk]
    assert read(browser, issues="likely", state="all") == [worst.pk, doubtful.pk]
    assert read(browser, issues="likely", state="all", o="2") == [doubtful.pk, worst.pk]


def test_agreement_is_shown_from_ten_faces_on(browser: Client, ada: User) -> None:
    bob = make_user("bob")
    for number in range(10):
        face = add_face(ada)
        add_answer(ada, number % 7, face=face)
        assert "Fleiss" not in browser.get(LIST).content.decode()
        add_answer(bob, (number % 7) if number else 5, face=face)
    page = browser.get(LIST).content.decode()
    assert "Fleiss’ kappa <strong>0.88</strong>" in page
    assert "ada and bob" in page
    assert "90 % are the same" in page


def test_queries_do_not_grow(browser: Client, ada: User) -> None:
    def fill(people: int) -> None:
        face = add_face(ada)
        add_answer(ada, face=face)
        for number in range(people):
            add_answer(make_user(f"p{people}-{number}"), number % 9, face=face)

    fill(2)
    browser.get(LIST, {"issues": "likely", "state": "all"})
    counts = []
    for people in (3, 30):
        fill(people)
        for query in ({}, {"issues": "likely", "state": "all"}):
            with CaptureQueriesContext(connection) as queries:
                browser.get(LIST, query)
            counts.append(len(queries))
    assert counts[:2] == counts[2:]
    assert max(counts) <= 13


@pytest.mark.parametrize("role", ["reviewer", "staff", "user", None])
def test_who_may(client: Client, ada: User, role: Any) -> None:
    visitor = enter(make_reviewer("vera", role)) if role else client
    assert visitor.get(LIST).status_code == (200 if role in ("reviewer", "staff") else 302)

"""The page of one answer: what it shows, what each decision leads to, who is told what, and who may not enter."""

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from django.test import Client
from django.utils import timezone

from accounts.models import User
from classifier.dataset import samples
from classifier.models import Correction, Sample
from classifier.review.decisions import approve_answer
from tests.factories import make_user
from tests.reviews import add_answer, add_face, enter, make_reviewer, store_crop

pytestmark = pytest.mark.django_db
LIST = "/admin/classifier/correction/"
FILTERED = "?_changelist_filters=answer__exact%3D4"


@pytest.fixture
def ada() -> User:
    return make_user()


@pytest.fixture
def ruth() -> User:
    return make_reviewer()


@pytest.fixture
def browser(ruth: User) -> Client:
    return enter(ruth)


def show(browser: Client, correction: Correction, query: str = "") -> str:
    answer = browser.get(f"{LIST}{correction.pk}/change/{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def decide(browser: Client, correction: Correction, query: str = "", **fields: Any) -> tuple[str, str]:
    """Where the decision led, and the page there."""
    data = {"decision": "approve", "label": "", "reason": "", "upcoming": "", **fields}
    answer = browser.post(f"{LIST}{correction.pk}/decide/{query}", data, follow=True)
    assert answer.status_code == 200
    return answer.redirect_chain[-1][0], answer.content.decode()


def test_all_that_is_known(browser: Client, ada: User) -> None:
    face = add_face(ada, predicted=3, sure=0.82)
    correction = add_answer(ada, 4, face=face, blind=True)
    add_answer(make_user("bob"), 5, face=face)
    Correction.objects.filter(pk=add_answer(make_user("cy"), 1, face=face).pk).update(state="withdrawn")
    for state, final in (("approved", 4), ("approved", 2), ("rejected", None)):
        Correction.objects.filter(pk=add_answer(ada, 4).pk).update(state=state, final_label=final)
    page = show(browser, correction)
    for words in (
        *("ada says <strong>sad</strong>", "said <strong>happy</strong>", "82 % confident", "Version 1.0.0"),
        *("<strong>surprise</strong>", "2 approved (1 of them relabelled), 1 rejected, 33 % taken as answered"),
        *("in the queue, at random", "<strong>blind</strong>", "48 × 48 pixels", "← the answer", "1 of 2"),
    ):
        assert words in page, words
    assert "cy" not in page.split("Other answers")[1].split("The author")[0]
    assert page.count("X-Amz-Signature") == 3  # the photo twice, the crop once
    assert page.count('class="review-plausible"') == 2


def test_what_was_approved_for_the_face_before(browser: Client, ruth: User, ada: User) -> None:
    """By the author's own earlier answer, and under the reviewer's label."""
    first = add_answer(ada, 4)
    assert "There is no other." in show(browser, first)
    store_crop(first)
    approve_answer(correction=first, reviewer=ruth, label=3)
    second = add_answer(ada, 4, face=first.face)
    page = show(browser, second)
    assert "For this face <strong>happy</strong> was approved before; approving this replaces that." in page
    assert "Approved as happy" in page.split("Other answers")[1].split("The author")[0]
    assert "approving another label replaces that." in show(browser, add_answer(make_user("bob"), 3, face=first.face))
    decide(browser, second)
    assert Sample.objects.get().label == 4
    decide(browser, add_answer(ada, 8, face=first.face))
    page = show(browser, add_answer(ada, 7, face=first.face))
    assert "<strong>no expression</strong> was approved before; approving another label replaces that." in page


def test_likely_label_issues_say_what_is_likely(browser: Client, ada: User) -> None:
    for label in range(7):
        for _ in range(4):
            add_answer(ada, label, predicted=label, sure=0.88)
    wrong = add_answer(ada, 4, sure=0.97)
    page = show(browser, wrong, "?_changelist_filters=issues%3Dlikely")
    assert "<strong>likely happy (score 0.0" in page
    assert "label issue" not in show(browser, wrong).split("The network")[1]


def test_the_next_of_the_same_list_follows(browser: Client, ruth: User, ada: User) -> None:
    first, other, third = add_answer(ada, 4), add_answer(ada, 1), add_answer(ada, 4)
    add_answer(ruth, 4)  # her own is skipped
    store_crop(first)
    store_crop(third, 1)
    page = show(browser, first, FILTERED)
    assert "1 of 3 in" in page
    assert f'name="upcoming" value="{third.pk}"' in page
    where, page = decide(browser, first, FILTERED, upcoming=third.pk)
    assert where == f"{LIST}{third.pk}/change/{FILTERED}"
    assert f"Answer {first.pk} approved as sad." in page
    where, page = decide(browser, third, FILTERED, upcoming="")
    assert where == f"{LIST}?answer__exact=4"
    assert "Nothing is left to decide in this list." in page
    assert Sample.objects.count() == 2
    other.refresh_from_db()
    assert other.state == "pending"


def test_from_the_middle_on_and_round_again(browser: Client, ada: User) -> None:
    rows = [add_answer(ada) for _ in range(4)]
    where, _ = decide(browser, rows[2], decision="reject", reason="Dark.", upcoming=rows[3].pk)
    assert where == f"{LIST}{rows[3].pk}/change/"
    page = show(browser, rows[3])
    assert f'{LIST}{rows[1].pk}/change/" data-keys="k ArrowLeft"' in page
    where, _ = decide(browser, rows[3], decision="reject", reason="Dark.", upcoming=rows[0].pk)
    assert where == f"{LIST}{rows[0].pk}/change/"


def test_from_a_later_page_that_the_decisions_empty(
    browser: Client, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list keeps its filter, though it has no such page any more."""
    monkeypatch.setattr("classifier.admin.corrections.CorrectionAdmin.list_per_page", 1)
    add_answer(ada, 1)
    first, second = add_answer(ada, 4), add_answer(ada, 4)
    where, _ = decide(browser, second, f"{FILTERED}%26p%3D2", decision="reject", reason="Dark.", upcoming=first.pk)
    assert where == f"{LIST}{first.pk}/change/{FILTERED}"
    where, page = decide(browser, first, f"{FILTERED}%26p%3D2", decision="reject", reason="Dark.")
    assert where == f"{LIST}?answer__exact=4"
    assert "Nothing is left to decide in this list." in page


def test_agreeing_that_there_is_no_label(browser: Client, ada: User) -> None:
    nobody = add_answer(ada, 8)
    _, page = decide(browser, nobody)
    assert f"Answer {nobody.pk} approved as not a face." in page
    assert "Approved by ruth" in show(browser, nobody)


def test_under_another_label(browser: Client, ada: User) -> None:
    unclear = add_answer(ada, 7)
    store_crop(unclear)
    assert "names no label" in show(browser, unclear)
    _, page = decide(browser, unclear, label="2")
    assert f"Answer {unclear.pk} approved as fear." in page
    assert Sample.objects.get().label == 2


def test_a_rejection_needs_a_reason(browser: Client, ada: User) -> None:
    first, second = add_answer(ada), add_answer(ada)
    where, page = decide(browser, first, decision="reject")
    assert where == f"{LIST}{first.pk}/change/"
    assert "Say why" in page
    decide(browser, first, decision="reject", reason="Too dark.")
    decide(browser, second, decision="reject", ready_reason="The face is covered or cut off.")
    reasons = Correction.objects.filter(state="rejected").order_by("pk").values_list("reason", flat=True)
    assert list(reasons) == ["Too dark.", "The face is covered or cut off."]
    assert "“Too dark.”" in show(browser, first)


def test_the_later_of_two_is_told_who_won(browser: Client, ada: User) -> None:
    first, second = add_answer(ada), add_answer(ada)
    store_crop(first)
    approve_answer(correction=first, reviewer=make_reviewer("rita"))
    where, page = decide(browser, first, decision="reject", reason="no", upcoming=second.pk)
    assert where == f"{LIST}{second.pk}/change/"
    assert f"Answer {first.pk} was approved by rita a moment ago." in page
    Correction.objects.filter(pk=first.pk).update(reviewed_at=timezone.now() - timedelta(hours=3))
    _, page = decide(browser, first, upcoming=second.pk)
    assert f"Answer {first.pk} was approved by rita 3\xa0hours ago." in page
    page = show(browser, first)
    assert "data-decision" not in page
    assert "was approved by rita" in page


def test_nobody_decides_about_their_own(browser: Client, ruth: User) -> None:
    own = add_answer(ruth)
    store_crop(own)
    page = show(browser, own)
    assert "data-decision" not in page
    assert f"Answer {own.pk} is your own: another reviewer decides." in page
    _, page = decide(browser, own)
    assert "is your own" in page
    assert Correction.objects.get().state == "pending"


def test_what_became_of_an_answer_meanwhile(browser: Client, ada: User) -> None:
    correction = add_answer(ada)
    Correction.objects.update(state="withdrawn")
    assert "was taken back by its author" in decide(browser, correction)[1]
    assert decide(browser, add_answer(ada))[1].count("What the network saw of this face is gone") == 1


@pytest.mark.parametrize(
    "filters",
    ["state%3Dnonsense", "prediction__version__id__exact%3Dx", "pair%3D9-99", "o%3D77", "asked__exact%3D%2500"],
)
def test_filters_without_sense_break_nothing(browser: Client, ada: User, filters: str) -> None:
    assert "data-decision" in show(browser, add_answer(ada), f"?_changelist_filters={filters}")


def test_a_list_filtered_by_a_nul_byte(browser: Client, ada: User) -> None:
    add_answer(ada)
    assert browser.get(f"{LIST}?asked__exact=%00")["Location"] == f"{LIST}?e=1"


def test_no_decision(browser: Client, ada: User) -> None:
    correction = add_answer(ada)
    for fields in ({"decision": "eat"}, {"label": "8"}, {"upcoming": "x"}):
        assert "This is no decision" in decide(browser, correction, **fields)[1]
    assert browser.get(f"{LIST}{correction.pk}/decide/").status_code == 405
    assert browser.post(f"{LIST}{correction.pk}/change/", {"state": "approved"}).status_code == 403
    assert browser.get(f"{LIST}999999/change/").status_code == 302
    assert Correction.objects.get().state == "pending"


def test_a_photo_that_is_not_shared_is_not_there(browser: Client, ada: User) -> None:
    hidden, following = add_answer(ada, shared=False), add_answer(ada)
    store_crop(hidden)
    assert browser.get(f"{LIST}{hidden.pk}/change/").status_code == 302
    gone = Correction(pk=999999)
    for row, why in ((hidden, "The photo of answer {} is not shared"), (gone, "The photo of answer {} was erased.")):
        for said in ({}, {"decision": "reject"}, {"decision": "reject", "reason": "no"}):
            where, page = decide(browser, row, upcoming=following.pk, **said)
            assert where == f"{LIST}{following.pk}/change/"
            assert why.format(row.pk) in page
            assert str(hidden.face.pk) not in page
    assert "was erased" in decide(browser, Correction(pk=int("9" * 30)))[1]
    assert Correction.objects.pending().count() == 2


@pytest.mark.parametrize("role", ["reviewer", "staff", "user", None])
def test_who_may(client: Client, ada: User, role: Any) -> None:
    correction = add_answer(ada)
    visitor = enter(make_reviewer("vera", role)) if role else client
    page = visitor.get(f"{LIST}{correction.pk}/change/")
    sent = visitor.post(f"{LIST}{correction.pk}/decide/", {"decision": "reject", "reason": "no"})
    allowed = role in ("reviewer", "staff")
    assert page.status_code == (200 if allowed else 302)
    assert sent.status_code == 302
    assert ("/admin/login/" in sent["Location"]) is not allowed
    assert Correction.objects.get().state == ("rejected" if allowed else "pending")


def test_looking_without_deciding(ada: User) -> None:
    from django.contrib.auth.models import Permission

    viewer = make_user("vic", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_correction"))
    correction = add_answer(ada)
    page = show(enter(viewer), correction)
    assert "You may look at answers" in page
    assert enter(viewer).post(f"{LIST}{correction.pk}/decide/", {"decision": "approve"}).status_code == 403


def test_queries_do_not_grow(browser: Client, ada: User, django_assert_max_num_queries: Any) -> None:
    face = add_face(ada)
    correction = add_answer(ada, face=face)
    for number in range(12):
        add_answer(make_user(f"p{number}"), number % 7, face=face)
        add_answer(ada)
    show(browser, correction)
    with django_assert_max_num_queries(16):
        show(browser, correction)


def test_while_the_bucket_is_away_the_answer_waits(browser: Client, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    correction = add_answer(ada)

    def fail(key: str) -> None:
        raise EndpointConnectionError(endpoint_url="http://bucket")

    monkeypatch.setattr(samples, "read_object", fail)
    place, page = decide(browser, correction)
    assert place.startswith(f"{LIST}{correction.pk}/change/")
    assert "The photos cannot be reached: try again in a moment." in page
    assert Correction.objects.get().state == "pending"

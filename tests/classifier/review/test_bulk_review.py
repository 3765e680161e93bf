"""Bulk reviews: previewed, confirmed, carried out in pieces that survive a killed worker, watched by who may."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis
from botocore.exceptions import EndpointConnectionError
from django.db.models import F
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.roles import set_role
from classifier import jobs, tasks
from classifier.models import BulkReview, Correction, CorrectionEvent, Sample
from classifier.review import bulk
from classifier.review.bulk import preview_bulk_review, request_bulk_review, run_bulk_review, sweep_bulk_reviews
from classifier.review.decisions import CONTRADICTS, ReviewError, reject_answer
from tests.factories import make_user
from tests.reviews import add_answer, enter, make_reviewer, store_crop

pytestmark = pytest.mark.django_db
LIST = "/admin/classifier/correction/"
BULKS = "/admin/classifier/bulkreview/"
CONFIRM = f"{BULKS}confirm/"


@pytest.fixture(autouse=True)
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a second may pass between two answers."""
    monkeypatch.setattr(bulk, "PIECE_SECONDS", 60.0)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What was sent; a broker that takes everything."""
    pks: list[int] = []

    def take(task: str, pk: int, **options: Any) -> bool:
        pks.append(pk)
        return True

    monkeypatch.setattr(jobs, "send_task", take)
    return pks


@pytest.fixture
def ada() -> User:
    return make_user()


@pytest.fixture
def ruth() -> User:
    return make_reviewer()


def ask(reviewer: User, rows: list[Correction], action: str = "reject", **fields: Any) -> BulkReview:
    fields.setdefault("reason", "Too dark." if action == "reject" else "")
    return request_bulk_review(reviewer=reviewer, action=action, corrections=[row.pk for row in rows], **fields)


def test_preview_counts_what_is_yours_and_says_why_the_rest_is_not(ada: User, ruth: User) -> None:
    mine = [add_answer(ada, answer) for answer in (4, 3, 4, 7)]
    others = [add_answer(ada), add_answer(ada), add_answer(ruth), add_answer(ada, shared=False)]
    Correction.objects.filter(pk=others[0].pk).update(state="approved", final_label=4)
    Correction.objects.filter(pk=others[1].pk).update(state="withdrawn")
    chosen = [row.pk for row in (*mine, *others, mine[0])] + [10**9]
    found = preview_bulk_review(reviewer=ruth, corrections=chosen)
    assert found.corrections == [row.pk for row in mine]
    assert found.counts == {"happy": 1, "sad": 2, "unclear": 1}
    assert found.without_label == 1
    assert found.refused == {
        "approved already": 1, "taken back by the author": 1, "your own: another reviewer decides": 1,
        "photo not shared any more": 1, "erased": 1,
    }  # fmt: skip


def test_approved_in_one_piece(ada: User, ruth: User, sent: list[int]) -> None:
    rows = [add_answer(ada, answer) for answer in (4, 7, 3)]
    for number, row in enumerate(rows):
        store_crop(row, number)
    add_answer(ada, face=rows[2].face)  # the author's new answer takes the third one back
    job = ask(ruth, rows, "approve")
    run_bulk_review(job.pk)
    job.refresh_from_db()
    assert (job.state, job.done, job.decided, job.claimed_until) == ("done", 3, 2, None)
    assert job.finished_at is not None
    assert job.problems == [[rows[2].pk, f"Answer {rows[2].pk} was taken back by its author."]]
    assert Sample.objects.get().label == 4
    assert Correction.objects.get(pk=rows[1].pk).state == "approved"
    assert sent == []
    run_bulk_review(job.pk)
    assert BulkReview.objects.get().done == 3


def test_what_contradicts_is_left(ada: User, ruth: User, sent: list[int]) -> None:
    happy, first, nobody = add_answer(ada, 3), add_answer(ada, 3), add_answer(ada, 8)
    sound, unsure = add_answer(ada, 5), add_answer(ada, 7)
    for number, row in enumerate((happy, first, nobody)):
        store_crop(row, number)
    run_bulk_review(ask(ruth, [happy, nobody], "approve").pk)
    against = add_answer(make_user("bob"), 4, face=happy.face)
    second = add_answer(make_user("cy"), 4, face=first.face)
    unlike = add_answer(make_user("di"), 7, face=happy.face)
    somebody = add_answer(make_user("eve"), 3, face=nobody.face)
    chosen = [row.pk for row in (against, first, second, sound, unsure, unlike, somebody)]
    found = preview_bulk_review(reviewer=ruth, corrections=chosen)
    assert (found.corrections, found.refused) == ([sound.pk, unsure.pk], {CONTRADICTS: 5})
    assert preview_bulk_review(reviewer=ruth, corrections=chosen, approves=False).refused == {}
    job = ask(ruth, [against, first, second, unlike, somebody], "approve")  # as if the preview had not been heeded
    run_bulk_review(job.pk)
    job.refresh_from_db()
    assert (job.decided, [pk for pk, _ in job.problems]) == (1, [against.pk, second.pk, unlike.pk, somebody.pk])
    assert "decide it one by one" in job.problems[0][1]
    assert set(Sample.objects.values_list("correction", "label")) == {(happy.pk, 3), (first.pk, 3)}


@pytest.mark.filterwarnings("ignore::celery.exceptions.CDeprecationWarning")  # a task names its queue itself
def test_the_workers_entries(ada: User, ruth: User, sent: list[int], settings: Any) -> None:
    job = ask(ruth, [add_answer(ada)])
    BulkReview.objects.update(due_at=None)
    assert settings.CELERY_BEAT_SCHEDULE["sweep-bulk-reviews"]["task"] == tasks.sweep_bulk_reviews.name
    assert tasks.sweep_bulk_reviews() == 1
    assert sent == [job.pk]
    assert tasks.run_bulk_review.name == jobs.BULK_REVIEWS.task
    tasks.run_bulk_review(job.pk)
    assert BulkReview.objects.get().state == "done"


def test_all_under_one_label(ada: User, ruth: User) -> None:
    rows = [add_answer(ada, answer) for answer in (4, 7)]
    for number, row in enumerate(rows):
        store_crop(row, number)
    run_bulk_review(ask(ruth, rows, "approve", label=2).pk)
    assert [sample.label for sample in Sample.objects.all()] == [2, 2]


def test_one_piece_after_the_other(ada: User, ruth: User, sent: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "PIECE", 2)
    job = ask(ruth, [add_answer(ada) for _ in range(5)])
    seen = []
    for _ in range(3):
        run_bulk_review(job.pk)
        job.refresh_from_db()
        seen.append((job.state, job.done, job.decided, len(sent)))
    assert seen == [("pending", 2, 2, 1), ("pending", 4, 4, 2), ("done", 5, 5, 2)]
    assert set(Correction.objects.values_list("state", "reason")) == {("rejected", "Too dark.")}


def test_time_ends_a_piece_too(ada: User, ruth: User, sent: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "PIECE_SECONDS", -1)
    job = ask(ruth, [add_answer(ada)])
    run_bulk_review(job.pk)
    assert sent == [job.pk]
    assert Correction.objects.get().state == "pending"


def kill_after(monkeypatch: pytest.MonkeyPatch, name: str, calls: int) -> None:
    """The worker dies in the middle of an answer: no handler runs, and the transaction is not committed."""
    real: Callable[..., Any] = getattr(bulk, name)
    made: list[int] = []

    def call(*args: Any, **options: Any) -> Any:
        made.append(1)
        if len(made) > calls:
            raise KeyboardInterrupt
        return real(*args, **options)

    monkeypatch.setattr(bulk, name, call)


@pytest.mark.parametrize("step", ["reject_answer", "_advance"])
def test_a_killed_workers_successor_goes_on_where_it_was(
    ada: User, ruth: User, sent: list[int], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    job = ask(ruth, [add_answer(ada) for _ in range(5)])
    with monkeypatch.context() as dying:
        kill_after(dying, step, 3)
        with pytest.raises(KeyboardInterrupt):
            run_bulk_review(job.pk)
    job.refresh_from_db()
    assert (job.state, job.done, job.decided) == ("running", 3, 3)
    assert Correction.objects.filter(state="rejected").count() == 3
    run_bulk_review(job.pk)  # the lease still runs
    assert sweep_bulk_reviews() == 0
    BulkReview.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert sweep_bulk_reviews() == 1
    run_bulk_review(job.pk)
    job.refresh_from_db()
    assert (job.state, job.done, job.decided, job.problems) == ("done", 5, 5, [])
    assert CorrectionEvent.objects.filter(state="rejected").count() == 5


def test_who_lost_the_lease_decides_nothing_more(
    ada: User, ruth: User, sent: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = ask(ruth, [add_answer(ada) for _ in range(3)])
    real = reject_answer

    def lose_lease(**options: Any) -> Any:
        BulkReview.objects.update(fencing_token=F("fencing_token") + 1)
        return real(**options)

    monkeypatch.setattr(bulk, "reject_answer", lose_lease)
    run_bulk_review(job.pk)
    job.refresh_from_db()
    assert (job.state, job.done) == ("running", 0)
    assert not Correction.objects.filter(state="rejected").exists()


def test_while_the_bucket_is_away_it_waits(
    ada: User, ruth: User, sent: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = ask(ruth, [add_answer(ada)], "approve")

    def fail(**options: Any) -> None:
        raise EndpointConnectionError(endpoint_url="http://bucket")

    with monkeypatch.context() as away:
        away.setattr(bulk, "approve_answer", fail)
        run_bulk_review(job.pk)
    job.refresh_from_db()
    assert (job.state, job.done, job.problems, sent) == ("pending", 0, [], [])
    assert sweep_bulk_reviews() == 0
    BulkReview.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    assert sweep_bulk_reviews() == 1


def test_one_bad_answer_does_not_stop_the_others(
    ada: User, ruth: User, sent: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [add_answer(ada) for _ in range(3)]
    job = ask(ruth, rows)
    real = reject_answer

    def stumble(*, correction: Correction, **options: Any) -> Any:
        if correction.pk == rows[1].pk:
            raise RuntimeError("unheard of")
        return real(correction=correction, **options)

    monkeypatch.setattr(bulk, "reject_answer", stumble)
    run_bulk_review(job.pk)
    job.refresh_from_db()
    assert (job.state, job.decided, job.problems) == ("done", 2, [[rows[1].pk, "Something went wrong."]])


def test_who_is_no_reviewer_any_more_decides_nothing(ada: User, ruth: User, sent: list[int]) -> None:
    job = ask(ruth, [add_answer(ada) for _ in range(2)])
    set_role(user=ruth, role="user")
    run_bulk_review(job.pk)
    job.refresh_from_db()
    assert (job.state, job.decided) == ("done", 0)
    assert "may not review any more" in job.problems[0][1]
    assert not Correction.objects.filter(state="rejected").exists()


def test_a_worker_lost_after_the_last_answer(ada: User, ruth: User, sent: list[int]) -> None:
    """Only the note of the end was missing; whether the reviewer still may review matters no more."""
    job = ask(ruth, [add_answer(ada)])
    BulkReview.objects.filter(pk=job.pk).update(done=1, decided=1)
    set_role(user=ruth, role="user")
    run_bulk_review(job.pk)
    job.refresh_from_db()
    assert (job.state, job.decided, job.problems) == ("done", 1, [])


def test_what_cannot_be_asked(ada: User, ruth: User) -> None:
    row = add_answer(ada)
    with pytest.raises(ReviewError, match="nothing"):
        ask(ruth, [])
    with pytest.raises(ReviewError, match="Say why"):
        ask(ruth, [row], reason=" ")
    with pytest.raises(ReviewError, match="At most"):
        request_bulk_review(reviewer=ruth, action="approve", corrections=range(bulk.LARGEST + 1))
    assert not BulkReview.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_it_is_sent_once_stored_and_again_when_the_broker_lost_it(ada: User, settings: Any) -> None:
    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        ask(make_user("rita"), [add_answer(ada)])
        assert broker.llen("inference") == 1
        broker.flushall()
        assert sweep_bulk_reviews() == 0  # it may still be under way
        BulkReview.objects.update(due_at=timezone.now() - timedelta(seconds=1))
        assert sweep_bulk_reviews() == 1
        assert broker.llen("inference") == 1


@pytest.mark.django_db(transaction=True)
def test_what_the_broker_refused_is_due_at_once(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as away:
        away.setattr(jobs, "send_task", lambda *args, **options: False)
        ask(make_user("rita"), [add_answer(ada)])
        assert sweep_bulk_reviews() == 0
    assert sweep_bulk_reviews() == 1


def choose(browser: Client, action: str, rows: list[Correction], query: str = "", **fields: Any) -> str:
    data = {"action": action, "_selected_action": [row.pk for row in rows], "select_across": "0", "index": "0"}
    return browser.post(f"{LIST}{query}", {**data, **fields}).content.decode()


def test_from_the_list_to_the_result(ada: User, ruth: User, sent: list[int]) -> None:
    browser = enter(ruth)
    rows = [add_answer(ada) for _ in range(3)]
    own = add_answer(ruth, 3)
    page = choose(browser, "reject", [*rows, own])
    assert "Reject 3 answers?" in page
    assert '<th scope="row">sad</th><td>3</td>' in page
    assert '<th scope="row">your own: another reviewer decides</th><td>1</td>' in page
    assert not BulkReview.objects.exists()
    chosen = ",".join(str(row.pk) for row in rows)
    assert f'value="{chosen}"' in page
    data = {"action": "reject", "corrections": chosen, "filters": "answer__exact=4"}
    page = browser.post(CONFIRM, data).content.decode()
    assert "Say why" in page
    assert f'value="{chosen}"' in page
    answer = browser.post(CONFIRM, {**data, "reason": "Too dark."}, follow=True)
    job = BulkReview.objects.get()
    assert answer.redirect_chain[-1][0] == f"{BULKS}{job.pk}/change/"
    assert "js/bulk_review.js" in answer.content.decode()
    assert Correction.objects.pending().count() == 4
    run_bulk_review(job.pk)
    assert browser.get(f"{BULKS}{job.pk}/progress/").json() == {
        "state": "done", "total": 3, "done": 3, "decided": 3, "problems": 0,
    }  # fmt: skip
    page = browser.get(f"{BULKS}{job.pk}/change/").content.decode()
    assert "js/bulk_review.js" not in page
    assert "“Too dark.”" in page


def test_all_of_a_filtered_list(ada: User, ruth: User) -> None:
    rows = [add_answer(ada, 4) for _ in range(3)] + [add_answer(ada, 7)]
    page = choose(enter(ruth), "approve", rows[:1], "?answer__exact=4", select_across="1")
    assert "Approve 3 answers?" in page
    page = choose(enter(ruth), "approve", rows[:1], select_across="1")
    assert "1 of them names no label: approved as answered, no network learns from it." in page


def test_only_so_many_at_once(ada: User, ruth: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("classifier.admin.bulk.LARGEST", 2)
    page = choose(enter(ruth), "approve", [add_answer(ada) for _ in range(5)])
    assert "Approve 2 answers?" in page
    assert "3 more answers of this list are left out" in page


@pytest.mark.parametrize(
    "fields", [{"corrections": "1,x"}, {"corrections": "9" * 30}, {"action": "eat"}, {"label": "7"}, {}]
)
def test_no_decision(ruth: User, fields: dict[str, str]) -> None:
    data = {"action": "approve", "corrections": "", "filters": "", **fields}
    page = enter(ruth).post(CONFIRM, data, follow=True).content.decode()
    assert "This is no decision" in page or "There is nothing to decide" in page
    assert not BulkReview.objects.exists()


def test_only_its_reviewer_and_staff_watch(client: Client, ada: User, ruth: User, sent: list[int]) -> None:
    job = ask(ruth, [add_answer(ada)])
    pages = [f"{BULKS}{job.pk}/change/", f"{BULKS}{job.pk}/progress/"]
    for watcher in (ruth, make_reviewer("sue", "staff")):
        assert [enter(watcher).get(page).status_code for page in pages] == [200, 200]
        assert "1 bulk review" in enter(watcher).get(BULKS).content.decode()
    other = enter(make_reviewer("rita"))
    assert [other.get(page).status_code for page in pages] == [302, 404]
    assert "0 bulk reviews" in other.get(BULKS).content.decode()
    for visitor in (client, enter(make_user("bob"))):
        for page in (*pages, BULKS):
            assert "/admin/login/" in visitor.get(page)["Location"]
        assert "/admin/login/" in visitor.post(CONFIRM, {"action": "reject"})["Location"]
    assert enter(ruth).get(CONFIRM).status_code == 405
    assert enter(ruth).post(pages[0]).status_code == 403
    viewer = make_user("vic", is_staff=True)
    assert enter(viewer).post(CONFIRM, {"action": "reject"}).status_code == 403
    assert enter(viewer).get(pages[1]).status_code == 403


def test_the_lists_queries_do_not_grow(ada: User, ruth: User, django_assert_max_num_queries: Any) -> None:
    row = add_answer(ada)
    for number in range(20):
        ask(make_reviewer(f"r{number}"), [row])
    browser = enter(make_reviewer("sue", "staff"))
    with django_assert_max_num_queries(8):
        assert browser.get(BULKS).status_code == 200

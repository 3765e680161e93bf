"""What got lost is handed out again, and what nobody refers to goes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models import F
from django.utils import timezone

from classifier import jobs
from classifier.models import IdempotencyKey, ObjectRemoval, Upload
from classifier.photos.upkeep import sweep_uploads
from classifier.storage import objects
from classifier.storage.objects import store_object
from tests.fakes import FakePipeline, install, make_result

Take = Callable[..., Any]
PAST = timedelta(seconds=1)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was sent to the broker; a broker that takes everything."""
    pks: list[Any] = []

    def take_all(task: str, pk: Any, **options: Any) -> bool:
        pks.append(pk)
        return True

    monkeypatch.setattr(jobs, "send_task", take_all)
    return pks


def test_lost_message_and_lapsed_lease_are_handed_out_again(take: Take, sent: list[Any]) -> None:
    _fresh, lost, left, done, held = (take(number).upload for number in range(5))
    sent.clear()
    now = timezone.now()
    Upload.objects.filter(pk=lost.pk).update(due_at=now - PAST)
    Upload.objects.filter(pk=left.pk).update(status="running", claimed_until=now - PAST, attempts=1, due_at=None)
    Upload.objects.filter(pk=held.pk).update(status="running", claimed_until=now + 30 * PAST, attempts=1, due_at=None)
    Upload.objects.filter(pk=done.pk).update(status="done", due_at=None)
    assert sweep_uploads() == 2
    assert set(sent) == {lost.pk, left.pk}
    # Until a worker claims it, the one with the lapsed lease may be sent again, the other has time to be delivered.
    sent.clear()
    assert sweep_uploads() == 1
    assert sent == [left.pk]


def test_what_the_broker_refused_is_sent_by_the_next_sweep(
    take: Take, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away:
        away.setattr(jobs, "send_task", lambda *args, **options: False)
        upload = take().upload
        jobs.hand_over(jobs.UPLOADS, upload.pk)
        assert sweep_uploads() == 0
    assert sweep_uploads() == 1
    assert sent == [upload.pk]


@pytest.mark.django_db(transaction=True)
def test_flushed_broker_gets_its_messages_again(take: Take, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    install(monkeypatch, FakePipeline(make_result()))
    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        for number in range(3):
            take(number)
        assert broker.llen("inference") == 3
        broker.flushall()
        sweep_uploads()
        assert broker.llen("inference") == 0  # they may still be under way
        Upload.objects.update(due_at=timezone.now() - PAST)
        assert sweep_uploads() == 3
        assert broker.llen("inference") == 3


@pytest.mark.django_db(transaction=True)
def test_what_an_emptied_broker_forgot_does_not_wait_for_its_due_time(
    take: Take, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    install(monkeypatch, FakePipeline(make_result()))
    for number in range(3):
        take(number)
    Upload.objects.update(due_at=F("due_at") - jobs.UNDER_WAY)  # as if sent some seconds ago
    assert sweep_uploads() == 0
    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        broker.flushall()
        assert sweep_uploads() == 3
        assert broker.llen("inference") == 3
        assert sweep_uploads() == 0


def test_worn_out_photos_are_buried(upload: Upload, settings: Any) -> None:
    Upload.objects.update(
        status="running", claimed_until=timezone.now() - PAST, attempts=settings.FERSITE_MAX_ATTEMPTS, due_at=None
    )
    sweep_uploads()
    upload.refresh_from_db()
    assert (upload.status, upload.error) == ("dead", "attempts_exhausted")


def test_keys_are_forgotten_after_a_day(take: Take) -> None:
    take(1, idempotency_key="old")
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=24))
    take(2, idempotency_key="new")
    sweep_uploads()
    assert [row.key for row in IdempotencyKey.objects.all()] == ["new"]


def test_object_without_a_row_goes_after_its_time(db: None) -> None:
    store_object("uploads/abandoned.jpg", b"x")
    sweep_uploads()
    assert default_storage.exists("uploads/abandoned.jpg")
    ObjectRemoval.objects.update(due_at=timezone.now() - PAST)
    sweep_uploads()
    assert not default_storage.exists("uploads/abandoned.jpg")
    assert not ObjectRemoval.objects.exists()


def test_more_objects_than_one_request_takes(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "KEYS_PER_REQUEST", 2)
    keys = [f"faces/{number}.png" for number in range(5)]
    for key in keys[1:]:  # the first one is gone already
        default_storage.save(key, ContentFile(b"x"))
    ObjectRemoval.objects.bulk_create(ObjectRemoval(key=key, due_at=timezone.now() - PAST) for key in keys)
    sweep_uploads()
    assert default_storage.listdir("faces")[1] == []
    assert not ObjectRemoval.objects.exists()


def test_bucket_that_is_away_is_asked_once_in_a_sweep(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def refuse(keys: list[str]) -> set[str]:
        asked.append(len(keys))
        raise ConnectionError("away")

    monkeypatch.setattr(objects, "KEYS_PER_REQUEST", 2)
    due = timezone.now() - PAST
    ObjectRemoval.objects.bulk_create(ObjectRemoval(key=str(number), due_at=due) for number in range(6))
    with monkeypatch.context() as away:
        away.setattr(objects, "delete_objects", refuse)
        sweep_uploads()
        sweep_uploads()
    assert asked == [2]
    assert ObjectRemoval.objects.filter(due_at__gt=timezone.now()).count() == 6


def test_refused_object_keeps_its_note(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "delete_objects", lambda keys: {"b"})
    due = timezone.now() - PAST
    ObjectRemoval.objects.bulk_create(ObjectRemoval(key=key, due_at=due) for key in "abc")
    sweep_uploads()
    [noted] = ObjectRemoval.objects.all()
    assert noted.key == "b"
    assert noted.due_at > timezone.now()

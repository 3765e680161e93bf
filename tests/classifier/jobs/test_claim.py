"""One worker at a time has a photo: the lease, its end, and what a worker that lost it may still do: nothing."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from classifier import jobs
from classifier.models import Face, ObjectRemoval, Prediction, Upload, Version
from classifier.photos.erasure import erase_upload
from classifier.serving.classify import PhotoResult, classify_upload, finish_upload, store_result
from tests.fakes import FakePipeline, install, make_result

Patch = pytest.MonkeyPatch
PAST = timedelta(seconds=1)


def let_lease_lapse() -> None:
    Upload.objects.update(claimed_until=timezone.now() - PAST)


def test_lease_keeps_others_out_until_it_lapses(upload: Upload, settings: Any) -> None:
    before = timezone.now()
    claimed = jobs.claim(jobs.UPLOADS, upload.pk)
    assert claimed is not None
    assert claimed.claimed_until is not None
    assert abs(claimed.claimed_until - before - timedelta(seconds=settings.FERSITE_LEASE_SECONDS)) < timedelta(
        seconds=2
    )
    assert jobs.claim(jobs.UPLOADS, upload.pk) is None
    let_lease_lapse()
    again = jobs.claim(jobs.UPLOADS, upload.pk)
    assert again is not None
    assert again.attempts == 2


def test_a_database_that_is_away_for_a_moment_costs_nothing(upload: Upload, monkeypatch: Patch) -> None:
    install(monkeypatch, FakePipeline(make_result()))
    real, failures = jobs.claim, [OperationalError("restarting"), InterfaceError("connection already closed")]

    def claim(*args: Any) -> Any:
        if failures:
            raise failures.pop()
        return real(*args)

    monkeypatch.setattr(jobs, "claim", claim)
    monkeypatch.setattr(jobs, "PAUSES", (0.0, 0.0))
    monkeypatch.setattr(connection, "close", lambda: None)  # the test's transaction lives in it
    classify_upload(upload.pk)
    upload.refresh_from_db()
    assert (upload.status, upload.attempts) == ("done", 1)


@pytest.mark.parametrize("status", ["done", "no_face", "rejected", "dead"])
def test_finished_photo_cannot_be_claimed(upload: Upload, status: str) -> None:
    Upload.objects.update(status=status)
    assert jobs.claim(jobs.UPLOADS, upload.pk) is None
    upload.refresh_from_db()
    assert (upload.status, upload.attempts) == (status, 0)


def test_worn_out_photo_is_buried_instead_of_claimed(upload: Upload, settings: Any) -> None:
    for _ in range(settings.FERSITE_MAX_ATTEMPTS):
        assert jobs.claim(jobs.UPLOADS, upload.pk) is not None
        let_lease_lapse()
    assert jobs.claim(jobs.UPLOADS, upload.pk) is None
    upload.refresh_from_db()
    assert (upload.status, upload.error, upload.claimed_until) == ("dead", "attempts_exhausted", None)
    assert upload.finished_at is not None


def test_erased_photo_cannot_be_claimed(upload: Upload) -> None:
    pk = upload.pk
    erase_upload(upload=upload)
    assert jobs.claim(jobs.UPLOADS, pk) is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("status", ["pending", "running"])
def test_one_of_many_workers_wins(take: Callable[..., Any], status: str) -> None:
    pk = take().upload.pk
    if status == "running":
        Upload.objects.update(status=status, claimed_until=timezone.now() - PAST, attempts=1, due_at=None)
    start, winners = threading.Barrier(8), []

    def claim() -> None:
        try:
            connection.ensure_connection()
            start.wait()
            if (won := jobs.claim(jobs.UPLOADS, pk)) is not None:
                winners.append(won.attempts)
        finally:
            connection.close()

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert winners == [1 if status == "pending" else 2]


def test_worker_that_lost_its_lease_writes_nothing(upload: Upload, monkeypatch: Patch) -> None:
    install(monkeypatch, FakePipeline(make_result()))
    slow = jobs.claim(jobs.UPLOADS, upload.pk)
    assert slow is not None
    let_lease_lapse()
    classify_upload(upload.pk)
    version = Version.objects.get()
    store_result(slow, PhotoResult(version, [make_result(0)], 1.0))
    assert not finish_upload(slow, Upload.Status.NO_FACE)
    jobs.give_back(jobs.UPLOADS, slow)
    jobs.postpone(jobs.UPLOADS, slow)
    upload.refresh_from_db()
    assert (upload.status, upload.attempts) == ("done", 2)
    assert [row.label for row in Prediction.objects.all()] == [3]
    assert not ObjectRemoval.objects.exists()


def test_photo_erased_meanwhile_is_harmless(upload: Upload, monkeypatch: Patch) -> None:
    install(monkeypatch, FakePipeline(make_result()))
    running = jobs.claim(jobs.UPLOADS, upload.pk)
    assert running is not None
    pk = upload.pk
    erase_upload(upload=upload)
    store_result(running, PhotoResult(Version.objects.get(), [make_result()], 1.0))
    assert not Face.objects.exists()
    assert not ObjectRemoval.objects.filter(key__startswith="faces/").exists()
    assert default_storage.listdir("faces")[1] == []
    jobs.give_back(jobs.UPLOADS, running)
    jobs.postpone(jobs.UPLOADS, running)
    classify_upload(pk)
    assert not Upload.objects.exists()

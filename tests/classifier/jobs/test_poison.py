"""Photos that hang or crash the network cost their attempts and end dead; the one worker goes on with the others."""

import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from classifier import jobs
from classifier.models import Upload, Version
from classifier.photos.intake import Outcome, take_upload
from classifier.photos.upkeep import sweep_uploads
from tests.api.photos import make_photo
from tests.factories import make_user
from tests.poisoned import CRASHES, HANGS
from tests.workers import start_worker, stop_worker

QUICK = {"FERSITE_LEASE_SECONDS": "2", "FERSITE_RETRY_SECONDS": "1", "FERSITE_MAX_ATTEMPTS": "2"}


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_poison_ends_dead_and_the_queue_goes_on(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # Or what a killed process had fetched waits for a minute.
    monkeypatch.setattr(jobs, "UPLOADS", replace(jobs.UPLOADS, delivery=timedelta(seconds=5)))
    for name, value in QUICK.items():
        setattr(settings, name, int(value))
    Version.objects.create(name="fake", digest="f" * 64, state="champion")
    owner = make_user()
    widths = [80, HANGS, 81, CRASHES, 82, 83]
    for width in widths:
        photo = SimpleUploadedFile("photo.jpg", make_photo(width, 64, seed=width))
        assert take_upload(owner=owner, file=photo, source="api").outcome is Outcome.CREATED
    worker = start_worker(processes=1, app="tests.poisoned", **QUICK)
    try:
        end = time.monotonic() + 180
        while Upload.objects.filter(status__in=["pending", "running"]).exists() and time.monotonic() < end:
            sweep_uploads()
            time.sleep(0.5)
    finally:
        stop_worker(worker)
    assert Counter(Upload.objects.values_list("status", flat=True)) == {"dead": 2, "done": 4}
    dead = Upload.objects.filter(status="dead")
    assert set(dead.values_list("width", "error", "attempts")) == {
        (HANGS, "attempts_exhausted", 2),
        (CRASHES, "attempts_exhausted", 2),
    }

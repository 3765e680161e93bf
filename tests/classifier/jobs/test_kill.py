"""Nothing is lost or done twice when workers are killed in the middle of a batch and the broker forgets everything."""

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from tests.photos import make_portrait
from tests.workers import start_worker, stop_worker

COUNT = 100
# Every kill costs the photos in hand an attempt. A photo in hand at all three kills has used three, and a machine
# under load may let a lease lapse besides: with seven allowed, none is buried. Messages that a killed worker had
# fetched but not begun cost nothing.
QUICK = {"FERSITE_LEASE_SECONDS": "3", "FERSITE_RETRY_SECONDS": "1", "FERSITE_MAX_ATTEMPTS": "7"}


@pytest.fixture
def quick(settings: Any) -> None:
    """The sweeper of this process follows the workers' settings."""
    for name, value in QUICK.items():
        setattr(settings, name, int(value))


def count_finished() -> int:
    from classifier.models import Upload

    return Upload.objects.exclude(status__in=["pending", "running"]).count()


def wait_for(condition: Callable[[], bool], seconds: float, sweep: bool = False) -> bool:
    """Whether it came true in time; with `sweep` the sweeper runs once a second, as beat would have it."""
    from classifier.models import Upload
    from classifier.photos.upkeep import sweep_uploads

    end, swept = time.monotonic() + seconds, 0.0
    while not condition():
        if time.monotonic() > end:
            return False
        if sweep and time.monotonic() > swept + 1:
            swept = time.monotonic()
            # Beat's minute of patience with the broker would make this test long.
            Upload.objects.filter(status="pending").update(due_at=None)
            sweep_uploads()
        time.sleep(0.05)
    return True


def stored_objects() -> set[str]:
    from django.core.files.storage import default_storage

    return {f"{folder}/{name}" for folder in ("uploads", "faces") for name in default_storage.listdir(folder)[1]}


def kill_child(worker: subprocess.Popen[bytes]) -> None:
    children = psutil.Process(worker.pid).children()
    assert children
    os.kill(children[0].pid, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.timeout(420)
@pytest.mark.django_db(transaction=True)
def test_hundred_uploads_survive_kills_and_a_flushed_broker(quick: None, settings: Any) -> None:
    import redis
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.utils import timezone

    from accounts.models import User
    from classifier.models import Face, ObjectRemoval, Prediction, Upload
    from classifier.photos.intake import Outcome, take_upload
    from classifier.photos.upkeep import sweep_uploads
    from classifier.training.registry import register_version
    from ml.artifacts import default_artifact

    register_version(path=default_artifact(), promote=True, reason="test")
    owner = User.objects.create_user("ada", "ada@example.org", "x")
    for number in range(COUNT):
        photo = SimpleUploadedFile("photo.jpg", make_portrait(number))
        assert take_upload(owner=owner, file=photo, source="api").outcome is Outcome.CREATED
    worker = start_worker(processes=2, **QUICK)
    try:
        assert wait_for(lambda: count_finished() >= 10, 60)
        kill_child(worker)
        assert wait_for(lambda: count_finished() >= 25, 60, sweep=True)
        redis.Redis.from_url(settings.REDIS_URL).flushall()
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        assert count_finished() < COUNT
        worker = start_worker(processes=2, **QUICK)
        assert wait_for(lambda: count_finished() >= 50, 60, sweep=True)
        kill_child(worker)
        assert wait_for(lambda: count_finished() == COUNT, 90, sweep=True)
    finally:
        stop_worker(worker)

    assert Counter(Upload.objects.values_list("status", flat=True)) == {"done": COUNT}
    assert Face.objects.count() == COUNT
    assert Prediction.objects.count() == COUNT
    assert set(Prediction.objects.values_list("label", flat=True)) == {3}
    # One process, then two, then one were killed, each with one photo in hand; the rest is leeway for a busy machine.
    assert Upload.objects.filter(attempts__gt=1).count() <= 10
    keys = {*Upload.objects.values_list("image", flat=True), *Face.objects.values_list("crop", flat=True)}
    # What a killed worker had stored without its rows was noted before; once its hour is over, it goes.
    noted = set(ObjectRemoval.objects.values_list("key", flat=True))
    assert not keys & noted
    assert stored_objects() <= keys | noted
    ObjectRemoval.objects.update(due_at=timezone.now())
    sweep_uploads()
    assert stored_objects() == keys
    assert not ObjectRemoval.objects.exists()

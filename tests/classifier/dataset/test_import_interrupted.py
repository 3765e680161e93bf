"""An import that is killed or loses the bucket leaves only rows whose objects exist; another run finishes it."""

import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from classifier.models import Sample
from classifier.storage import bulk
from classifier.storage.bulk import Batch, BucketError, put_batches
from ml.labels import LABELS
from tests.classifier.dataset.test_import_fer2013 import import_data, object_keys
from tests.ml.archives import write_folders
from tests.ml.drawing import draw_crop, encode_png

ROOT = Path(__file__).resolve().parents[3]
IMAGES = 1500


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough images for a dozen batches; every third is a copy of an earlier one."""
    path = tmp_path_factory.mktemp("import") / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(IMAGES):
            source = number - 2 if number % 3 == 2 else number
            name = f"train/{LABELS[source % 7]}/Training_{number}.png"
            archive.writestr(name, encode_png(draw_crop(source % 7, source)))
    return path


def start_import(path: Path) -> subprocess.Popen[bytes]:
    """The command as a process of its own, on the tests' database and bucket."""
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    return subprocess.Popen(
        [sys.executable, "manage.py", "import_fer2013", str(path), "--verbosity=0"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database},
    )


def wait_until(what: Any, seconds: float = 60) -> None:
    end = monotonic() + seconds
    while not what():
        assert monotonic() < end, "waited too long"
        sleep(0.02)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_killed_import_is_finished_by_the_next(many: Path) -> None:
    running = start_import(many)
    wait_until(lambda: Sample.objects.exists() or running.poll() is not None)
    children = psutil.Process(running.pid).children()
    running.send_signal(signal.SIGKILL)
    running.wait()

    kept = Sample.objects.count()
    assert 0 < kept < IMAGES
    wait_until(lambda: not any(child.is_running() for child in children), seconds=20)
    assert set(Sample.objects.values_list("key", flat=True)) <= set(object_keys())

    answer = import_data(many)

    assert (answer["stored"], answer["present"], answer["bad"]) == (IMAGES - kept, kept, [])
    assert Sample.objects.count() == IMAGES
    assert object_keys() == sorted(set(Sample.objects.values_list("key", flat=True)))
    assert len(object_keys()) == IMAGES * 2 // 3


@pytest.mark.django_db
@pytest.mark.parametrize("few", [256, 0], ids=["by this process", "by others"])
def test_a_bucket_that_does_not_answer_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    write_folders(tmp_path)
    monkeypatch.setattr(bulk, "FEW", few)
    with monkeypatch.context() as patched:
        nowhere = "http://127.0.0.1:9"  # nobody listens there
        patched.setenv("S3_ENDPOINT_URL", nowhere)
        patched.setattr(settings, "S3_ENDPOINT_URL", nowhere)
        with pytest.raises(CommandError, match="the bucket does not take objects") as refused:
            call_command("import_fer2013", str(tmp_path), "--verbosity=0")
    assert "\n" not in str(refused.value)
    assert not Sample.objects.exists()

    assert import_data(tmp_path)["stored"] == 8


@pytest.mark.django_db
def test_a_killed_helper_is_an_error_and_leaves_no_process() -> None:

    def endless() -> Any:
        for number in range(10_000):
            yield Batch([(f"dataset/train/happy/{number}.png", draw_crop(3, 1))])

    batches = put_batches(endless())
    next(batches)
    helpers = [child for child in psutil.Process().children() if "spawn_main" in " ".join(child.cmdline())]
    helpers[0].kill()

    with pytest.raises(BucketError, match="was killed"):
        list(batches)
    assert not [child for child in helpers if child.is_running()]

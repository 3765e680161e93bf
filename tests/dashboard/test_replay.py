"""A replayed history goes through the site's own queue and worker, is dated back, and says that it was a replay."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from PIL import Image

from classifier.models import Correction, Prediction, Upload
from classifier.training.registry import register_version
from dashboard.models import Alert, AlertRule, PredictionRollup, Replay
from dashboard.replay import ReplayError, replay_history
from dashboard.rollups.hours import start_of_day
from ml.artifacts import default_artifact
from ml.data import FaceData
from ml.labels import LABELS
from tests.factories import make_upload, make_user
from tests.workers import start_worker, stop_worker

FACES = sorted((Path(__file__).parent.parent / "data" / "fer").glob("*_*.png"))
DAYS, A_DAY = 3, 34


def make_faces(number: int) -> FaceData:
    """Crops of FER-2013, each with noise of its own."""
    rng = np.random.default_rng(0)
    chosen = [FACES[i % len(FACES)] for i in range(number)]
    crops = np.stack([np.asarray(Image.open(path)) for path in chosen]).astype(np.int16)
    images = np.clip(crops + rng.integers(-4, 5, crops.shape), 0, 255).astype(np.uint8)
    labels = np.array([LABELS.index(path.stem.split("_")[0]) for path in chosen])
    return FaceData(images, labels, np.full(number, -1), tuple(str(i) for i in range(number)))


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_drift_fires_on_its_day(mailoutbox: list[object]) -> None:
    register_version(path=default_artifact(), promote=True, reason="shipped")
    AlertRule.objects.all().delete()
    AlertRule.objects.create(
        name="dark",
        metric="brightness_drift",
        direction="above",
        threshold=0.75,
        window_hours=24,
        minimum=30,
        emails="staff@example.org",
    )
    worker = start_worker()
    try:
        played = replay_history(data=make_faces(DAYS * A_DAY), days=DAYS, drift_days=1)
    finally:
        stop_worker(worker)
    assert played.photos == DAYS * A_DAY
    assert played.answers > 20
    assert played.reviewed > 10
    last = start_of_day(timezone.now()) - timedelta(days=1)
    [alert] = Alert.objects.all()
    assert list(played.alerts) == [alert]
    assert alert.opened_at == last + timedelta(days=1)
    assert alert.emailed_at is not None  # as good as sent: nobody is told of a past that was not
    assert mailoutbox == []

    first = last - timedelta(days=DAYS - 1)
    for model in (Upload, Prediction, Correction):
        moments = list(model.objects.values_list("created_at", flat=True))
        assert {start_of_day(moment) for moment in moments} == {first + timedelta(days=i) for i in range(DAYS)}
    for upload in Upload.objects.filter(status="done"):
        assert upload.finished_at is not None
        assert timedelta(0) < upload.finished_at - upload.created_at < timedelta(minutes=2)
    days = PredictionRollup.objects.filter(grain="d")
    assert sum(days.values_list("faces", flat=True)) == played.faces == Prediction.objects.count()
    replay = Replay.objects.get()
    assert (replay.first_day, replay.last_day, replay.drift_from) == (first.date(), last.date(), last.date())
    assert replay.finished_at is not None


@pytest.mark.django_db
def test_too_few_faces_are_refused() -> None:
    with pytest.raises(ReplayError, match="2 faces cannot be spread over 3 days"):
        replay_history(data=make_faces(2), days=3, drift_days=1)
    assert not Replay.objects.exists()


@pytest.mark.django_db
def test_two_replays_do_not_mix() -> None:
    Replay.objects.create(first_day="2026-01-01", last_day="2026-01-02")
    with pytest.raises(ReplayError, match="Another replay"):
        replay_history(data=make_faces(5), days=3, drift_days=1)


@pytest.mark.django_db
def test_real_photos_are_not_mixed_with_a_replay(tmp_path: Path) -> None:
    make_upload(make_user())
    with pytest.raises(CommandError, match="--among-real-photos"):
        call_command("replay_history", str(tmp_path))


@pytest.mark.django_db
def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"nothing\.zip"):
        call_command("replay_history", str(tmp_path / "nothing.zip"))

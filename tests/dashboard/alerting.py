"""What the tests of alerts share: rules, looks at the queue, and faces of a certain look at a certain time."""

from datetime import UTC, datetime, timedelta
from typing import Any

from accounts.models import User
from classifier.models import Face, Prediction, Upload, Version
from dashboard.models import Alert, AlertRule, QueueSample
from tests.dashboard.history import at

NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def make_rule(metric: str = "queue_age", threshold: float | None = 100.0, **fields: Any) -> AlertRule:
    """The only rule: those of the migration are thrown away."""
    Alert.objects.all().delete()
    AlertRule.objects.all().delete()
    values = {"name": "A rule", "direction": "above", "window_hours": 1, "emails": "ops@example.org"} | fields
    return AlertRule.objects.create(metric=metric, threshold=threshold, **values)


def add_rule(name: str, threshold: float = 100.0, **fields: Any) -> AlertRule:
    """Another one about the queue."""
    return AlertRule.objects.create(name=name, metric="queue_age", direction="above", threshold=threshold, **fields)


def look(oldest: float, *, moment: datetime = NOW, alive: bool = True) -> QueueSample:
    """The queue as it was a minute before."""
    return QueueSample.objects.create(
        at=moment - MINUTE, pending=1, running=0, oldest_seconds=oldest, worker_alive=alive
    )


def show_face(
    owner: User,
    *,
    moment: datetime = NOW - HOUR,
    label: int = 3,
    source: str = "page",
    brightness: float = 0.5,
    sure: float = 0.7,
    shared: bool = True,
) -> Face:
    """A photo with one face, answered by the champion at that moment."""
    version = Version.objects.champions().first() or Version.objects.create(
        name="1.0.0", state="champion", digest="1".ljust(64, "0")
    )
    with at(moment):
        upload = Upload.objects.create(
            owner=owner, sha256=f"{Upload.objects.count():064x}", status="done", source=source, image="uploads/a.jpg",
            width=640, height=480, consent_training=shared, finished_at=moment,
        )  # fmt: skip
        face = Face.objects.create(
            upload=upload, index=0, x=1, y=1, width=90, height=90, score=0.9, origin="detector", crop="faces/a.png",
            brightness=brightness, sharpness=1500.0,
        )  # fmt: skip
        probabilities = [(1 - sure) / 6] * 7
        probabilities[label] = sure
        Prediction.objects.create(
            face=face, version=version, label=label, confidence=sure, probabilities=probabilities,
            prediction_set=[label], ms=5,
        )  # fmt: skip
    return face

"""Figures of the dashboard once more, from the product's rows one by one: no rollups, no sums in the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Prefetch
from pytest_django import DjangoDbBlocker
from scipy.stats import binomtest

from classifier.models import Correction, Face, Prediction
from dashboard.charts.chart import Cell, Chart
from dashboard.figures.scope import Scope
from dashboard.rollups.hours import roll_up
from tests.dashboard.history import LAST, make_history

DAY = timedelta(days=1)


@contextmanager
def kept_history(blocker: DjangoDbBlocker, *, days: int, photos: int) -> Iterator[None]:
    """One history with its rollups for several tests that only read: each rolls back to it."""
    with blocker.unblock(), transaction.atomic():
        make_history(days=days, photos=photos)
        roll_up()
        yield
        transaction.set_rollback(True)


def last_days(days: int, **filters: object) -> Scope:
    """The last days of make_history's, with filters."""
    return Scope(since=LAST - (days - 1) * DAY, end=LAST + DAY, **filters)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Shown:
    """A face's shown prediction; truth: what was approved last, None without a review."""

    day: datetime
    label: int
    confidence: float
    truth: int | None
    answers: list[Correction]

    @property
    def bucket(self) -> int:
        return sum(self.confidence >= step / 20 for step in range(1, 20))


def shown_faces(scope: Scope) -> list[Shown]:
    """Of the range and the filters, probes left out; answers: the standing ones about this prediction, in order."""
    found = []
    rows = Prediction.objects.filter(shadow=False).select_related("face__upload", "version")
    for one in rows.prefetch_related(Prefetch("corrections", Correction.objects.order_by("created_at", "id"))):
        source = one.face.upload.source
        if not scope.since <= one.created_at < scope.end or source == "probe":
            continue
        if scope.version not in (None, one.version) or scope.source not in (None, source):
            continue
        if scope.label in (None, one.label):
            answers = [said for said in one.corrections.all() if said.state != "withdrawn"]
            day = one.created_at.replace(hour=0, minute=0, second=0, microsecond=0)
            found.append(Shown(day, one.label, one.confidence, last_approved(answers), answers))
    return found


def last_approved(answers: list[Correction]) -> int | None:
    approved = [said for said in answers if said.state == "approved"]
    return max(approved, key=lambda said: (said.reviewed_at, said.pk)).final_label if approved else None


def face_truth(face: Face) -> int | None:
    """What was approved last about a face, by whatever prediction."""
    return last_approved(list(face.corrections.all()))


def wilson(right: int, n: int) -> list[float | None]:
    if not n:
        return [None, None]
    interval = binomtest(right, n).proportion_ci(method="wilson")
    return [float(interval.low), float(interval.high)]


def share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def table(chart: Chart) -> Iterator[dict[str, Cell]]:
    """The rows by column name."""
    for row in chart.rows:
        yield dict(zip([column.name for column in chart.columns], row, strict=True))


def accuracy(faces: list[Shown]) -> float | None:
    """Of those with a truth."""
    return share(sum(one.truth == one.label for one in faces), len(faces))


def correct(faces: list[Shown], least: int = 0) -> float | None:
    """Each face gets the accuracy of its bucket's reviewed ones, or of the nearest bucket that has some."""
    reviewed = [one for one in faces if one.truth is not None]
    if not reviewed or len(reviewed) < least:
        return None
    found = []
    for face in faces:
        nearest = min({one.bucket for one in reviewed}, key=lambda bucket: (abs(bucket - face.bucket), bucket))
        found.append(accuracy([one for one in reviewed if one.bucket == nearest]) or 0)
    return sum(found) / len(found)

"""The figures that alerts watch equal those counted straight from the rows, over exactly their window and filters."""

import math
from datetime import datetime, timedelta
from typing import Any

import pytest

from classifier.models import Correction, Prediction, Upload
from dashboard.figures.drift import MIN_CHUNK, measure_drift
from dashboard.figures.measures import Reading, Window, read_metric
from dashboard.figures.scope import Scope
from dashboard.models import AlertRule, Grain, Metric, UploadRollup
from dashboard.models.buckets import EDGES
from dashboard.rollups.hours import roll_up
from tests.dashboard.alerting import DAY, HOUR, MINUTE, NOW, look
from tests.dashboard.history import LAST, make_history
from tests.dashboard.plain import correct, shown_faces

pytestmark = pytest.mark.django_db
END = LAST + timedelta(hours=17, minutes=20)
SLICES: list[dict[str, Any]] = [
    {"window_hours": 24}, {"window_hours": 100}, {"window_hours": 100, "source": "api"},
    {"window_hours": 100, "label": 3}, {"window_hours": 7},
]  # fmt: skip


@pytest.fixture
def history() -> None:
    make_history(photos=150)
    roll_up()


def read(metric: str, now: datetime = END, **fields: Any) -> Reading | None:
    return read_metric(rule=AlertRule(metric=metric, direction="above", **fields), now=now)


def start_of(window_hours: int) -> datetime:
    return END.replace(minute=0) - window_hours * HOUR


def list_shown(window_hours: int, source: str = "", label: int | None = None) -> list[Prediction]:
    """What was shown in the window, straight from the rows; to the end of the hour that is under way."""
    found = Prediction.objects.filter(
        shadow=False, created_at__gte=start_of(window_hours), created_at__lt=END.replace(minute=0) + HOUR
    ).exclude(face__upload__source="probe")
    return [
        one
        for one in found.select_related("face__upload")
        if source in ("", one.face.upload.source) and label in (None, one.label)
    ]


def list_reviewed(shown: list[Prediction]) -> list[tuple[float, bool]]:
    """Confidence, and whether it was right, of each that has a truth."""
    found = []
    for one in shown:
        said = Correction.objects.filter(prediction=one, state="approved").order_by("reviewed_at", "id").last()
        if said and said.final_label is not None:
            found.append((one.confidence, said.final_label == one.label))
    return found


def test_answers(history: None) -> None:
    for chosen in SLICES:
        compare_answers(chosen)


def compare_answers(chosen: dict[str, Any]) -> None:
    shown = list_shown(**chosen)
    reviewed = list_reviewed(shown)
    right = sum(ok for _, ok in reviewed)
    assert read("accuracy", **chosen) == Reading(right / len(reviewed), len(reviewed))

    estimated = read("estimated_accuracy", **chosen)
    assert estimated is not None
    assert estimated.n == len(shown)
    assert estimated.value == pytest.approx(sum(one.confidence for one in shown) / len(shown), abs=1e-5)

    bins: dict[int, list[tuple[float, bool]]] = {}
    for one in reviewed:
        bins.setdefault(sum(one[0] >= edge for edge in EDGES["confidence"]), []).append(one)
    gaps = [abs(sum(sure for sure, _ in some) - sum(ok for _, ok in some)) for some in bins.values()]
    ece = read("ece", **chosen)
    assert ece is not None
    assert ece.value == pytest.approx(math.fsum(gaps) / len(reviewed), abs=1e-5)

    said = [a.answer != one.label for one in shown for a in standing(one) if a.answer < 7]
    assert read("correction_rate", **chosen) == Reading(sum(said) / len(said), len(said))


def standing(prediction: Prediction) -> Any:
    return Correction.objects.filter(prediction=prediction).exclude(state="withdrawn")


def test_corrected_accuracy_weighs_by_confidence(history: None) -> None:
    plain, corrected = (read(name, window_hours=100) for name in ("accuracy", "corrected_accuracy"))
    assert plain is not None
    assert corrected is not None
    assert corrected.n == plain.n
    assert corrected.value == pytest.approx(correct(shown_faces(Scope(since=start_of(100), end=END))))
    assert corrected.value != pytest.approx(plain.value)


def test_drift(history: None) -> None:
    shown = list_shown(100)
    for name in ("label", "confidence", "brightness", "sharpness"):
        compare_drift(name, shown)


def compare_drift(name: str, shown: list[Prediction]) -> None:
    readings: dict[str, list[Any]] = {
        "label": [one.label for one in shown],
        "confidence": [one.confidence for one in shown],
        "brightness": [one.face.brightness for one in shown],
        "sharpness": [one.face.sharpness for one in shown],
    }
    edges = range(1, 7) if name == "label" else EDGES[name]
    counts = [0] * (len(edges) + 1)
    for value in readings[name]:
        if value is not None:
            counts[sum(value >= edge for edge in edges)] += 1
    wanted = measure_drift(name, counts)
    assert wanted is not None
    assert read(f"{name}_drift", window_hours=100) == Reading(wanted.value, sum(counts), wanted.threshold)
    assert read(f"{name}_drift", window_hours=100, now=END + 30 * DAY) is None


def test_size_drift_is_against_the_first_faces(history: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read("size_drift", window_hours=24) is None  # too few so far
    monkeypatch.setattr("dashboard.figures.drift_counts.FIRST_FACES", 40)
    found = read("size_drift", window_hours=24)
    assert found is not None
    assert found.n == len(list_shown(24)) >= MIN_CHUNK
    assert found.threshold
    assert read("size_drift", window_hours=200) is None  # the first faces themselves


def test_photos(history: None) -> None:
    for chosen in SLICES:
        if "label" not in chosen:
            compare_photos(chosen)


def compare_photos(chosen: dict[str, Any]) -> None:
    rows = Upload.objects.exclude(source="probe").filter(
        created_at__gte=start_of(chosen["window_hours"]), created_at__lt=END.replace(minute=0) + HOUR
    )
    photos = [one for one in rows if chosen.get("source", "") in ("", one.source) and one.finished_at]
    failed = sum(one.status in ("rejected", "dead") for one in photos)
    assert read("failure_share", **chosen) == Reading(failed / len(photos), len(photos))
    times = sorted((one.finished_at - one.created_at).total_seconds() for one in photos if one.finished_at)
    exact = times[math.ceil(0.95 * len(times)) - 1]
    found = read("p95_seconds", **chosen)
    assert found is not None
    assert exact <= found.value <= exact * 1.27
    assert found.n == len(photos)


def test_queue() -> None:
    assert read("queue_age", now=NOW, window_hours=1) is None
    look(300, moment=NOW - 40 * MINUTE)
    look(20, moment=NOW)
    assert read("queue_age", now=NOW, window_hours=1) == Reading(20, 2)
    assert read("queue_age", now=NOW + DAY, window_hours=1) is None


def test_silent_worker() -> None:
    assert read("worker_silent", now=NOW, window_hours=1) is None
    for minute in range(4):
        look(0, moment=NOW + minute * MINUTE, alive=False)
    assert read("worker_silent", now=NOW + 4 * MINUTE, window_hours=1) == Reading(4, 4)  # never seen
    look(0, moment=NOW + 4 * MINUTE)
    assert read("worker_silent", now=NOW + 5 * MINUTE, window_hours=1) == Reading(0, 5)
    # The site was down for half an hour: nobody looked, so nobody missed the worker.
    look(0, moment=NOW + 34 * MINUTE, alive=False)
    assert read("worker_silent", now=NOW + 35 * MINUTE, window_hours=1) == Reading(1, 6)


@pytest.mark.parametrize("metric", Metric.values)
def test_nothing_is_no_figure(metric: str) -> None:
    assert read(metric, window_hours=24) is None


@pytest.mark.parametrize("hours", [1, 12, 13, 24, 36, 37, 100, 2160])
def test_days_and_hours_make_up_the_window_without_overlap(hours: int) -> None:
    first = (Window.before(END, hours=hours).start - 3 * DAY).replace(hour=0)
    empty: dict[str, Any] = {name: [] for name in ("total_bins", "wait_bins", "work_bins")}
    empty |= {"source": "page", "status": "done", "error": ""}
    UploadRollup.objects.bulk_create(
        UploadRollup(grain=grain, start=first + number * step, uploads=uploads, **empty)
        for grain, step, uploads in ((Grain.HOUR, HOUR, 1), (Grain.DAY, DAY, 24))
        for number in range((END + 3 * DAY - first) // step)
    )
    found = read("failure_share", window_hours=hours)
    assert found is not None
    assert found.n == hours + 1

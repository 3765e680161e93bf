"""Labels, confidence and drift: every number equals one computed from the rows by plain Python."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import log2, sqrt
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from classifier.models import Prediction, Promotion, Version
from dashboard.charts.chart import Chart
from dashboard.charts.predictions import build_predictions
from dashboard.figures import drift_counts
from dashboard.figures.drift import drift_threshold
from dashboard.figures.scope import DAY, Scope
from dashboard.models.buckets import EDGES
from dashboard.rollups.hours import roll_up
from ml.reference import load_reference
from tests.dashboard.history import LAST, at, make_history

pytestmark = pytest.mark.django_db
DAYS, FIRST_FACES = 3, 40
FIRST_DAY = LAST - (DAYS - 1) * DAY
NOW = LAST + timedelta(hours=23, minutes=59)
EVERYTHING = Scope(FIRST_DAY, LAST + DAY)
DRIFT_CHARTS = {"prediction-drift": ("label", "confidence"), "input-drift": ("brightness", "sharpness", "size")}
Keep = Callable[[Prediction], bool]


@pytest.fixture
def _history(monkeypatch: pytest.MonkeyPatch) -> None:
    """Days of about 60 faces, of which the first is what sizes are compared with; the version changes in the second."""
    monkeypatch.setattr(drift_counts, "FIRST_FACES", FIRST_FACES)
    make_history(seed=5, days=DAYS, photos=165)
    roll_up()


def build(scope: Scope = EVERYTHING) -> dict[str, Chart]:
    with at(NOW):
        return {chart.name: chart for chart in build_predictions(scope)}


def list_days() -> list[datetime]:
    return [FIRST_DAY + i * DAY for i in range(DAYS)]


def everyone(answer: Prediction) -> bool:
    return True


def find_answers(keep: Keep = everyone, start: datetime = FIRST_DAY, step: timedelta = DAYS * DAY) -> list[Prediction]:
    """What was shown to people from `start` on, for so long."""
    made = Prediction.objects.filter(created_at__gte=start, created_at__lt=start + step)
    every = made.select_related("face__upload", "version")
    return [one for one in every if not one.shadow and one.face.upload.source != "probe" and keep(one)]


def narrow(name: str) -> tuple[Scope, Keep]:
    """A scope with a filter, and whom it keeps; with a label too, which most charts do not look at."""
    scope = replace(EVERYTHING, label=3)
    if name == "version":
        version = Version.objects.get(name="new-5")
        return replace(scope, version=version), lambda one: one.version == version
    if name == "source":
        return replace(scope, source="page"), lambda one: one.face.upload.source == "page"
    return scope, everyone


def measure(name: str, answer: Prediction) -> float | None:
    face = answer.face
    found: dict[str, float | None] = {
        "confidence": answer.confidence,
        "brightness": face.brightness,
        "sharpness": face.sharpness,
        "size": min(face.width, face.height),
    }
    return found[name]


def count(name: str, answers: Sequence[Prediction]) -> list[int]:
    """How many of each label, or in each bucket."""
    if name == "label":
        return [sum(one.label == label for one in answers) for label in range(7)]
    values = [value for one in answers if (value := measure(name, one)) is not None]
    places = [sum(value >= edge for edge in EDGES[name]) for value in values]
    return [places.count(place) for place in range(len(EDGES[name]) + 1)]


def compute_distance(counts: Sequence[int], reference: Sequence[int]) -> float:
    total = 0.0
    for mine, theirs in zip(counts, reference, strict=True):
        p, q = mine / sum(counts), theirs / sum(reference)
        total += sum(share * log2(2 * share / (p + q)) / 2 for share in (p, q) if share)
    return sqrt(max(total, 0))


def find_first_sizes() -> tuple[list[int], datetime]:
    """The whole days that first give FIRST_FACES faces, and the last of them."""
    for i in range(DAYS):
        answers = find_answers(step=(i + 1) * DAY)
        if len(answers) >= FIRST_FACES:
            return count("size", answers), FIRST_DAY + i * DAY
    raise AssertionError("too few faces")


def expect_drift(measures: Sequence[str], keep: Keep = everyone) -> list[list[Any]]:
    """The rows of a drift chart."""
    training = load_reference()
    sizes, last = find_first_sizes()
    references: dict[str, Sequence[int]] = {
        "label": training.labels.tolist(),
        "confidence": training.confidence.tolist(),
        "brightness": training.brightness.tolist(),
        "sharpness": training.sharpness.tolist(),
        "size": sizes,
    }
    rows = []
    for day in list_days():
        answers = find_answers(keep, day, DAY)
        row: list[Any] = [day, len(answers)]
        for name in measures:
            counts, reference = count(name, answers), references[name]
            if sum(counts) < 30 or (name == "size" and day <= last):
                row += [None, None]
            else:
                value = compute_distance(counts, reference)
                row += [pytest.approx(value), drift_threshold(name, sum(counts), reference)]
        rows.append(row)
    return rows


def expect_mix(keep: Keep) -> list[tuple[Any, ...]]:
    """The rows of the label mix."""
    rows = []
    for day in list_days():
        counts = count("label", find_answers(keep, day, DAY))
        total = sum(counts)
        rows.append((day, total, *counts, *(one / total if total else None for one in counts)))
    return rows


@pytest.mark.usefixtures("_history")
@pytest.mark.parametrize("name", ["everything", "version", "source"])
def test_every_number(name: str) -> None:
    scope, keep = narrow(name)
    charts = build(scope)

    mix, expected = charts["label-mix"], expect_mix(keep)
    assert list(mix.rows) == expected
    assert mix.n == sum(row[1] for row in expected) > 50
    assert [one.name for one in mix.columns[2:4]] == ["angry", "disgust"]

    for chart_name, measures in DRIFT_CHARTS.items():
        chart, drift = charts[chart_name], expect_drift(measures, keep)
        assert [list(row) for row in chart.rows] == drift
        assert chart.n == sum(row[1] for row in drift if any(cell is not None for cell in row[2:]))
        assert chart.is_enough
        assert drift[-1][-1] is not None

    for label in (None, 3):
        chart = build(replace(scope, label=label))["confidence"]
        answers = [one for one in find_answers(keep) if label in (None, one.label)]
        columns = [count("confidence", [one for one in answers if one.label == number]) for number in range(7)]
        assert [list(row[1:]) for row in chart.rows] == [list(row) for row in zip(*columns, strict=True)]
        assert chart.n == len(answers)
        assert chart.is_enough
    assert [chart.rows[i][0] for i in (0, 12, 19)] == ["0.00–0.05", "0.60–0.65", "0.95–1.00"]


@pytest.mark.usefixtures("_history")
def test_a_short_range_has_labels_by_the_hour_and_drift_by_the_day() -> None:
    charts = build(Scope(LAST - DAY, LAST + DAY))
    hours = [LAST - DAY + timedelta(hours=i) for i in range(48)]
    assert [row[0] for row in charts["label-mix"].rows] == hours
    for hour, row in zip(hours, charts["label-mix"].rows, strict=True):
        assert list(row[2:9]) == count("label", find_answers(start=hour, step=timedelta(hours=1)))
    for name, measures in DRIFT_CHARTS.items():
        assert [list(row) for row in charts[name].rows] == expect_drift(measures)[-2:]


@pytest.mark.usefixtures("_history")
def test_facts_and_marks() -> None:
    with at(FIRST_DAY - DAY):
        Promotion.objects.create(version=Version.objects.get(name="new-5"), reason="before the range")
    charts = build()
    chart = charts["input-drift"]
    last, _, value, threshold = next(row for row in reversed(expect_drift(["size"])) if row[2] is not None)
    assert chart.facts["face size, last day"] == last
    assert chart.facts["face size, distance then"] == value
    assert chart.facts["face size, threshold then"] == threshold
    flagged = [row for row in expect_drift(["brightness"]) if row[2] is not None and row[2].expected > row[3]]
    assert chart.facts["brightness, days above the threshold"] == len(flagged) > 0
    marks = [(FIRST_DAY, "old-5 serves"), (FIRST_DAY + DAYS / 2 * DAY, "new-5 serves")]
    for name in ("label-mix", "prediction-drift", "input-drift"):
        assert [(mark.at, mark.text) for mark in charts[name].marks] == marks


def test_sizes_have_no_value_before_there_are_enough_to_compare_with() -> None:
    make_history(seed=5, days=1, photos=60)
    roll_up()
    chart = build()["input-drift"]
    assert {row[6] for row in chart.rows} == {None}
    assert "fewer so far" in chart.note
    assert chart.is_enough
    assert chart.facts["face size, last day"] is None


def test_an_empty_database() -> None:
    charts = build()
    assert list(charts) == ["label-mix", "confidence", "prediction-drift", "input-drift"]
    for chart in charts.values():
        assert not chart.is_enough
        assert chart.n == 0
        assert chart.to_dict()["rows"] == []
    assert len(charts["prediction-drift"].rows) == DAYS


def test_as_many_queries_however_much_there_is() -> None:
    numbers = []
    for seed, photos in ((1, 5), (2, 60)):
        Version.objects.update(state="retired", is_shadow=False)
        make_history(seed=seed, days=DAYS, photos=photos)
        roll_up()
        with CaptureQueriesContext(connection) as queries:
            build()
        numbers.append(len(queries))
    assert numbers == [5, 5]

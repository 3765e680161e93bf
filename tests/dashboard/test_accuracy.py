"""Every number of the accuracy page is the one that the rows give, under every filter."""

from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_recall_fscore_support

from classifier.models import Label, Version
from dashboard.charts.accuracy import build_accuracy
from dashboard.charts.chart import Chart
from dashboard.figures.intervals import FEWEST_REVIEWED
from dashboard.figures.scope import Scope
from tests.dashboard.plain import kept_history, last_days, share, shown_faces, table, wilson

pytestmark = pytest.mark.django_db
FILTERS: list[dict[str, Any]] = [{}, {"version": "new-0"}, {"source": "api"}, {"label": 3}]


@pytest.fixture(scope="module", autouse=True)
def history(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with kept_history(django_db_blocker, days=4, photos=300):
        yield


def scope_with(filters: dict[str, Any]) -> Scope:
    version = Version.objects.get(name=filters["version"]) if "version" in filters else None
    return last_days(3, **{**filters, "version": version})


def charts_of(scope: Scope) -> dict[str, Chart]:
    return {chart.name: chart for chart in build_accuracy(scope)}


def test_accuracy_and_macro_f1() -> None:
    checked = 0
    for filters in FILTERS:
        scope = scope_with(filters)
        chart, faces = charts_of(scope)["accuracy"], shown_faces(scope)
        rows = list(table(chart))
        assert [row["start"] for row in rows] == scope.starts()
        for row in rows:
            of_day = [one for one in faces if one.day == row["start"] and one.truth is not None]
            true, predicted = [one.truth for one in of_day], [one.label for one in of_day]
            right = sum(one.truth == one.label for one in of_day)
            assert row["n"] == len(of_day)
            assert row["accuracy"] == pytest.approx(accuracy_score(true, predicted) if of_day else None)
            assert [row["accuracy_low"], row["accuracy_high"]] == pytest.approx(wilson(right, len(of_day)))
            if len(of_day) < FEWEST_REVIEWED or scope.label is not None:
                assert row["macro_f1"] is row["macro_f1_low"] is row["macro_f1_high"] is None
                continue
            assert row["macro_f1"] == pytest.approx(f1_score(true, predicted, average="macro", zero_division=0))
            assert row["macro_f1_low"] < row["macro_f1"] < row["macro_f1_high"]  # type: ignore[operator]
            checked += 1
        reviewed = [one for one in faces if one.truth is not None]
        right = sum(one.truth == one.label for one in reviewed)
        assert chart.n == len(reviewed)
        assert chart.facts["accuracy"] == pytest.approx(right / len(reviewed))
        low, high = wilson(right, len(reviewed))
        assert chart.facts["accuracy, 95 % from"] == pytest.approx(low)
        assert chart.facts["accuracy, 95 % to"] == pytest.approx(high)
    assert checked >= 3


def test_promotions_are_marked() -> None:
    charts = charts_of(last_days(4))
    for name in ("accuracy", "estimated", "corrected"):
        assert [mark.text for mark in charts[name].marks] == ["old-0 serves", "new-0 serves"]


def test_confusion_and_classes() -> None:
    for filters in FILTERS:
        scope = scope_with(filters)
        charts = charts_of(scope)
        # A row and a recall need every predicted label.
        faces = [one for one in shown_faces(scope_with({**filters, "label": None})) if one.truth is not None]
        true, predicted = [one.truth for one in faces], [one.label for one in faces]
        expected = confusion_matrix(true, predicted, labels=range(7)).tolist()
        for number, row in enumerate(table(charts["confusion"])):
            assert row["truth"] == Label(number).label
            assert [row[one.label] for one in Label] == expected[number]
            shares = [share(count, sum(expected[number])) for count in expected[number]]
            assert [row[f"{one.label}_share"] for one in Label] == pytest.approx(shares)
        precision, recall, f1, support = precision_recall_fscore_support(
            true, predicted, labels=range(7), zero_division=0
        )
        for number, row in enumerate(table(charts["classes"])):
            assert row["n"] == support[number]
            assert row["precision"] == (pytest.approx(precision[number]) if number in predicted else None)
            assert row["recall"] == (pytest.approx(recall[number]) if number in true else None)
            assert row["f1"] == (pytest.approx(f1[number]) if number in [*true, *predicted] else None)
        assert charts["confusion"].n == charts["classes"].n == len(faces)

"""Estimated and corrected accuracy, reliability and coverage are those that the rows give."""

from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from classifier.models import Version
from dashboard.charts.accuracy import build_accuracy
from dashboard.charts.chart import Chart
from dashboard.figures.intervals import FEWEST_REVIEWED
from dashboard.figures.scope import Scope
from tests.dashboard.plain import accuracy, correct, kept_history, last_days, share, shown_faces, table, wilson

pytestmark = pytest.mark.django_db
FILTERS: list[dict[str, Any]] = [{}, {"version": "new-0"}, {"source": "api"}, {"label": 3}]
# Confidences are summed in whole millionths.
ROUNDING = 1e-6


@pytest.fixture(scope="module", autouse=True)
def history(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with kept_history(django_db_blocker, days=4, photos=300):
        yield


def scopes() -> list[Scope]:
    versions = {one.name: one for one in Version.objects.all()}
    return [last_days(3, **{**one, "version": versions.get(one.get("version", ""))}) for one in FILTERS]


def charts_of(scope: Scope) -> dict[str, Chart]:
    return {chart.name: chart for chart in build_accuracy(scope)}


def test_estimated_against_realised_and_corrected() -> None:
    for scope in scopes():
        charts, faces = charts_of(scope), shown_faces(scope)
        reviewed = [one for one in faces if one.truth is not None]
        for row, corrected in zip(table(charts["estimated"]), table(charts["corrected"]), strict=True):
            of_day = [one for one in faces if one.day == row["start"]]
            known = [one for one in of_day if one.truth is not None]
            right = sum(one.truth == one.label for one in known)
            assert (row["faces"], row["n"], corrected["n"]) == (len(of_day), len(known), len(known))
            mean = share(sum(one.confidence for one in of_day), len(of_day))
            assert row["estimated"] == pytest.approx(mean, abs=ROUNDING)
            assert row["accuracy"] == corrected["accuracy"] == pytest.approx(accuracy(known))
            assert [row["accuracy_low"], row["accuracy_high"]] == pytest.approx(wilson(right, len(known)))
            assert row["corrected"] == corrected["corrected"] == pytest.approx(correct(of_day, FEWEST_REVIEWED))
            if corrected["corrected"] is not None:
                assert corrected["corrected_low"] < corrected["corrected"] < corrected["corrected_high"]  # type: ignore[operator]
        assert charts["estimated"].n == len(faces)
        assert charts["corrected"].n == len(reviewed)
        facts = charts["estimated"].facts
        assert facts["estimated"] == pytest.approx(sum(one.confidence for one in faces) / len(faces), abs=ROUNDING)
        assert facts["reviewed"] == pytest.approx(accuracy(reviewed))
        assert facts["corrected"] == charts["corrected"].facts["corrected"]
        assert facts["corrected"] == pytest.approx(correct(faces, FEWEST_REVIEWED))


def test_reliability() -> None:
    for scope in scopes():
        chart = charts_of(scope)["reliability"]
        reviewed = [one for one in shown_faces(scope) if one.truth is not None]
        buckets = sorted({one.bucket for one in reviewed})
        rows = list(table(chart))
        assert [row["bucket_low"] for row in rows] == pytest.approx([bucket / 20 for bucket in buckets])
        error = 0.0
        for row, bucket in zip(rows, buckets, strict=True):
            inside = [one for one in reviewed if one.bucket == bucket]
            mean = sum(one.confidence for one in inside) / len(inside)
            right = sum(one.truth == one.label for one in inside)
            assert row["bucket_high"] == pytest.approx((bucket + 1) / 20)
            assert row["n"] == len(inside)
            assert row["confidence"] == pytest.approx(mean, abs=ROUNDING)
            assert row["accuracy"] == pytest.approx(right / len(inside))
            assert [row["accuracy_low"], row["accuracy_high"]] == pytest.approx(wilson(right, len(inside)))
            error += len(inside) / len(reviewed) * abs(right / len(inside) - mean)
        assert chart.n == chart.facts["reviewed faces"] == len(reviewed)
        assert chart.facts["ECE"] == pytest.approx(error, abs=ROUNDING)


def test_coverage() -> None:
    for scope in scopes():
        chart, faces = charts_of(scope)["coverage"], shown_faces(scope)
        rows = list(table(chart))
        assert [row["answered"] for row in rows] == sorted(row["answered"] for row in rows)  # type: ignore[type-var]
        assert rows[-1]["answered"] == 1
        for row in rows:
            answered = [one for one in faces if one.bucket / 20 >= row["threshold"] - 1e-9]  # type: ignore[operator]
            known = [one for one in answered if one.truth is not None]
            right = sum(one.truth == one.label for one in known)
            assert row["answered"] == pytest.approx(len(answered) / len(faces))
            assert row["n"] == len(known)
            assert row["accuracy"] == pytest.approx(accuracy(known))
            assert [row["accuracy_low"], row["accuracy_high"]] == pytest.approx(wilson(right, len(known)))
            assert row["corrected"] == pytest.approx(correct(answered))

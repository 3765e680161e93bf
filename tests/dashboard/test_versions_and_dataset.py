"""Figures of the versions, the dataset and the people's agreement are those that the rows give."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pytest_django import DjangoDbBlocker

from classifier.answers.agreement import fleiss_kappa
from classifier.models import Correction, Face, Label, Prediction, Sample, Version
from dashboard.charts.chart import Chart
from dashboard.charts.training import build_training
from dashboard.figures.intervals import difference_interval
from dashboard.figures.scope import Scope
from tests.dashboard.plain import face_truth, kept_history, last_days, share, shown_faces, table, wilson

pytestmark = pytest.mark.django_db
ROUNDING = 1e-6


@pytest.fixture(scope="module", autouse=True)
def history(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with kept_history(django_db_blocker, days=4, photos=200):
        yield


def charts_of(scope: Scope) -> dict[str, Chart]:
    return {chart.name: chart for chart in build_training(scope)}


def predictions(scope: Scope, **fields: Any) -> list[Prediction]:
    """Of the range and the source, probes left out."""
    found = Prediction.objects.select_related("face__upload", "version").filter(**fields)
    return [
        one
        for one in found
        if scope.since <= one.created_at < scope.end
        and one.face.upload.source != "probe"
        and scope.source in (None, one.face.upload.source)
    ]


def pairs(scope: Scope) -> list[tuple[Prediction, Prediction, int | None]]:
    """The silent and the shown prediction of a face, and its truth."""
    return [
        (silent, shown, face_truth(shown.face))
        for shown in predictions(scope, shadow=False)
        for silent in Prediction.objects.filter(face=shown.face, shadow=True).select_related("version")
    ]


def test_versions() -> None:
    for scope in (last_days(3), last_days(3, source="api")):
        chart = charts_of(scope)["versions"]
        rows = {(row["version"], row["answers"]): row for row in table(chart)}
        assert set(rows) == {("old-0", "shown"), ("new-0", "shown"), ("silent-0", "unseen")}
        for version in Version.objects.all():
            own = predictions(scope, version=version)
            row = rows[version.name, "unseen" if version.is_shadow else "shown"]
            if version.is_shadow:
                reviewed = [(silent.label, truth) for silent, _, truth in pairs(scope) if truth is not None]
            else:
                faces = shown_faces(last_days(3, source=scope.source, version=version))
                reviewed = [(one.label, one.truth) for one in faces if one.truth is not None]
            right = sum(label == truth for label, truth in reviewed)
            assert row["state"] == version.get_state_display()
            assert row["faces"] == len(own)
            assert row["confidence"] == pytest.approx(sum(one.confidence for one in own) / len(own), abs=ROUNDING)
            assert row["n"] == len(reviewed)
            assert row["accuracy"] == pytest.approx(share(right, len(reviewed)))
            assert [row["accuracy_low"], row["accuracy_high"]] == pytest.approx(wilson(right, len(reviewed)))
        assert chart.n == len(predictions(scope))


def test_silent_beside_shown() -> None:
    for scope in (last_days(3), last_days(3, source="api")):
        chart, every = charts_of(scope)["shadow"], pairs(scope)
        assert chart.n == len(every)
        assert [row["pair"] for row in table(chart)] == ["silent-0 beside new-0", "silent-0 beside old-0"]
        for row in table(chart):
            own = [one for one in every if f"{one[0].version} beside {one[1].version}" == row["pair"]]
            known = [one for one in own if one[2] is not None]
            agreeing = sum(silent.label == shown.label for silent, shown, _ in own)
            n = len(known)
            right = sum(silent.label == truth for silent, _, truth in known)
            shown_right = sum(shown.label == truth for _, shown, truth in known)
            assert (row["faces"], row["n"]) == (len(own), n)
            for name, hits, of in (("agreement", agreeing, len(own)), ("silent", right, n), ("shown", shown_right, n)):
                assert row[name] == pytest.approx(share(hits, of))
                assert [row[f"{name}_low"], row[f"{name}_high"]] == pytest.approx(wilson(hits, of))
            assert row["difference"] == pytest.approx(share(right - shown_right, n))
            interval = difference_interval(right, n, shown_right, n)
            assert (row["difference_low"], row["difference_high"]) == pytest.approx(interval)


def test_dataset() -> None:
    for days in (1, 3):
        scope = last_days(days)
        chart = charts_of(scope)["dataset"]
        samples = [
            one
            for one in Sample.objects.select_related("correction__face__upload")
            if one.correction is None or one.correction.face.upload.consent_training
        ]
        rows = list(table(chart))
        assert [row["start"] for row in rows] == scope.starts()
        for row in rows:
            there = [one for one in samples if one.created_at < row["start"] + scope.step]  # type: ignore[operator]
            for split in ("train", "test"):
                assert row[split] == sum(one.split == split for one in there)
                for label in Label:
                    number = sum((one.split, one.label) == (split, label) for one in there)
                    assert row[f"{split}_{label.label}"] == number
        assert chart.n == sum(one.created_at < scope.end for one in samples) > 0


def test_agreement() -> None:
    for scope in (last_days(4), last_days(4, source="page")):
        counts = []
        for face in Face.objects.exclude(upload__source="probe"):
            first = face.predictions.filter(shadow=False).order_by("id").first()
            if not first or not scope.since <= first.created_at < scope.end:
                continue
            if scope.source not in (None, face.upload.source):
                continue
            latest: dict[int, int] = {}
            for one in Correction.objects.filter(face=face).exclude(state="withdrawn").order_by("created_at", "id"):
                latest[one.author_id] = one.answer
            if len(latest) >= 2:
                counts.append(np.bincount(list(latest.values()), minlength=9))
        table_of_faces = np.array(counts)
        people = table_of_faces.sum(axis=1)
        observed = ((table_of_faces * (table_of_faces - 1)).sum(axis=1) / (people * (people - 1))).mean()
        chart = charts_of(scope)["agreement"]
        assert chart.n == len(counts)
        assert chart.facts["observed agreement"] == pytest.approx(observed, abs=ROUNDING)
        assert chart.facts["Fleiss' kappa"] == pytest.approx(fleiss_kappa(table_of_faces), abs=1e-5)
        # Four days are one row.
        (row,) = table(chart)
        assert (row["start"], row["n"]) == (scope.since, len(counts))
        assert (row["observed"], row["kappa"]) == tuple(chart.facts.values())

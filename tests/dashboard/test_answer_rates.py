"""Agreement of blind and shown answers, response and correction rates are those that the rows give."""

from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from classifier.models import Correction, Version
from dashboard.charts.accuracy import build_accuracy
from dashboard.charts.chart import Chart
from dashboard.figures.scope import Scope
from tests.dashboard.plain import Shown, kept_history, last_days, share, shown_faces, table, wilson

pytestmark = pytest.mark.django_db
FILTERS: list[dict[str, Any]] = [{}, {"version": "new-0"}, {"source": "api"}, {"label": 3}]
UNCLEAR, NOT_A_FACE = 7, 8


@pytest.fixture(scope="module", autouse=True)
def history(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with kept_history(django_db_blocker, days=4, photos=150):
        yield


def scopes() -> list[Scope]:
    versions = {one.name: one for one in Version.objects.all()}
    return [last_days(3, **{**one, "version": versions.get(one.get("version", ""))}) for one in FILTERS]


def chart_of(scope: Scope, name: str) -> Chart:
    return next(chart for chart in build_accuracy(scope) if chart.name == name)


def test_blind_against_shown() -> None:
    for scope in scopes():
        chart = chart_of(scope, "blind")
        said = [(one.label, answer) for one in shown_faces(scope) for answer in one.answers]
        expected = {}
        for asked in ["", *Correction.Asked.values]:
            for blind in (True, False):
                some = [pair for pair in said if pair[1].blind == blind and asked in ("", pair[1].asked)]
                if some or not asked:
                    named = [(label, answer.answer) for label, answer in some if answer.answer < UNCLEAR]
                    agreeing = sum(label == answer for label, answer in named)
                    how = Correction.Asked(asked).label if asked else "all"
                    expected[f"{'blind' if blind else 'shown'}, {how}"] = (len(some), len(named), agreeing)
        rows = list(table(chart))
        assert [row["asked"] for row in rows] == list(expected)
        for row in rows:
            given, named_number, agreeing = expected[str(row["asked"])]
            assert (row["answers"], row["named"], row["agreeing"]) == (given, named_number, agreeing)
            assert row["share"] == pytest.approx(share(agreeing, named_number))
            assert [row["share_low"], row["share_high"]] == pytest.approx(wilson(agreeing, named_number))
        assert chart.n == sum(answer.answer < UNCLEAR for _, answer in said)


def rates(faces: list[Shown]) -> dict[str, float | None]:
    answers = [(one.label, answer.answer) for one in faces for answer in one.answers]
    named = [pair for pair in answers if pair[1] < UNCLEAR]
    return {
        "faces": len(faces),
        "answered": sum(bool(one.answers) for one in faces),
        "response": share(sum(bool(one.answers) for one in faces), len(faces)),
        "answers": len(answers),
        "correction": share(sum(label != answer for label, answer in named), len(named)),
        "unclear": share(sum(answer == UNCLEAR for _, answer in answers), len(answers)),
        "not_a_face": share(sum(answer == NOT_A_FACE for _, answer in answers), len(answers)),
    }


def test_response_and_correction_rates() -> None:
    for scope in scopes():
        chart, faces = chart_of(scope, "answers"), shown_faces(scope)
        rows = list(table(chart))
        assert [row.pop("start") for row in rows] == scope.starts()
        for start, row in zip(scope.starts(), rows, strict=True):
            assert row == pytest.approx(rates([one for one in faces if one.day == start]))
        whole = rates(faces)
        assert chart.n == len(faces)
        assert chart.facts == pytest.approx(
            {
                "response rate": whole["response"],
                "correction rate": whole["correction"],
                "can't tell": whole["unclear"],
                "not a face": whole["not_a_face"],
            }
        )

"""The page on dataset and training: kappas by the week, the newest snapshots, runs and decisions, nothing at all."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from classifier.models import GateDecision, Label, Snapshot, TrainingRun, Version
from dashboard.charts.chart import Chart
from dashboard.charts.training import build_training
from dashboard.figures.scope import Scope
from dashboard.rollups.hours import roll_up
from tests.dashboard.history import LAST, at, make_history
from tests.dashboard.plain import DAY, last_days, table

pytestmark = pytest.mark.django_db


def charts_of(scope: Scope) -> dict[str, Chart]:
    return {chart.name: chart for chart in build_training(scope)}


def test_agreement_by_the_week() -> None:
    make_history(days=9, photos=200)
    roll_up()
    scope = last_days(9)
    whole = charts_of(scope)["agreement"]
    rows = list(table(whole))
    assert [row["start"] for row in rows] == [scope.since, scope.since + timedelta(days=7)]
    for row, days in zip(rows, (7, 2), strict=True):
        part = Scope(since=row["start"], end=row["start"] + days * DAY)  # type: ignore[operator, arg-type]
        chart = charts_of(part)["agreement"]
        assert row["n"] == chart.n
        assert (row["observed"], row["kappa"]) == tuple(chart.facts.values())


def make_registry(number: int) -> tuple[Snapshot, TrainingRun, GateDecision]:
    """A snapshot, the run that used it and what the gate made of it."""
    snapshot = Snapshot.objects.create(
        digest=f"{number:064x}",
        size=28 + number,
        corrections=number,
        train_counts=[number, *[3] * 6],
        test_counts=[1] * 7,
    )
    champion, _ = Version.objects.get_or_create(name="champion", digest="c", state="champion")
    version = Version.objects.create(name=f"candidate-{number}", digest=f"d{number}", state="candidate")
    began = timezone.now()
    run = TrainingRun.objects.create(
        state="done", trigger="nightly", version=version, started_at=began, finished_at=began + timedelta(seconds=90)
    )
    figures = {"n": 100, "difference": number / 100, "interval": [-0.01, 0.02], "candidate": {"ece": 0.021}}
    trusted = {"n": 60, "difference": 0.05} if number % 2 else None
    decision = GateDecision.objects.create(
        version=version, champion=champion, outcome="waits", report={"frozen": figures, "trusted": trusted}
    )
    return snapshot, run, decision


def test_the_newest_twenty_snapshots_runs_and_decisions() -> None:
    made = []
    for number in range(22):
        with at(LAST + timedelta(hours=number)):
            made.append(make_registry(number))
    with at(LAST + timedelta(days=1)):
        make_registry(22)
    charts = charts_of(last_days(3))
    newest = made[2:]
    for row, (snapshot, _, _) in zip(table(charts["snapshots"]), newest, strict=True):
        assert (row["snapshot"], row["created_at"]) == (f"snapshot {snapshot.pk}", snapshot.created_at)
        assert (row["size"], row["corrections"]) == (snapshot.size, snapshot.corrections)
        assert [row[f"train_{one.label}"] for one in Label] == snapshot.train_counts
        assert [row[f"test_{one.label}"] for one in Label] == snapshot.test_counts
    for row, (_, run, _) in zip(table(charts["runs"]), reversed(newest), strict=True):
        assert row == {
            "created_at": run.created_at, "state": "Done", "trigger": "nightly check",
            "mode": "go on from the network that serves", "seconds": 90, "version": str(run.version), "reason": "",
        }  # fmt: skip
    for row, (_, _, decision) in zip(table(charts["gate"]), reversed(newest), strict=True):
        trusted = decision.report["trusted"] or {"n": 0, "difference": None}
        assert row == {
            "created_at": decision.created_at, "version": str(decision.version), "champion": "champion",
            "outcome": "waits for staff", "frozen_n": 100, "frozen_low": -0.01, "frozen_high": 0.02,
            "frozen_difference": decision.report["frozen"]["difference"], "trusted_n": trusted["n"],
            "trusted_difference": trusted["difference"], "ece": 0.021,
        }  # fmt: skip


def test_a_run_that_never_began_and_a_report_without_figures() -> None:
    with at(LAST):
        TrainingRun.objects.create(state="skipped", trigger="command", reason="nothing new")
        one, other = (Version.objects.create(name=name, digest=name) for name in ("one", "other"))
        GateDecision.objects.create(version=one, champion=other, outcome="rejected", report={})
    charts = charts_of(last_days(1))
    (run,), (decision,) = table(charts["runs"]), table(charts["gate"])
    assert (run["seconds"], run["version"], run["reason"]) == (None, None, "nothing new")
    assert (decision["frozen_difference"], decision["trusted_n"], decision["ece"]) == (None, 0, None)


def test_nothing_at_all() -> None:
    for days in (1, 3):
        for chart in build_training(last_days(days)):
            assert not chart.is_enough
            assert chart.to_dict()["facts"] == {}


@pytest.mark.parametrize("number", [2, 25])
def test_nine_queries_however_many_rows(number: int, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    make_history(days=3, photos=3 * number)
    with at(LAST):
        Version.objects.filter(state="champion").update(state="retired")
        for one in range(number):
            make_registry(one)
    roll_up()
    with django_assert_num_queries(9):
        build_training(last_days(3))

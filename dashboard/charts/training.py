"""How the next network comes about: versions, the dataset, training runs and what the gate made of them."""

from typing import Any

from classifier.models import GateDecision, TrainingRun
from dashboard.charts.chart import Cell, Chart, Column
from dashboard.charts.dataset import show_agreement, show_dataset, show_snapshots
from dashboard.charts.versions import read_pairs, show_shadow, show_versions
from dashboard.figures.scope import Scope

NEWEST = 20


def build_training(scope: Scope) -> list[Chart]:
    """Every chart of the page; nine queries."""
    pairs = read_pairs(scope)
    return [
        show_versions(scope, pairs),
        show_shadow(pairs),
        show_dataset(scope),
        show_snapshots(scope),
        show_agreement(scope),
        show_runs(scope),
        show_gate(scope),
    ]


def show_runs(scope: Scope) -> Chart:
    """The newest ones up to the end of the range; one query."""
    found: Any = TrainingRun.objects.filter(created_at__lt=scope.end).order_by("-created_at")
    rows: list[tuple[Cell, ...]] = []
    for asked, began, ended, state, trigger, mode, version, reason in found.values_list(
        "created_at", "started_at", "finished_at", "state", "trigger", "mode", "version__name", "reason"
    )[:NEWEST]:
        seconds = (ended - began).total_seconds() if began and ended else None
        names = (TrainingRun.State(state).label, TrainingRun.Trigger(trigger).label, TrainingRun.Mode(mode).label)
        rows.append((asked, *names, seconds, version, reason))
    return Chart(
        name="runs",
        title=f"The newest {NEWEST} training runs",
        plot="table",
        columns=[
            Column("created_at", "Asked for (UTC)", "time"),
            Column("state", "State", "text"),
            Column("trigger", "By", "text"),
            Column("mode", "How", "text"),
            Column("seconds", "From start to end", "seconds"),
            Column("version", "Version it made", "text"),
            Column("reason", "Reason", "text"),
        ],
        rows=rows,
        n=len(rows),
        of="training runs",
        note="Up to the end of the range. A run that was taken up again counts from its first start.",
    )


GATE_FIELDS = (
    "created_at",
    "version__name",
    "champion__name",
    "outcome",
    "report__frozen__n",
    "report__frozen__difference",
    "report__frozen__interval",
    "report__trusted__n",
    "report__trusted__difference",
    "report__frozen__candidate__ece",
)
GATE_COLUMNS = (
    Column("created_at", "Decided (UTC)", "time"),
    Column("version", "Candidate", "text"),
    Column("champion", "Against", "text"),
    Column("outcome", "Outcome", "text"),
    Column("frozen_n", "Faces of the frozen set"),
    Column("frozen_difference", "Accuracy won on it", "share"),
    Column("frozen_low", "Accuracy won, from", "share"),
    Column("frozen_high", "Accuracy won, to", "share"),
    Column("trusted_n", "Trusted corrections"),
    Column("trusted_difference", "Accuracy won on them", "share"),
    Column("ece", "ECE on the frozen set", "share"),
)


def show_gate(scope: Scope) -> Chart:
    """The newest decisions up to the end of the range, with the figures of their reports; one query."""
    found: Any = GateDecision.objects.filter(created_at__lt=scope.end).order_by("-created_at", "-id")
    rows: list[tuple[Cell, ...]] = []
    decisions = found.values_list(*GATE_FIELDS)[:NEWEST]
    for moment, version, champion, outcome, n, difference, interval, trusted_n, trusted, ece in decisions:
        low, high = interval or (None, None)
        label = GateDecision.Outcome(outcome).label
        rows.append((moment, version, champion, label, n, difference, low, high, trusted_n or 0, trusted, ece))
    return Chart(
        name="gate",
        title=f"The newest {NEWEST} decisions of the gate: candidates against the network that served",
        plot="table",
        columns=GATE_COLUMNS,
        rows=rows,
        n=len(rows),
        of="decisions",
        note="Up to the end of the range. Below 0 the candidate was worse. 95 % intervals by a paired bootstrap over "
        "faces, as the gate's report has them.",
    )

"""The gate's demands, one by one, and what becomes of a candidate."""

from typing import Any

import numpy as np
import pytest

from classifier.models import GateDecision, Promotion, Version
from classifier.training.gate import Faces, check_candidate, check_completeness, decide, record_decision
from tests.factories import make_version

pytestmark = pytest.mark.django_db


def figures(difference: float = 0.0, low: float = -0.01, ece: float = 0.02, n: int = 3589) -> dict[str, Any]:
    return {
        "n": n,
        "champion": {"accuracy": 0.7, "ece": 0.02, "nll": 0.8},
        "candidate": {"accuracy": 0.7 + difference, "ece": ece, "nll": 0.8},
        "difference": difference,
        "interval": [low, low + 0.02],
        "recall": {"fear": recall(0.0, 0.01)},
    }


def recall(difference: float, high: float) -> dict[str, Any]:
    return {"n": 496, "champion": 0.5, "candidate": 0.5, "difference": difference, "interval": [-0.2, high]}


def outcome(
    frozen: dict[str, Any],
    trusted: dict[str, Any] | None,
    *,
    took: float = 5.0,
    usual: float = 5.0,
    size: int = 4_000_000,
) -> str:
    speed = {"champion": usual, "candidate": took}
    return decide(check_candidate(frozen, trusted, milliseconds=speed, size=size)).value


TRUSTED = figures(difference=0.0, n=50)


def test_a_candidate_that_loses_nothing_is_promoted() -> None:
    assert outcome(figures(), TRUSTED) == "promoted"


@pytest.mark.parametrize(
    "frozen",
    [
        figures(difference=-0.0101),
        figures(low=-0.0201),
        figures(ece=0.0301),
        {**figures(), "recall": {"fear": recall(-0.051, -0.001)}},
    ],
    ids=["a point lost", "two points may be lost", "overconfident", "fear is found less often"],
)
def test_one_failed_demand_rejects(frozen: dict[str, Any]) -> None:
    assert outcome(frozen, TRUSTED) == "rejected"
    assert outcome(frozen, None) == "rejected"


def test_a_recall_that_may_have_fallen_by_chance_does_not_reject() -> None:
    assert outcome({**figures(), "recall": {"disgust": recall(-0.1, 0.01)}}, TRUSTED) == "promoted"


def test_worse_on_trusted_corrections_is_rejected() -> None:
    assert outcome(figures(), figures(difference=-0.001, n=50)) == "rejected"


@pytest.mark.parametrize("trusted", [None, figures(difference=0.1, n=49)])
def test_too_few_trusted_corrections_leave_it_to_staff(trusted: Any) -> None:
    assert outcome(figures(), trusted) == "waits"


def test_too_slow_or_too_large_is_rejected() -> None:
    assert outcome(figures(), TRUSTED, took=25.1) == "rejected"
    assert outcome(figures(), TRUSTED, size=25_100_000) == "rejected"


def test_a_busy_machine_does_not_reject() -> None:
    """Where the champion is as slow at the same moment, time says nothing about the candidate."""
    assert outcome(figures(), TRUSTED, took=43.9, usual=40.0) == "promoted"
    assert outcome(figures(), TRUSTED, took=44.1, usual=40.0) == "rejected"
    [check] = [
        check
        for check in check_candidate(figures(), TRUSTED, milliseconds={"champion": 40, "candidate": 43.9}, size=1)
        if check.name == "time for one face"
    ]
    assert (check.found, check.limit) == ("43.9 ms; the champion 40.0 ms", "at most 25, or 1.1 × the champion's")


def test_faces_that_cannot_be_read_leave_it_to_staff() -> None:
    images, labels = np.zeros((35, 48, 48), np.uint8), np.zeros(35, np.int64)
    whole, part = Faces(images, labels), Faces(images, labels, unreadable=3554)
    assert check_completeness(frozen=whole, trusted=whole) == []
    [check] = check_completeness(frozen=part, trusted=whole)
    assert (check.name, check.found, check.passed) == (
        "faces of the frozen set", "3,554 of 3,589 could not be read", None
    )  # fmt: skip
    assert "reconcile_dataset" in check.limit
    [check] = check_completeness(frozen=whole, trusted=part)
    assert check.name == "faces of the trusted corrections"
    for frozen in (figures(), figures(difference=-0.5)):
        checks = check_candidate(frozen, TRUSTED, milliseconds={"champion": 5, "candidate": 5}, size=1)
        assert decide([check, *checks], complete=False) == "waits"


def test_staff_may_want_to_decide_always(settings: Any) -> None:
    settings.FERSITE_AUTO_PROMOTE = False
    assert outcome(figures(), TRUSTED) == "waits"


def test_every_limit_is_a_setting(settings: Any) -> None:
    settings.FERSITE_GATE_DROP, settings.FERSITE_GATE_LOWEST = 5.0, 6.0
    settings.FERSITE_GATE_ECE, settings.FERSITE_GATE_TRUSTED = 0.1, 10
    settings.FERSITE_GATE_RECALL, settings.FERSITE_GATE_MS, settings.FERSITE_GATE_MB = 12.0, 80.0, 60.0
    worse = figures(difference=-0.04, low=-0.05, ece=0.09) | {"recall": {"fear": recall(-0.11, -0.01)}}
    assert outcome(worse, figures(n=10), took=70.0, size=50_000_000) == "promoted"


def report(result: str) -> dict[str, Any]:
    return {"outcome": result, "frozen_set": {"digest": "f" * 64, "used_before": 0}}


def test_the_winner_serves_and_the_loser_never_does() -> None:
    old, new = make_version("1"), make_version("2", state="candidate")
    decision = record_decision(candidate=new, champion=old, report=report("promoted"))
    assert Version.objects.get(state="champion") == new
    assert f"decision {decision.pk}" in Promotion.objects.get().reason

    loser = make_version("3", state="candidate")
    record_decision(candidate=loser, champion=new, report=report("rejected"))
    loser.refresh_from_db()
    assert loser.state == "rejected"
    assert Version.objects.get(state="champion") == new


@pytest.mark.parametrize("found", ["promoted", "rejected", "waits"])
def test_a_champion_that_changed_meanwhile_leaves_it_to_staff(found: str) -> None:
    measured = make_version("1", state="retired")
    serving, new = make_version("2"), make_version("3", state="candidate")
    decision = record_decision(candidate=new, champion=measured, report=report(found))
    assert decision.outcome == "waits"
    assert "serves no longer" in decision.report["note"]
    new.refresh_from_db()
    assert new.state == "candidate"
    assert Version.objects.get(state="champion") == serving


@pytest.mark.parametrize(
    ("decided", "found"), [("rejected", "promoted"), ("rejected", "rejected"), ("champion", "rejected")]
)
def test_where_staff_decided_first_it_stays_and_the_report_is_kept(decided: str, found: str) -> None:
    old = make_version("1", state="retired" if decided == "champion" else "champion")
    candidate = make_version("2", state="candidate")
    Version.objects.filter(pk=candidate.pk).update(state=decided)
    decision = record_decision(candidate=candidate, champion=old, report=report(found))
    assert decision.outcome == "waits"
    assert "staff decided before the gate did" in decision.report["note"]
    candidate.refresh_from_db()
    assert candidate.state == decided
    assert not Promotion.objects.exists()


def test_decisions_are_append_only() -> None:
    from django.db import IntegrityError, transaction

    decision = record_decision(
        candidate=make_version("2", state="candidate"), champion=make_version("1"), report=report("waits")
    )
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        GateDecision.objects.update(outcome="promoted")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        decision.delete()

"""The gate: a new network serves only if it is shown to be no worse than the one that serves, every number kept."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings
from django.db import transaction
from numpy.typing import NDArray

from classifier.models import GateDecision, TrainingRun, Version
from classifier.serving.network import get_network
from classifier.training.registry import lock_registry, promote_version, reject_version
from ml.compare import compare_networks
from ml.evaluate import TIMED_FACES, compute_probabilities, time_single_faces

PERCENT = 100.0
# A busy machine makes both networks slow: up to this many times the champion's time passes above the limit, too.
SLOWER = 1.1


@dataclass(frozen=True)
class Faces:
    """Labelled crops: images uint8 (n, 48, 48); labels int64 (n,), 0 to 6; unreadable: how many the set has lost."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    unreadable: int = 0

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Criterion:
    """One demand: what was found, what is allowed. passed None: too little to tell, so staff must."""

    name: str
    found: str
    limit: str
    passed: bool | None

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "found": self.found, "limit": self.limit, "passed": self.passed}


def measure_candidate(
    *, candidate: Version, champion: Version, frozen: Faces, trusted: Faces, frozen_digest: str
) -> dict[str, Any]:
    """The report of a comparison, with every number and the outcome.

    Args:
        frozen: FER-2013's test split; trusted: held-out corrections that count (SampleQuerySet.trusted).
        frozen_digest: names the frozen set; how often it was used before stands in the report.

    Raises:
        ArtifactError: one of the two cannot be loaded.
    """
    versions = {"champion": champion, "candidate": candidate}
    networks = {who: get_network(version, threads=os.cpu_count() or 1) for who, version in versions.items()}
    found: dict[str, Any] = {"frozen": None, "trusted": None}
    for name, faces in (("frozen", frozen), ("trusted", trusted)):
        if len(faces):
            answers = {
                who: compute_probabilities(network, network.artifact.calibration, faces.images)
                for who, network in networks.items()
            }
            found[name] = compare_networks(answers["champion"], answers["candidate"], faces.labels)
    speed = {
        who: time_single_faces(get_network(version), frozen.images[:TIMED_FACES]) for who, version in versions.items()
    }
    folder = networks["candidate"].artifact.path
    size = (folder / "network.tflite").stat().st_size
    lacking = check_completeness(frozen=frozen, trusted=trusted)
    checks = [*lacking, *check_candidate(found["frozen"], found["trusted"], milliseconds=speed, size=size)]
    return {
        **found,
        "champion": champion.name,
        "candidate": candidate.name,
        "ms_per_face": speed,
        "bytes": size,
        "checks": [check.to_dict() for check in checks],
        "outcome": decide(checks, complete=not lacking).value,
        "frozen_set": {"digest": frozen_digest, "used_before": count_uses(frozen_digest, complete=not lacking)},
    }


def count_uses(frozen_digest: str, *, complete: bool) -> int:
    """How often this frozen set was looked at: by decisions, and maybe by runs that ended between version and decision.

    Of a set that is not complete, every decision may have used what is left.
    """
    decisions, ended = GateDecision.objects.all(), (TrainingRun.State.FAILED, TrainingRun.State.CANCELLED)
    undecided = TrainingRun.objects.filter(state__in=ended, version__isnull=False, version__decisions__isnull=True)
    return (decisions.filter(frozen_digest=frozen_digest) if complete else decisions).count() + undecided.count()


def check_completeness(*, frozen: Faces, trusted: Faces) -> list[Criterion]:
    """A line for each set that has lost faces; none where all are there."""
    sets = {"frozen set": frozen, "trusted corrections": trusted}
    return [
        Criterion(
            f"faces of the {name}",
            f"{faces.unreadable:,} of {len(faces) + faces.unreadable:,} could not be read",
            "all are read: run manage.py reconcile_dataset",
            None,
        )
        for name, faces in sets.items()
        if faces.unreadable
    ]


def check_candidate(
    frozen: dict[str, Any], trusted: dict[str, Any] | None, *, milliseconds: dict[str, float], size: int
) -> list[Criterion]:
    """Every demand of the gate, from ml.compare.compare_networks's figures; each limit is a setting,
    but two: SLOWER, and that trusted corrections lose nothing.

    Args:
        frozen, trusted: figures of the two sets; trusted None where there is no trusted correction.
        milliseconds: for one face, of the champion and of the candidate, on this machine just now; size: of the
            network's file, in bytes.
    """
    drop, bound = settings.FERSITE_GATE_DROP, settings.FERSITE_GATE_LOWEST
    points, low = frozen["difference"] * PERCENT, frozen["interval"][0] * PERCENT
    ece = frozen["candidate"]["ece"]
    return [
        Criterion("accuracy on the frozen set", f"{points:+.2f} points", f"at least {-drop:g}", points >= -drop),
        Criterion("its lower 95 % bound", f"{low:+.2f} points", f"at least {-bound:g}", low >= -bound),
        _check_trusted(trusted),
        *_check_recalls(frozen["recall"]),
        Criterion("ECE on the frozen set", f"{ece:.4f}", f"at most {settings.FERSITE_GATE_ECE:g}",
              ece <= settings.FERSITE_GATE_ECE),
        _check_speed(milliseconds),
        Criterion("size of the file", f"{size / 1e6:.1f} MB", f"at most {settings.FERSITE_GATE_MB:g}",
              size <= settings.FERSITE_GATE_MB * 1e6),
    ]  # fmt: skip


def _check_speed(milliseconds: dict[str, float]) -> Criterion:
    took, usual = milliseconds["candidate"], milliseconds["champion"]
    limit = settings.FERSITE_GATE_MS
    return Criterion(
        "time for one face",
        f"{took:.1f} ms; the champion {usual:.1f} ms",
        f"at most {limit:g}, or {SLOWER:g} × the champion's",
        took <= max(limit, SLOWER * usual),
    )


def _check_trusted(trusted: dict[str, Any] | None) -> Criterion:
    least = settings.FERSITE_GATE_TRUSTED
    name, limit = "accuracy on trusted corrections", f"at least +0 on {least} or more"
    n = trusted["n"] if trusted else 0
    if trusted is None or n < least:
        return Criterion(name, f"only {n} held out", limit, None)
    points = trusted["difference"] * PERCENT
    return Criterion(name, f"{points:+.2f} points on {n}", limit, points >= 0)


def _check_recalls(recalls: dict[str, dict[str, Any]]) -> list[Criterion]:
    """No label's recall may fall by more than the limit, unless chance may have done it."""
    limit = settings.FERSITE_GATE_RECALL
    return [
        Criterion(
            f"recall of {name}",
            f"{recall['difference'] * PERCENT:+.1f} points "
            f"({recall['interval'][0] * PERCENT:+.1f} to {recall['interval'][1] * PERCENT:+.1f}, n = {recall['n']})",
            f"not below {-limit:g} with its interval below 0",
            not (recall["difference"] * PERCENT < -limit and recall["interval"][1] < 0),
        )
        for name, recall in recalls.items()
    ]


def decide(checks: Sequence[Criterion], *, complete: bool = True) -> GateDecision.Outcome:
    """Rejected if any check failed; left to staff where one could not tell, or where staff always decide.

    Faces that are missing (complete=False) let nothing be decided: neither may be for good.
    """
    if complete and any(check.passed is False for check in checks):
        return GateDecision.Outcome.REJECTED
    if any(check.passed is None for check in checks) or not settings.FERSITE_AUTO_PROMOTE:
        return GateDecision.Outcome.WAITS
    return GateDecision.Outcome.PROMOTED


@transaction.atomic
def record_decision(*, candidate: Version, champion: Version, report: dict[str, Any]) -> GateDecision:
    """Keep the report, and do what it says.

    A candidate that was measured against a network that no longer serves waits for staff, whether it won or lost; where
    staff decided about the candidate itself meanwhile, it stays as they decided.
    """
    lock_registry()
    candidate.refresh_from_db(fields=["state"])
    outcome = GateDecision.Outcome(report["outcome"])
    if candidate.state != Version.State.CANDIDATE:
        report = {**report, "note": f"{candidate} is {candidate.state} already: staff decided before the gate did"}
        outcome = GateDecision.Outcome.WAITS
    elif not Version.objects.champions().filter(pk=champion.pk).exists():
        report = {**report, "note": f"{champion} serves no longer: measured against it, so staff decide"}
        outcome = GateDecision.Outcome.WAITS
    decision = GateDecision.objects.create(
        version=candidate,
        champion=champion,
        outcome=outcome,
        frozen_digest=report["frozen_set"]["digest"],
        report={**report, "outcome": outcome.value},
    )
    if outcome == GateDecision.Outcome.PROMOTED:
        promote_version(version=candidate, reason=f"won at the gate (decision {decision.pk})")
    elif outcome == GateDecision.Outcome.REJECTED:
        reject_version(version=candidate)
    return decision

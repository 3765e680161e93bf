"""How far each day's answers and faces are from a reference, and how far chance alone would take them."""

from collections.abc import Sequence
from datetime import datetime

from dashboard.charts.chart import START, Cell, Chart, Column, Mark, Series
from dashboard.figures.drift import DEVIATIONS, DRAWS, MIN_CHUNK, Drift, measure_drift
from dashboard.figures.drift_counts import FIRST_FACES, FirstSizes, read_daily_counts, read_first_sizes
from dashboard.figures.scope import Scope
from ml.reference import load_reference

TITLES = {
    "label": "labels",
    "confidence": "confidence",
    "brightness": "brightness",
    "sharpness": "sharpness",
    "size": "face size",
}
DayCounts = dict[datetime, dict[str, list[int]]]


def build_drift(scope: Scope, promotions: Sequence[Mark]) -> list[Chart]:
    """What comes out and what goes in; two queries."""
    days, first = read_daily_counts(scope), read_first_sizes()
    return [
        show_drift(
            scope, ("label", "confidence"), days, first, promotions,
            name="prediction-drift",
            title="How far each day's answers are from those about faces held out of training",
            note=f"{describe_reference()} Another version may answer otherwise about the same faces.",
        ),
        show_drift(
            scope, ("brightness", "sharpness", "size"), days, first, promotions,
            name="input-drift",
            title="How far each day's faces are from the reference: brightness, sharpness, size",
            note=f"{describe_reference()} {describe_sizes(first)}",
        ),
    ]  # fmt: skip


def show_drift(
    scope: Scope,
    measures: Sequence[str],
    days: DayCounts,
    first: FirstSizes | None,
    promotions: Sequence[Mark],
    *,
    name: str,
    title: str,
    note: str,
) -> Chart:
    """A line for each measure, and its threshold."""
    drifts = {one: measure_days(one, days, first) for one in measures}
    columns = [START, Column("n", "Faces")]
    for one in measures:
        columns += [
            Column(one, TITLES[one], "number"),
            Column(f"{one}_threshold", f"{TITLES[one]}, threshold", "number"),
        ]
    rows: list[tuple[Cell, ...]] = []
    for start in scope.days():
        pairs = [drifts[one].get(start, (None, None)) for one in measures]
        rows.append((start, count_faces(days, start), *(cell for pair in pairs for cell in pair)))
    measured = {start for found in drifts.values() for start in found}
    return Chart(
        name=name,
        title=title,
        plot="lines",
        columns=columns,
        rows=rows,
        n=sum(count_faces(days, start) for start in measured),
        of="faces, on days with a value",
        minimum=MIN_CHUNK,
        note=note,
        series=[Series(f"{one}{part}", dashed=bool(part)) for one in measures for part in ("", "_threshold")],
        marks=promotions,
        facts={key: cell for one in measures for key, cell in sum_up(TITLES[one], drifts[one]).items()},
    )


def measure_days(name: str, days: DayCounts, first: FirstSizes | None) -> dict[datetime, Drift]:
    """Of the days that have enough faces, and are not themselves what sizes are compared with."""
    found = {}
    for start, counts in days.items():
        if name == "size":
            drift = measure_drift(name, counts[name], first.counts) if first and start > first.last else None
        else:
            drift = measure_drift(name, counts[name])
        if drift:
            found[start] = drift
    return found


def sum_up(title: str, drifts: dict[datetime, Drift]) -> dict[str, Cell]:
    """A measure's last value, and on how many days it was above its threshold."""
    last = max(drifts, default=None)
    value, threshold = drifts[last] if last else (None, None)
    return {
        f"{title}, last day": last,
        f"{title}, distance then": value,
        f"{title}, threshold then": threshold,
        f"{title}, days above the threshold": sum(drift.is_above for drift in drifts.values()),
    }


def count_faces(days: DayCounts, start: datetime) -> int:
    """How many faces were shown on a day: every shown prediction has a label."""
    return sum(days[start]["label"]) if start in days else 0


def describe_reference() -> str:
    """How drift is measured, for people."""
    reference = load_reference()
    return (
        "Jensen–Shannon distance (Lin 1991, base 2) from 0, the same shares, to 1, nothing in common; compared with"
        f" {reference.n} faces that {reference.version} held out of its training. Threshold: the mean and {DEVIATIONS}"
        f" standard deviations over {DRAWS} chunks of as many faces drawn from the reference. Photos here are not those"
        " of the training data: a steady distance above the threshold says so, a rise says that something has changed."
        f" By the day, UTC; nothing for fewer than {MIN_CHUNK} faces. The label filter does not apply."
    )


def describe_sizes(first: FirstSizes | None) -> str:
    """What sizes are compared with, for people."""
    start = "Faces of the training data have no size: the shorter side in pixels is compared with that of this site's"
    if first is None:
        return f"{start} first {FIRST_FACES} faces; there are fewer so far, so it has no value yet."
    return (
        f"{start} first {sum(first.counts)} faces, of every source, up to {first.last:%Y-%m-%d}; no value until then."
    )

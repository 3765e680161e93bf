"""What the network answers: which labels, how surely, and how far that and its input have drifted."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from django.db.models import Sum

from classifier.models import Label
from dashboard.charts.chart import START, Cell, Chart, Column, Mark, Series
from dashboard.charts.drift import build_drift
from dashboard.charts.marks import read_promotions
from dashboard.figures.aggregates import SumArrays
from dashboard.figures.scope import Scope
from dashboard.models import PredictionRollup
from dashboard.models.buckets import EDGES, bucket_count

# Shares of fewer faces jump about.
FEWEST_FACES = 20


def build_predictions(scope: Scope) -> list[Chart]:
    """Every chart of the page; five queries."""
    promotions = read_promotions(scope)
    return [
        show_label_mix(scope, promotions),
        show_confidence(scope),
        *build_drift(scope, promotions),
    ]


def show_label_mix(scope: Scope, promotions: Sequence[Mark]) -> Chart:
    """How often each label was the answer."""
    shown = PredictionRollup.objects.filter(scope.matching("version", "source"), shadow=False)
    numbers: dict[datetime, dict[int, int]] = defaultdict(dict)
    for start, label, faces in shown.values_list("start", "label").annotate(Sum("faces")):
        numbers[start][label] = faces
    rows: list[tuple[Cell, ...]] = []
    for start in scope.starts():
        counts = [numbers[start].get(label, 0) for label in Label.values]
        total = sum(counts)
        rows.append((start, total, *counts, *(count / total if total else None for count in counts)))
    return Chart(
        name="label-mix",
        title="Which expressions the network named, as shares of all faces",
        plot="stacked",
        columns=[
            START,
            Column("n", "Faces"),
            *(Column(one.label, one.label) for one in Label),
            *(Column(f"{one.label}_share", f"{one.label}, share", "share") for one in Label),
        ],
        rows=rows,
        n=sum(sum(counts.values()) for counts in numbers.values()),
        minimum=FEWEST_FACES,
        note="Shown answers, counted when they were given. The label filter does not apply: shares are of all labels.",
        series=[Series(f"{one.label}_share") for one in Label],
        marks=promotions,
    )


def show_confidence(scope: Scope) -> Chart:
    """A histogram of the range, by predicted label."""
    shown = PredictionRollup.objects.filter(scope.matching("version", "source", "label"), shadow=False)
    found = dict(shown.values_list("label").annotate(SumArrays("confidence_bins")))
    counts = [found.get(label, [0] * bucket_count("confidence")) for label in Label.values]
    edges = [0.0, *EDGES["confidence"], 1.0]
    names = [f"{low:.2f}–{high:.2f}" for low, high in pairwise(edges)]
    return Chart(
        name="confidence",
        title="How sure the network was, by the expression it named",
        plot="stacked",
        columns=[Column("confidence", "Confidence", "text"), *(Column(one.label, one.label) for one in Label)],
        rows=list(zip(names, *counts, strict=True)),
        n=sum(map(sum, counts)),
        minimum=FEWEST_FACES,
        note="Calibrated probability of the label that was shown; a value on an edge counts above it.",
        series=[Series(one.label) for one in Label],
    )

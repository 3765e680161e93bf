"""Champion against challengers: what each version answered, and the silent one on the same faces as the shown one."""

from typing import Any

from django.db.models import Sum

from classifier.models import Version
from dashboard.charts.chart import Cell, Chart, Column, Series, with_interval
from dashboard.figures.aggregates import SumArrays
from dashboard.figures.intervals import FEWEST_REVIEWED, difference_interval
from dashboard.figures.scope import Scope
from dashboard.models import AnswerRollup, PredictionRollup, ShadowRollup
from dashboard.rollups.statements import MILLION
from ml.intervals import wilson_interval

SHADOW_SUMS = ("faces", "agreeing", "reviewed", "right", "champion_right")
# Faces, those with the same label, reviewed ones, those the silent version got right, those the shown one did.
Pairs = dict[tuple[str, str], tuple[int, ...]]


def read_pairs(scope: Scope) -> Pairs:
    """The sums of each pair of a silent and a shown version, by their names; one query."""
    rows: Any = ShadowRollup.objects.filter(scope.matching("source")).values_list("version__name", "champion__name")
    sums = rows.annotate(*(Sum(name) for name in SHADOW_SUMS)).order_by("version__name", "champion__name")
    return {(silent, shown): tuple(map(int, found)) for silent, shown, *found in sums}


VERSIONS_COLUMNS = (
    Column("version", "Version", "text"),
    Column("state", "State now", "text"),
    Column("answers", "Answers", "text"),
    Column("faces", "Faces"),
    Column("confidence", "Mean confidence", "share"),
    Column("n", "Reviewed faces"),
    *with_interval("accuracy", "Accuracy"),
)


def show_versions(scope: Scope, pairs: Pairs) -> Chart:
    """A row for each version that answered, once for what was shown and once for what was not; two queries."""
    found: Any = PredictionRollup.objects.filter(scope.matching("source"))
    found = found.values_list("version__name", "version__state", "shadow")
    answered = list(found.annotate(Sum("faces"), Sum("confidence_sum")).order_by("shadow", "-version__created_at"))
    reviewed = read_reviewed(scope)
    for (silent, _), (_, _, faces, right, _) in pairs.items():
        before = reviewed.get((silent, True), (0, 0))
        reviewed[silent, True] = before[0] + faces, before[1] + right
    rows: list[tuple[Cell, ...]] = []
    for name, state, shadow, faces, confidence in answered:
        n, right = reviewed.get((name, shadow), (0, 0))
        known = name, Version.State(state).label, "unseen" if shadow else "shown"
        rows.append((*known, int(faces), int(confidence) / MILLION / int(faces), n, *measure_share(right, n)))
    return Chart(
        name="versions",
        title="Champion against challengers: the versions that answered",
        plot="table",
        columns=VERSIONS_COLUMNS,
        rows=rows,
        n=sum(int(faces) for _, _, _, faces, _ in answered),
        of="predictions",
        note="Versions that served at different times answered different faces: compare them with care, and a silent "
        "one with the shown one below. Wilson's 95 % intervals. Of the filters the range and the source apply.",
    )


def read_reviewed(scope: Scope) -> dict[tuple[str, bool], tuple[int, int]]:
    """Reviewed faces of each version's shown answers (the False), and how many of them it got right; one query."""
    rows: Any = AnswerRollup.objects.filter(scope.matching("source")).values_list("version__name", "label")
    found: dict[tuple[str, bool], tuple[int, int]] = {}
    for name, label, truths in rows.annotate(SumArrays("truths")):
        n, right = found.get((name, False), (0, 0))
        found[name, False] = n + sum(truths), right + truths[label]
    return found


def show_shadow(pairs: Pairs) -> Chart:
    """How often both say the same, and which is right more often."""
    rows: list[tuple[Cell, ...]] = []
    for (silent, shown), (faces, agreeing, n, right, shown_right) in pairs.items():
        agreement, own, others = (
            measure_share(*counts) for counts in ((agreeing, faces), (right, n), (shown_right, n))
        )
        difference = (right - shown_right) / n if n else None, *difference_interval(right, n, shown_right, n)
        rows.append((f"{silent} beside {shown}", faces, *agreement, n, *own, *others, *difference))
    return Chart(
        name="shadow",
        title="The silent version beside the one that is shown, on the same faces",
        plot="bars",
        columns=[
            Column("pair", "Versions", "text"),
            Column("faces", "Faces of both"),
            *with_interval("agreement", "Same label"),
            Column("n", "Reviewed faces"),
            *with_interval("silent", "Silent one's accuracy"),
            *with_interval("shown", "Shown one's accuracy"),
            *with_interval("difference", "Silent less shown"),
        ],
        rows=rows,
        n=sum(faces for faces, *_ in pairs.values()),
        minimum=FEWEST_REVIEWED,
        note="Wilson's 95 % intervals. The difference's is Newcombe's from these two, as if each version had answered "
        "other faces: wider than a paired test's, so that a difference whose interval leaves out 0 is one. The people "
        "who answered saw the shown version's label, unless they were asked blind: that favours it. Of the filters the "
        "range and the source apply.",
        series=[
            Series("silent", "silent_low", "silent_high"),
            Series("shown", "shown_low", "shown_high"),
        ],
    )


def measure_share(right: int, n: int) -> tuple[float | None, float | None, float | None]:
    """right of n, and its interval; None where n is 0."""
    return right / n if n else None, *wilson_interval(right, n)

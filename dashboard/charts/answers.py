"""What people answer: how many do, how often they correct the network, and what seeing its answer does to theirs."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet, Sum

from classifier.models import Correction
from dashboard.charts.chart import START, Cell, Chart, Column, Series, with_interval
from dashboard.figures.intervals import FEWEST_REVIEWED
from dashboard.figures.scope import Scope
from dashboard.models import AnswerRollup
from ml.intervals import wilson_interval


def count_blind(answers: "QuerySet[AnswerRollup]") -> dict[tuple[bool, str], tuple[int, int, int]]:
    """Answers, those with one of the seven labels, those with the predicted one; by blind and asked, "" for all."""
    sums = answers.values_list("blind", "asked").annotate(
        Sum("answers"), Sum("unclear"), Sum("not_a_face"), Sum("agreeing")
    )
    counts: dict[tuple[bool, str], tuple[int, int, int]] = {}
    for blind, asked, given, unclear, not_a_face, agreeing in sums:
        one = (int(given), int(given - unclear - not_a_face), int(agreeing))
        counts[blind, asked] = one
        before = counts.get((blind, ""), (0, 0, 0))
        counts[blind, ""] = before[0] + one[0], before[1] + one[1], before[2] + one[2]
    return counts


BLIND_COLUMNS = (
    Column("asked", "Asked", "text"),
    Column("answers", "Answers"),
    Column("named", "With one of the seven labels"),
    Column("agreeing", "Of them, the predicted one"),
    *with_interval("share", "Agreement"),
)


def show_blind(answers: "QuerySet[AnswerRollup]") -> Chart:
    """Agreement with the prediction, blind against shown, altogether and by how the face came to be asked."""
    counts = count_blind(answers)
    rows: list[tuple[Cell, ...]] = []
    for asked in ("", *Correction.Asked.values):
        for blind in (True, False):
            if (blind, asked) in counts or not asked:
                given, named, agreeing = counts.get((blind, asked), (0, 0, 0))
                how = Correction.Asked(asked).label if asked else "all"
                share = agreeing / named if named else None
                name = f"{'blind' if blind else 'shown'}, {how}"
                rows.append((name, given, named, agreeing, share, *wilson_interval(agreeing, named)))
    return Chart(
        name="blind",
        title="Agreement with the prediction: asked blind, against asked with the prediction in view",
        plot="bars",
        columns=BLIND_COLUMNS,
        rows=rows,
        n=sum(counts.get((blind, ""), (0, 0, 0))[1] for blind in (True, False)),
        of="answers with a label",
        minimum=FEWEST_REVIEWED,
        note="What agreement is higher by when the prediction is in view is due to seeing it, where both were asked of "
        "like faces: compare rows that were asked the same way. Withdrawn answers are left out.",
        series=[Series("share", "share_low", "share_high")],
    )


ANSWERS_COLUMNS = (
    START,
    Column("faces", "Faces shown"),
    Column("answered", "Faces answered"),
    Column("response", "Response rate", "share"),
    Column("answers", "Answers"),
    Column("correction", "Correction rate", "share"),
    Column("unclear", "Can't tell", "share"),
    Column("not_a_face", "Not a face", "share"),
)


def show_answers(scope: Scope, answers: "QuerySet[AnswerRollup]", faces: dict[datetime, int]) -> Chart:
    """Response rate and correction rate.

    Args:
        faces: shown in each hour or day.
    """
    names = ("answered", "answers", "unclear", "not_a_face", "agreeing")
    sums: Any = answers.values_list("start").annotate(*(Sum(name) for name in names))
    counts = {start: dict(zip(names, map(int, found), strict=True)) for start, *found in sums}
    none = dict.fromkeys(names, 0)
    total = {name: sum(one[name] for one in counts.values()) for name in names}
    rows = [(start, *measure_answers(faces.get(start, 0), **counts.get(start, none))) for start in scope.starts()]
    shown = sum(faces.values())
    _, _, response, _, correction, unclear, not_a_face = measure_answers(shown, **total)
    return Chart(
        name="answers",
        title="Answers: how many faces people answer, and how often they correct the network",
        plot="lines",
        columns=ANSWERS_COLUMNS,
        rows=rows,
        n=shown,
        of="faces",
        note="Counted when the network answered. Response rate: faces with an answer, of all shown. Correction rate: "
        "answers that are another label than the predicted one, of those that are one of the seven; the other two are "
        "shares of all answers. Withdrawn answers are left out.",
        series=[Series("response"), Series("correction"), Series("unclear"), Series("not_a_face")],
        facts={
            "response rate": response,
            "correction rate": correction,
            "can't tell": unclear,
            "not a face": not_a_face,
        },
    )


def measure_answers(
    faces: int, *, answered: int, answers: int, unclear: int, not_a_face: int, agreeing: int
) -> tuple[int, int, float | None, int, float | None, float | None, float | None]:
    """One row of the chart from counts; shares are None where nothing is to be divided by."""
    named = answers - unclear - not_a_face
    return (
        faces,
        answered,
        answered / faces if faces else None,
        answers,
        (named - agreeing) / named if named else None,
        unclear / answers if answers else None,
        not_a_face / answers if answers else None,
    )

"""The dataset as it grows, its snapshots, and how far the people agree whose answers it is made of."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db.models import Sum
from numpy.typing import NDArray

from classifier.models import Label, Sample, Snapshot
from dashboard.charts.chart import Cell, Chart, Column, Series
from dashboard.figures.aggregates import SumArrays
from dashboard.figures.scope import Scope
from dashboard.models import AgreementRollup, Grain, SampleRollup
from dashboard.rollups.statements import MILLION

NEWEST = 20
WEEK = timedelta(days=7)
# Below this number of faces a kappa says more about chance than about people, as classifier.answers.agreement has it.
FEWEST_FACES = 10
SPLITS = Sample.Split.values


def show_dataset(scope: Scope) -> Chart:
    """Samples at the end of each hour or day, by split and label; two queries."""
    before: Any = SampleRollup.objects.filter(grain=Grain.DAY, start__lt=scope.since).values_list("split", "label")
    total = np.zeros((len(SPLITS), len(Label)), dtype=np.int64)
    for split, label, samples in before.annotate(Sum("samples")):
        total[SPLITS.index(split), label] = samples
    inside: Any = SampleRollup.objects.filter(scope.matching()).values_list("start", "split", "label")
    new: dict[datetime, list[tuple[str, int, int]]] = {}
    for start, split, label, samples in inside.annotate(Sum("samples")):
        new.setdefault(start, []).append((split, label, samples))
    rows: list[tuple[Cell, ...]] = []
    for start in scope.starts():
        for split, label, samples in new.get(start, ()):
            total[SPLITS.index(split), label] += samples
        rows.append((start, *total.sum(axis=1).tolist(), *total.ravel().tolist()))
    return Chart(
        name="dataset",
        title="The dataset: samples of each label",
        plot="stacked",
        columns=[
            Column("start", "From (UTC)", "time"),
            *(Column(split, f"{split}, all labels") for split in SPLITS),
            *(Column(f"{split}_{one.label}", f"{split}, {one.label}") for split in SPLITS for one in Label),
        ],
        rows=rows,
        n=int(total.sum()),
        of="samples",
        note="What a snapshot at the end of each hour or day would hold, by when the samples came in: those of photos "
        "that are shared no longer are gone from the past too. The picture shows the training split, the table both. "
        "No filter but the range applies.",
        series=[Series(f"{Sample.Split.TRAIN}_{one.label}") for one in Label],
    )


def show_snapshots(scope: Scope) -> Chart:
    """The newest ones up to the end of the range, oldest first; one query."""
    newest = Snapshot.objects.filter(created_at__lt=scope.end).order_by("-id")[:NEWEST]
    rows: list[tuple[Cell, ...]] = [
        (str(one), one.created_at, one.size, one.corrections, *one.train_counts, *one.test_counts)
        for one in reversed(list(newest))
    ]
    return Chart(
        name="snapshots",
        title=f"The newest {NEWEST} snapshots, by label",
        plot="stacked",
        columns=[
            Column("snapshot", "Snapshot", "text"),
            Column("created_at", "Taken (UTC)", "time"),
            Column("size", "Samples"),
            Column("corrections", "From people's answers"),
            *(Column(f"{split}_{one.label}", f"{split}, {one.label}") for split in SPLITS for one in Label),
        ],
        rows=rows,
        n=len(rows),
        of="snapshots",
        note="Up to the end of the range. The picture shows the training split, the table both.",
        series=[Series(f"{Sample.Split.TRAIN}_{one.label}") for one in Label],
    )


def show_agreement(scope: Scope) -> Chart:
    """Observed agreement and Fleiss' kappa of every seven days; one query."""
    found: Any = AgreementRollup.objects.filter(scope.matching("source")).values_list("start")
    weeks: dict[int, tuple[int, int, NDArray[np.int64]]] = {}
    for start, faces, agreeing, answers in found.annotate(Sum("faces"), Sum("agreeing_sum"), SumArrays("answers")):
        number = (start - scope.since) // WEEK
        before = weeks.get(number, (0, 0, 0))
        weeks[number] = before[0] + int(faces), before[1] + int(agreeing), before[2] + np.array(answers)
    count = -(-len(scope.starts()) * scope.step // WEEK)
    none = (0, 0, np.zeros(0, dtype=np.int64))
    rows: list[tuple[Cell, ...]] = [
        (scope.since + number * WEEK, weeks.get(number, none)[0], *measure_weeks(*weeks.get(number, none)))
        for number in range(count)
    ]
    faces = sum(one[0] for one in weeks.values())
    whole = measure_weeks(
        faces, sum(one[1] for one in weeks.values()), sum((one[2] for one in weeks.values()), start=np.zeros(9))
    )
    return Chart(
        name="agreement",
        title="How far people agree about faces that several of them answered",
        plot="lines",
        columns=[
            Column("start", "Week from (UTC)", "time"),
            Column("n", "Faces"),
            Column("observed", "Observed agreement", "share"),
            Column("kappa", "Fleiss' kappa", "number"),
        ],
        rows=rows,
        n=faces,
        minimum=FEWEST_FACES,
        note="Of every seven days from the first of the range, by when the network answered; nothing for fewer than "
        f"{FEWEST_FACES} faces. The seven labels, “can't tell” and “not a face” are nine answers. Kappa: 1 where all "
        "agree, 0 where they agree as chance would have it; an upper bound where few were asked blind. Of the filters "
        "the range and the source apply.",
        series=[Series("observed"), Series("kappa")],
        facts={"observed agreement": whole[0], "Fleiss' kappa": whole[1]},
    )


def measure_weeks(faces: int, agreeing: int, answers: NDArray[Any]) -> tuple[float | None, float | None]:
    """Observed agreement (0 to 1) and Fleiss' kappa (-1 to 1), None of few faces; kappa None where all said the same.

    Source: J. L. Fleiss, "Measuring nominal scale agreement among many raters", Psychological Bulletin 76 (1971),
    378–382, from sums; as classifier.answers.agreement.fleiss_kappa counts.

    Args:
        agreeing: sum of the faces' shares of agreeing pairs, in millionths; answers: (9,), of all faces.
    """
    if faces < FEWEST_FACES:
        return None, None
    observed = agreeing / MILLION / faces
    expected = float(((answers / answers.sum()) ** 2).sum())
    return observed, (observed - expected) / (1 - expected) if expected < 1 else None

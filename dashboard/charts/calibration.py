"""Whether confidences mean what they say, and what the accuracy over all faces is, not only over those reviewed."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
from django.db.models import QuerySet, Sum

from dashboard.charts.chart import START, Cell, Chart, Column, Mark, Series
from dashboard.figures.aggregates import SumArrays
from dashboard.figures.intervals import FEWEST_REVIEWED
from dashboard.figures.scope import Scope
from dashboard.figures.strata import Strata
from dashboard.models import AnswerRollup, PredictionRollup
from dashboard.models.buckets import EDGES
from dashboard.rollups.statements import MILLION
from ml.intervals import wilson_interval


def read_strata(answers: "QuerySet[AnswerRollup]", faces: "QuerySet[PredictionRollup]") -> dict[datetime, Strata]:
    """By bucket of confidence, of each hour or day that has any; two queries."""
    sums = {name: SumArrays(name) for name in ("reviewed_bins", "right_bins", "reviewed_sums")}
    reviewed = {start: counts for start, *counts in _rows(answers, *sums.values())}
    shown = {start: counts for start, *counts in _rows(faces, SumArrays("confidence_bins"), Sum("confidence_sum"))}
    none = Strata.empty()
    found = {}
    for start in reviewed.keys() | shown.keys():
        faces_here, total = shown.get(start, (none.faces, 0))
        counts = [np.array(one, dtype=np.int64) for one in (faces_here, *reviewed.get(start, [none.reviewed] * 3))]
        found[start] = Strata(counts[0], counts[1], counts[2], counts[3], int(total))
    return found


def _rows(rows: "QuerySet[Any]", *sums: Any) -> Any:
    return rows.values_list("start").annotate(*sums)


def show_estimated(scope: Scope, strata: dict[datetime, Strata], marks: Sequence[Mark]) -> Chart:
    """What the confidences promise against what reviews found."""
    whole = Strata.total(strata.values())
    rows = []
    for start in scope.starts():
        one = strata.get(start, Strata.empty())
        interval = wilson_interval(int(one.right.sum()), one.n)
        rows.append((start, int(one.faces.sum()), one.estimated, one.n, one.accuracy, *interval, correct(one)[0]))
    return Chart(
        name="estimated",
        title="Accuracy estimated without labels, against the one that reviews found",
        plot="lines",
        columns=[
            START,
            Column("faces", "Faces"),
            Column("estimated", "Estimated accuracy", "share"),
            Column("n", "Reviewed faces"),
            Column("accuracy", "Reviewed accuracy", "share"),
            Column("accuracy_low", "Reviewed accuracy, from", "share"),
            Column("accuracy_high", "Reviewed accuracy, to", "share"),
            Column("corrected", "Corrected for selection", "share"),
        ],
        rows=rows,
        n=int(whole.faces.sum()),
        minimum=FEWEST_REVIEWED,
        note="Estimated: the mean calibrated confidence of all faces (CBPE, after NannyML). It holds while the "
        "confidences are calibrated on such photos, and does not notice a new kind of photo about which the network is "
        "surely wrong. Reviewed: approved answers, with Wilson's 95 % interval.",
        series=[
            Series("estimated", dashed=True),
            Series("accuracy", "accuracy_low", "accuracy_high"),
            Series("corrected"),
        ],
        marks=marks,
        facts={"estimated": whole.estimated, "reviewed": whole.accuracy, "corrected": correct(whole)[0]},
    )


def correct(strata: Strata) -> tuple[float, float, float] | tuple[None, None, None]:
    """Post-stratified accuracy with its interval; nothing of few reviewed faces."""
    return strata.post_stratify() if strata.n >= FEWEST_REVIEWED else (None, None, None)


def show_corrected(scope: Scope, strata: dict[datetime, Strata], marks: Sequence[Mark]) -> Chart:
    """Accuracy over all faces, though people review the least certain first."""
    whole = Strata.total(strata.values())
    estimate, low, high = correct(whole)
    days = [(start, strata.get(start, Strata.empty())) for start in scope.starts()]
    return Chart(
        name="corrected",
        title="Accuracy over all faces, corrected for which of them were reviewed",
        plot="lines",
        columns=[
            START,
            Column("n", "Reviewed faces"),
            Column("corrected", "Corrected accuracy", "share"),
            Column("corrected_low", "Corrected accuracy, from", "share"),
            Column("corrected_high", "Corrected accuracy, to", "share"),
            Column("accuracy", "Reviewed accuracy", "share"),
        ],
        rows=[(start, one.n, *correct(one), one.accuracy) for start, one in days],
        n=whole.n,
        of="reviewed faces",
        minimum=FEWEST_REVIEWED,
        note="The accuracy in each of 20 buckets of confidence counts by the bucket's share of all faces "
        "(post-stratification). Buckets without reviewed faces are merged with the nearest one that has some. It "
        "undoes that the least certain faces are asked first, not that people choose which of their own photos they "
        f"answer. From {FEWEST_REVIEWED} reviewed faces.",
        series=[Series("corrected", "corrected_low", "corrected_high"), Series("accuracy", dashed=True)],
        marks=marks,
        facts={"corrected": estimate, "corrected, 95 % from": low, "corrected, 95 % to": high},
    )


def show_reliability(strata: dict[datetime, Strata]) -> Chart:
    """Accuracy by confidence; a row for each bucket with reviewed faces."""
    whole = Strata.total(strata.values())
    rows: list[tuple[Cell, ...]] = []
    for bucket, (low, high) in enumerate(bucket_ends()):
        n, right = int(whole.reviewed[bucket]), int(whole.right[bucket])
        if n:
            mean = float(whole.claimed[bucket]) / MILLION / n
            rows.append((mean, right / n, *wilson_interval(right, n), n, low, high))
    return Chart(
        name="reliability",
        title="Reliability: how often the network is right when it says it is so sure",
        plot="reliability",
        columns=[
            Column("confidence", "Mean confidence", "share"),
            Column("accuracy", "Accuracy", "share"),
            Column("accuracy_low", "Accuracy, from", "share"),
            Column("accuracy_high", "Accuracy, to", "share"),
            Column("n", "Reviewed faces"),
            Column("bucket_low", "Confidence, from", "share"),
            Column("bucket_high", "Confidence, to", "share"),
        ],
        rows=rows,
        n=whole.n,
        of="reviewed faces",
        minimum=FEWEST_REVIEWED,
        note="In 20 buckets of the same width; those without reviewed faces are left out. ECE: the mean distance of "
        "accuracy and confidence, weighted by faces; of few faces chance alone makes it large.",
        series=[Series("accuracy", "accuracy_low", "accuracy_high")],
        facts={"ECE": whole.expected_calibration_error(), "reviewed faces": whole.n},
    )


def bucket_ends() -> list[tuple[float, float]]:
    """Lowest and highest confidence of each bucket."""
    edges = (0.0, *EDGES["confidence"], 1.0)
    return list(pairwise(edges))


def show_coverage(strata: dict[datetime, Strata]) -> Chart:
    """Accuracy if the network answered only above a confidence; one row for each bucket from the surest down."""
    whole = Strata.total(strata.values())
    faces = int(whole.faces.sum())
    rows: list[tuple[Cell, ...]] = []
    for bucket in reversed(range(len(whole.faces))):
        above = whole.since(bucket)
        if faces and above.n and (whole.faces[bucket] or whole.reviewed[bucket]):
            interval = wilson_interval(int(above.right.sum()), above.n)
            share = int(above.faces.sum()) / faces
            rows.append((share, bucket_ends()[bucket][0], above.n, above.accuracy, *interval, above.post_stratify()[0]))
    return Chart(
        name="coverage",
        title="Accuracy if only the surest answers were given",
        plot="lines",
        columns=[
            Column("answered", "Share of all faces answered", "share"),
            Column("threshold", "From this confidence", "share"),
            Column("n", "Reviewed faces among them"),
            Column("accuracy", "Reviewed accuracy", "share"),
            Column("accuracy_low", "Reviewed accuracy, from", "share"),
            Column("accuracy_high", "Reviewed accuracy, to", "share"),
            Column("corrected", "Corrected for selection", "share"),
        ],
        rows=rows,
        n=whole.n,
        of="reviewed faces",
        minimum=FEWEST_REVIEWED,
        note="By whole buckets of confidence, 0.05 wide, from the surest down: the shares are those that the buckets "
        "give. Corrected: each bucket counts by its share of the faces answered.",
        series=[Series("accuracy", "accuracy_low", "accuracy_high"), Series("corrected", dashed=True)],
    )

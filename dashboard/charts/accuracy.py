"""How often the network is right, by the answers that people gave and reviewers approved."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from django.db.models import Q, QuerySet
from numpy.typing import NDArray

from classifier.models import Label
from dashboard.charts.answers import show_answers, show_blind
from dashboard.charts.calibration import read_strata, show_corrected, show_coverage, show_estimated, show_reliability
from dashboard.charts.chart import START, Cell, Chart, Column, Mark, Series, with_interval
from dashboard.charts.marks import read_promotions
from dashboard.figures.aggregates import SumArrays
from dashboard.figures.intervals import FEWEST_REVIEWED, RESAMPLES, macro_f1, macro_f1_interval
from dashboard.figures.scope import Scope
from dashboard.models import AnswerRollup, PredictionRollup
from ml.intervals import wilson_interval

# Rows true labels, columns predicted ones.
Confusion = NDArray[np.int64]


def build_accuracy(scope: Scope) -> list[Chart]:
    """Every chart of the page; six queries."""
    answers = AnswerRollup.objects.filter(scope.matching("version", "source", "label"))
    faces = PredictionRollup.objects.filter(scope.matching("version", "source", "label"), shadow=False)
    confusions = read_confusions(AnswerRollup.objects.filter(scope.matching("version", "source")))
    strata = read_strata(answers, faces)
    marks = read_promotions(scope)
    whole = sum(confusions.values(), start=empty_confusion())
    return [
        show_accuracy(scope, confusions, marks),
        show_estimated(scope, strata, marks),
        show_corrected(scope, strata, marks),
        show_confusion(whole),
        show_classes(whole),
        show_reliability(strata),
        show_coverage(strata),
        show_blind(answers),
        show_answers(scope, answers, {start: int(one.faces.sum()) for start, one in strata.items()}),
    ]


def empty_confusion() -> Confusion:
    return np.zeros((len(Label), len(Label)), dtype=np.int64)


def read_confusions(answers: "QuerySet[AnswerRollup]") -> dict[datetime, Confusion]:
    """Reviewed faces by true and predicted label, of each hour or day that has any; one query."""
    columns = {f"predicted_{label}": SumArrays("truths", filter=Q(label=label)) for label in Label.values}
    rows = answers.values_list("start").annotate(**columns)
    return {start: np.array(truths, dtype=np.int64).T for start, *truths in rows}


ACCURACY_COLUMNS = (
    START,
    Column("n", "Reviewed faces"),
    *with_interval("accuracy", "Accuracy"),
    *with_interval("macro_f1", "Macro-F1"),
)


def show_accuracy(scope: Scope, confusions: dict[datetime, Confusion], marks: Sequence[Mark]) -> Chart:
    """Accuracy and macro-F1 of each hour or day."""
    none = empty_confusion()
    whole = sum(confusions.values(), start=none)
    n, *accuracy = measure_accuracy(whole, scope.label)
    figures = [*accuracy, *measure_macro_f1(whole, scope.label)]
    names = [f"{name}{end}" for name in ("accuracy", "macro-F1") for end in ("", ", 95 % from", ", 95 % to")]
    rows = [
        (start, *measure_accuracy(one, scope.label), *measure_macro_f1(one, scope.label))
        for start in scope.starts()
        for one in [confusions.get(start, none)]
    ]
    return Chart(
        name="accuracy",
        title="Accuracy and macro-F1 on reviewed faces",
        plot="lines",
        columns=ACCURACY_COLUMNS,
        rows=rows,
        n=int(n or 0),
        of="reviewed faces",
        minimum=FEWEST_REVIEWED,
        note="Counted when the network answered, however late the review. The queue asks for the least certain faces "
        "first: the accuracy over all faces is the corrected one below. 95 % intervals: Wilson's; a bootstrap of "
        f"{RESAMPLES} draws for macro-F1, from {FEWEST_REVIEWED} faces. Macro-F1 is the mean over the labels that "
        "occur; it needs every predicted label, so there is none while a label is chosen.",
        series=[
            Series("accuracy", "accuracy_low", "accuracy_high"),
            Series("macro_f1", "macro_f1_low", "macro_f1_high"),
        ],
        marks=marks,
        facts=dict(zip(names, figures, strict=True)),
    )


def measure_accuracy(confusion: Confusion, label: int | None) -> tuple[int, float | None, float | None, float | None]:
    """Reviewed faces (of one predicted label), the share that is right, and its interval."""
    n = int(confusion.sum() if label is None else confusion[:, label].sum())
    right = int(confusion.trace() if label is None else confusion[label, label])
    return n, right / n if n else None, *wilson_interval(right, n)


def measure_macro_f1(confusion: Confusion, label: int | None) -> tuple[float | None, float | None, float | None]:
    """Macro-F1 and its interval; nothing of few faces, nor of one predicted label."""
    if label is not None or confusion.sum() < FEWEST_REVIEWED:
        return None, None, None
    return macro_f1(confusion), *macro_f1_interval(confusion)


def show_confusion(confusion: Confusion) -> Chart:
    """Counts, then shares of each row."""
    rows: list[tuple[Cell, ...]] = []
    for one, counts in zip(Label, confusion.tolist(), strict=True):
        n = sum(counts)
        rows.append((one.label, *counts, *(count / n if n else None for count in counts)))
    return Chart(
        name="confusion",
        title="Confusion matrix: what reviewed faces are, and what the network called them",
        plot="matrix",
        columns=[
            Column("truth", "True label", "text"),
            *(Column(one.label, one.label) for one in Label),
            *(Column(f"{one.label}_share", f"{one.label}, of the row", "share") for one in Label),
        ],
        rows=rows,
        n=int(confusion.sum()),
        of="reviewed faces",
        minimum=FEWEST_REVIEWED,
        note="Rows are true labels, columns predicted ones. The label filter does not apply: a row needs every "
        "predicted label.",
    )


def show_classes(confusion: Confusion) -> Chart:
    """Precision, recall and F1 of each label."""
    rows: list[tuple[Cell, ...]] = []
    for one in Label:
        hits, true, predicted = (
            int(count) for count in (confusion[one, one], confusion[one].sum(), confusion[:, one].sum())
        )
        precision, recall = hits / predicted if predicted else None, hits / true if true else None
        rows.append((one.label, precision, recall, 2 * hits / (true + predicted) if true + predicted else None, true))
    return Chart(
        name="classes",
        title="Precision, recall and F1 of each label on reviewed faces",
        plot="bars",
        columns=[
            Column("label", "Label", "text"),
            Column("precision", "Precision", "share"),
            Column("recall", "Recall", "share"),
            Column("f1", "F1", "share"),
            Column("n", "Faces that are it"),
        ],
        rows=rows,
        n=int(confusion.sum()),
        of="reviewed faces",
        minimum=FEWEST_REVIEWED,
        note="Precision: of the faces that were called it, how many are it; recall: of those that are it, how many "
        "were called so. The label filter does not apply.",
        series=[Series("precision"), Series("recall"), Series("f1")],
    )

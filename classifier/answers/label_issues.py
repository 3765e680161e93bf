"""Answers that are probably wrong labels, ranked by confident learning (ml.label_issues); reads only."""

from dataclasses import dataclass

import numpy as np
from django.db.models.functions import Coalesce

from classifier.models import Correction, Label
from ml.label_issues import find_label_issues

# One pass over at most so many answers, the newest; of the issues, so many are named, the worst.
NEWEST = 20_000
NAMED = 1_000


@dataclass(frozen=True)
class LabelIssue:
    """An answer that looks wrong: score from 0 (worst) to 1; suggested: the label the network is confident of."""

    correction_id: int
    score: float
    suggested: int


def rank_label_issues(*, newest: int = NEWEST, named: int = NAMED) -> list[LabelIssue]:
    """The likely label issues among pending and approved answers that name a label, the worst first; one query.

    An approved answer counts with the label it was approved as. The probabilities are those of the prediction stored
    with the answer: the version that had looked at the face by then, so it was trained before anybody labelled that
    face, and its probabilities are out-of-sample, which confident learning rests on. Answers without a prediction are
    left out. Thresholds come from all of these answers, not from a filtered list: a list of one label only would have
    nothing to compare with.
    """
    answers = Correction.objects.measured().labelled().filter(prediction__isnull=False)
    rows = answers.annotate(label=Coalesce("final_label", "answer")).order_by("-created_at", "-id")
    found = list(rows.values_list("pk", "label", "prediction__probabilities")[:newest])
    labels = np.array([label for _, label, _ in found], dtype=np.int64)
    probabilities = np.array([row for *_, row in found], dtype=np.float64).reshape(-1, len(Label.values))
    result = find_label_issues(labels, probabilities)
    worst = np.flatnonzero(result.issues)
    worst = worst[np.argsort(result.score[worst], kind="stable")][:named]
    return [LabelIssue(found[at][0], float(result.score[at]), int(result.suggested[at])) for at in worst]

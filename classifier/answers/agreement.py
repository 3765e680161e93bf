"""How far people agree about faces that several of them answered: Cohen's and Fleiss' kappa; reads only."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from django.db.models import Count
from numpy.typing import NDArray

from classifier.models import Answer, Correction

# Below this number of faces a kappa says more about chance than about people.
MIN_FACES = 10
NEWEST = 20_000
SHOWN_PAIRS = 5

# What each person says of each face, the latest: face → person → answer.
Votes = dict[object, dict[str, int]]


@dataclass(frozen=True)
class PairAgreement:
    """Two people; faces: how many both answered; kappa from -1 to 1, None where it is undefined."""

    first: str
    second: str
    faces: int
    kappa: float | None


@dataclass(frozen=True)
class Agreement:
    """faces: how many at least two people answered; people: how many did.

    observed: share of agreeing pairs of answers, 0 to 1; fleiss: from -1 to 1, None where it is undefined;
    pairs: those who share the most faces, at least MIN_FACES.
    """

    faces: int = 0
    people: int = 0
    observed: float | None = None
    fleiss: float | None = None
    pairs: tuple[PairAgreement, ...] = ()

    @property
    def is_enough(self) -> bool:
        """Whether the figures may be shown."""
        return self.faces >= MIN_FACES


def measure_agreement(*, newest: int = NEWEST) -> Agreement:
    """Over the newest standing answers, one query; nothing but the numbers of faces and people below MIN_FACES.

    The seven labels, "unclear" and "not a face" are nine categories. An answer given after the network's was seen is
    not independent of another such answer: read the figure as an upper bound where few answers are blind.
    """
    votes = collect_votes(newest)
    people = {person for answers in votes.values() for person in answers}
    if len(votes) < MIN_FACES:
        return Agreement(len(votes), len(people))
    counts = count_answers(votes.values())
    return Agreement(
        faces=len(votes),
        people=len(people),
        observed=float(agreeing_shares(counts).mean()),
        fleiss=fleiss_kappa(counts),
        pairs=compare_pairs(votes),
    )


def collect_votes(newest: int = NEWEST) -> Votes:
    """Faces that at least two people answered, with the latest standing answer of each."""
    standing = Correction.objects.standing().measured()
    several = standing.order_by().values("face").annotate(people=Count("author", distinct=True)).filter(people__gte=2)
    rows = standing.filter(face__in=several.values("face")).order_by("-created_at", "-id")
    votes: Votes = defaultdict(dict)
    for face, person, answer in rows.values_list("face_id", "author__username", "answer")[:newest]:
        votes[face].setdefault(person, answer)
    return {face: answers for face, answers in votes.items() if len(answers) >= 2}


def count_answers(faces: Iterable[dict[str, int]]) -> NDArray[np.int64]:
    """How many people gave each answer: int64 (faces, 9)."""
    rows = [np.bincount(list(answers.values()), minlength=len(Answer.values)) for answers in faces]
    return np.array(rows, dtype=np.int64).reshape(-1, len(Answer.values))


def agreeing_shares(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of all pairs of people who answered a face, the share that agrees: float64 (faces,), from int64 (faces, k)."""
    raters = counts.sum(axis=1)
    return (counts * (counts - 1)).sum(axis=1) / (raters * (raters - 1))


def fleiss_kappa(counts: NDArray[np.int64]) -> float | None:
    """Agreement beyond chance of any number of people, from -1 to 1; None when everybody gave one same answer.

    Source: J. L. Fleiss, "Measuring nominal scale agreement among many raters", Psychological Bulletin 76 (1971),
    378–382. Faces may have different numbers of people, as in Fleiss, Levin and Paik, "Statistical Methods for Rates
    and Proportions" (2003), §18.3: each face weighs the same in the observed agreement, each answer in the expected.

    Args:
        counts: int64 (faces, k), how many people gave each of k answers; at least two people in each row.

    Raises:
        ValueError: no faces, or one that fewer than two people answered.
    """
    if not len(counts) or counts.sum(axis=1).min() < 2:
        raise ValueError("each face needs answers of at least two people")
    expected = float(((counts.sum(axis=0) / counts.sum()) ** 2).sum())
    if expected >= 1:
        return None
    return (float(agreeing_shares(counts).mean()) - expected) / (1 - expected)


def cohen_kappa(first: list[int], second: list[int]) -> float | None:
    """Agreement beyond chance of two people over the same faces; None when both gave one same answer throughout."""
    if len({*first, *second}) == 1:
        return None
    from sklearn.metrics import cohen_kappa_score  # takes a second to import, and few pages need it

    return float(cohen_kappa_score(first, second, labels=Answer.values))


def compare_pairs(votes: Votes) -> tuple[PairAgreement, ...]:
    """Cohen's kappa of the pairs of people who share the most faces."""
    shared = Counter(pair for answers in votes.values() for pair in combinations(sorted(answers), 2))
    chosen = [pair for pair, faces in shared.most_common(SHOWN_PAIRS) if faces >= MIN_FACES]
    found = []
    for first, second in chosen:
        both = [(said[first], said[second]) for said in votes.values() if first in said and second in said]
        kappa = cohen_kappa([one for one, _ in both], [other for _, other in both])
        found.append(PairAgreement(first, second, len(both), kappa))
    return tuple(found)

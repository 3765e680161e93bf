"""What drift is measured on: each day's shown predictions by measure, and this site's first face sizes; reads only."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max, Q, Subquery, Sum, Window
from django.db.models.functions import Coalesce

from classifier.models import Label
from dashboard.figures.aggregates import SumArrays
from dashboard.figures.drift import DRIFT_MEASURES
from dashboard.figures.scope import Scope
from dashboard.models import Grain, PredictionRollup

# So many predictions, in whole days, are what later sizes are compared with.
FIRST_FACES = 500
BINNED = [name for name in DRIFT_MEASURES if name != "label"]


@dataclass(frozen=True)
class FirstSizes:
    """counts: of the size buckets, together FIRST_FACES or more; last: the start of the last day they are from."""

    counts: tuple[int, ...]
    last: datetime


def read_daily_counts(scope: Scope) -> dict[datetime, dict[str, list[int]]]:
    """Of each day in the range that has predictions: the counts of every measure; one query.

    The version and source filters apply, the label filter does not. Faces from before brightness and sharpness were
    measured have none, so those counts may sum to less.
    """
    chosen = {name: getattr(scope, name) for name in ("version", "source") if getattr(scope, name) is not None}
    shown = PredictionRollup.objects.filter(
        grain=Grain.DAY, start__gte=scope.since, start__lt=scope.end, shadow=False, **chosen
    )
    labels = {f"label_{one}": Coalesce(Sum("faces", filter=Q(label=one)), 0) for one in Label.values}
    binned = {f"{name}_counts": SumArrays(f"{name}_bins") for name in BINNED}
    found = {}
    for start, *cells in shown.values_list("start").annotate(**labels, **binned):
        found[start] = {"label": cells[: len(labels)], **dict(zip(BINNED, cells[len(labels) :], strict=True))}
    return found


def read_first_sizes() -> FirstSizes | None:
    """The sizes of this site's first faces, of every version and source: the oldest days that are enough; one query."""
    shown = PredictionRollup.objects.filter(grain=Grain.DAY, shadow=False)
    # Rows of the same day count together; the database stops at the first day that is enough.
    so_far = shown.annotate(so_far=Window(Sum("faces"), order_by="start"))
    last = so_far.filter(so_far__gte=FIRST_FACES).order_by("start").values("start")[:1]
    found = shown.filter(start__lte=Subquery(last)).aggregate(counts=SumArrays("size_bins"), last=Max("start"))
    return FirstSizes(tuple(found["counts"]), found["last"]) if found["last"] else None

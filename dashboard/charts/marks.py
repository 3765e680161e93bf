"""What happened to the site that charts over time point out: promotions."""

from classifier.models import Promotion
from dashboard.charts.chart import Mark
from dashboard.figures.scope import Scope


def read_promotions(scope: Scope) -> list[Mark]:
    """Every promotion in the range, oldest first, whatever the other filters; one query."""
    found = Promotion.objects.filter(at__gte=scope.since, at__lt=scope.end).order_by("at", "id")
    return [Mark(at, f"{name} serves") for at, name in found.values_list("at", "version__name")]

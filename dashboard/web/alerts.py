"""The page of alerts: what is wrong now, what was, and where to look; for staff."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard.alerts.notices import describe_span
from dashboard.figures.scope import MOST_DAYS, Scope
from dashboard.models import Alert, Metric
from dashboard.rollups.hours import DAY, start_of_day
from dashboard.web.access import staff_only
from dashboard.web.navigation import list_pages

LAST = 50
# What came before, on the chart that an alert leads to.
DAYS_BEFORE = 14 * DAY
# The page and the chart of each figure.
CHARTS = {
    Metric.ACCURACY: ("accuracy", "accuracy"),
    Metric.CORRECTED_ACCURACY: ("accuracy", "corrected"),
    Metric.ESTIMATED_ACCURACY: ("accuracy", "estimated"),
    Metric.ECE: ("accuracy", "reliability"),
    Metric.CORRECTION_RATE: ("accuracy", "answers"),
    Metric.LABEL_DRIFT: ("predictions", "prediction-drift"),
    Metric.CONFIDENCE_DRIFT: ("predictions", "prediction-drift"),
    Metric.BRIGHTNESS_DRIFT: ("predictions", "input-drift"),
    Metric.SHARPNESS_DRIFT: ("predictions", "input-drift"),
    Metric.SIZE_DRIFT: ("predictions", "input-drift"),
    Metric.FAILURE_SHARE: ("photos", "failures"),
    Metric.P95_SECONDS: ("photos", "times"),
    Metric.QUEUE_AGE: ("photos", "queue"),
    Metric.WORKER_SILENT: ("photos", "worker"),
}


@dataclass(frozen=True)
class Line:
    """An alert as the page shows it. now: its figure; lasted: since it opened, or until it was resolved."""

    alert: Alert
    now: str
    lasted: str
    chart: str


@staff_only
@never_cache
@require_safe
def show_alerts(request: HttpRequest) -> HttpResponse:
    """Shows open alerts, then the last ones that are over."""
    alerts = Alert.objects.select_related("rule", "batch")
    context = {
        "navigation": list_pages("alerts", {}),
        "open": [make_line(one) for one in alerts.open()],
        "past": [make_line(one) for one in alerts.filter(resolved_at__isnull=False)[:LAST]],
        "last": LAST,
    }
    return render(request, "dashboard/alerts.html", context)


def make_line(alert: Alert) -> Line:
    """An alert with its words and addresses."""
    end = alert.resolved_at or timezone.now()
    return Line(alert, alert.describe("last_value"), describe_span(end - alert.opened_at), find_chart(alert, end))


def find_chart(alert: Alert, end: datetime) -> str:
    """Address of the chart that shows the episode, with what came before."""
    page, chart = CHARTS[alert.rule.kind]
    until = start_of_day(end) + DAY
    since = max(start_of_day(alert.window_start) - DAYS_BEFORE, until - timedelta(days=MOST_DAYS))
    rule = alert.rule
    scope = Scope(since=since, end=until, source=rule.source or None, label=rule.label)
    return f"{reverse('dashboard:page', args=[page])}?{scope.query()}#{chart}"

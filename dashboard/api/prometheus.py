"""/metrics for Prometheus: requests as django-prometheus counts them in every web process, and the site's own gauges.

The gauges are read from the database when somebody asks, in a constant number of queries.
"""

import logging
import os
import secrets
from collections.abc import Iterator

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Max, Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from rest_framework.authentication import get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.roles import is_dashboard_staff
from classifier.api.authentication import BearerAuthentication
from classifier.models import TrainingRun, Version
from dashboard.figures.measures import Window, read_accuracy
from dashboard.models import Alert, AlertRule, Grain, Metric, PredictionRollup, QueueSample, StaleHour
from dashboard.rollups.queue import look_at_queue

REVIEWED_DAYS = 30
# The text format, which every Prometheus reads.
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

logger = logging.getLogger(__name__)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Everything, for a token of staff or the one in FERSITE_METRICS_TOKEN; 401 without a valid one, 403 for others.

    While the database does not answer, what the processes counted is there, and the site's own gauges are not.
    """
    refusal = find_refusal(request)
    if refusal is not None:
        return refusal
    own = CollectorRegistry()
    own.register(SiteCollector())
    try:
        gauges = generate_latest(own)
    except DatabaseError:
        logger.exception("the site's own gauges could not be read")
        gauges = b""
    return HttpResponse(generate_latest(collect_processes()) + gauges, content_type=CONTENT_TYPE)


def find_refusal(request: HttpRequest) -> HttpResponse | None:
    """The answer to whoever may not see it, None to who may."""
    if is_metrics_token(get_authorization_header(Request(request))):
        return None
    try:
        found = BearerAuthentication().authenticate(Request(request))
    except (AuthenticationFailed, DatabaseError):  # whoever cannot be looked up gets nothing
        found = None
    if found is None:
        return HttpResponse(
            "A token is needed.\n", status=401, content_type="text/plain", headers={"WWW-Authenticate": "Bearer"}
        )
    if not is_dashboard_staff(found[0]):
        return HttpResponse("Only staff may read this.\n", status=403, content_type="text/plain")
    return None


def is_metrics_token(header: bytes) -> bool:
    """Whether it is the token that the environment names; the time it takes says nothing about it."""
    kind, _, given = header.partition(b" ")
    wanted = settings.FERSITE_METRICS_TOKEN.encode()
    return bool(wanted) and kind.lower() == b"bearer" and secrets.compare_digest(given.strip(), wanted)


def collect_processes() -> CollectorRegistry:
    """What all web processes counted, where they share a folder; else this one."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


class SiteCollector(Collector):
    """The site's own gauges, read when they are asked for; what is not known is left out."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All gauges of the site, in ten queries."""
        yield from collect_queue()
        yield from collect_network()
        yield from collect_upkeep()


def gauge(name: str, about: str, value: float | None) -> GaugeMetricFamily:
    """One number, None to leave it out."""
    family = GaugeMetricFamily(f"fersite_{name}", about)
    if value is not None:
        family.add_metric([], value)
    return family


def collect_queue() -> Iterator[GaugeMetricFamily]:
    """Photos on their way, and who works on them."""
    queue = look_at_queue(now=timezone.now())
    yield gauge("uploads_pending", "Photos that wait for a worker.", queue.pending)
    yield gauge("uploads_oldest_pending_seconds", "How long the oldest of them has waited.", queue.oldest_seconds)
    yield gauge("worker_alive", "1 while a worker for photos shows signs of life.", queue.worker_alive)
    active = TrainingRun.objects.open().count()
    yield gauge("training_active", "1 while a training run waits or is at work.", active)


def collect_network() -> Iterator[GaugeMetricFamily]:
    """Which network serves, how much the networks have answered, and how well."""
    champion = GaugeMetricFamily("fersite_champion_info", "The network that serves.", labels=["version"])
    for name in Version.objects.champions().values_list("name", flat=True):
        champion.add_metric([name], 1)
    yield champion
    total = GaugeMetricFamily(
        "fersite_predictions_total", "Answers shown, by network; falls when photos are erased.", labels=["version"]
    )
    shown = PredictionRollup.objects.filter(grain=Grain.DAY, shadow=False)
    for name, faces in shown.values_list("version__name").annotate(Sum("faces")).order_by("version__name"):
        total.add_metric([name], faces)
    yield total
    reviewed = read_accuracy(AlertRule(metric=Metric.ACCURACY), Window.before(timezone.now(), hours=24 * REVIEWED_DAYS))
    about = f"Share of right answers among the reviewed faces of the last {REVIEWED_DAYS} days."
    yield gauge("reviewed_accuracy", about, reviewed.value if reviewed else None)
    yield gauge("reviewed_faces", f"How many these are, of {REVIEWED_DAYS} days.", reviewed.n if reviewed else 0)


def collect_upkeep() -> Iterator[GaugeMetricFamily]:
    """Whether somebody should look, and whether the figures are up to date."""
    yield gauge("open_alerts", "Alerts that are not resolved.", Alert.objects.open().count())
    stale = StaleHour.objects.values("hour").distinct().count()
    yield gauge("rollups_stale_hours", "Hours whose aggregates are to be computed again; one is usual.", stale)
    latest = QueueSample.objects.aggregate(at=Max("at"))["at"]
    about = "Since somebody last looked at the queue: more than a few minutes, and no alert can open either."
    age = (timezone.now() - latest).total_seconds() if latest else None
    yield gauge("queue_sample_age_seconds", about, age)

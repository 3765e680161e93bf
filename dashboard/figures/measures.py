"""The figures that alerts watch, over the hours before a moment; reads rollups and samples of the queue only.

Each is the figure that the charts show under its name, over the rule's own range and filters.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from django.db.models import Max, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from classifier.models import Label, Upload
from dashboard.figures.aggregates import SumArrays
from dashboard.figures.drift import measure_drift
from dashboard.figures.drift_counts import read_first_sizes
from dashboard.figures.strata import Strata
from dashboard.models import AlertRule, AnswerRollup, Grain, Metric, PredictionRollup, QueueSample, UploadRollup
from dashboard.models.buckets import read_quantile
from dashboard.rollups.hours import DAY, start_of_day


@dataclass(frozen=True)
class Reading:
    """n: of what the metric counts; threshold: a drift's own, else None."""

    value: float
    n: int
    threshold: float | None = None


@dataclass(frozen=True)
class Window:
    """start ≤ t < end; rollups know hours only, so `start` is a whole one."""

    start: datetime
    end: datetime

    @classmethod
    def before(cls, now: datetime, *, hours: int) -> "Window":
        """The last `hours` whole hours, and what has passed of the present one."""
        return cls(now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours), now)

    def matching(self, grain: Grain | None = None) -> Q:
        """Rollup rows of the window: whole days by the day, what is left at both ends by the hour; or hours only."""
        first, last = start_of_day(self.start - timedelta(microseconds=1)) + DAY, start_of_day(self.end)
        if first >= last or grain == Grain.HOUR:
            return Q(grain=Grain.HOUR, start__gte=self.start, start__lt=self.end)
        return (
            Q(grain=Grain.DAY, start__gte=first, start__lt=last)
            | Q(grain=Grain.HOUR, start__gte=self.start, start__lt=first)
            | Q(grain=Grain.HOUR, start__gte=last, start__lt=self.end)
        )


def read_metric(*, rule: AlertRule, now: datetime) -> Reading | None:
    """What a rule's figure is at a moment; None without any data."""
    return READERS[rule.kind](rule, Window.before(now, hours=rule.window_hours))


def read_strata(rule: AlertRule, window: Window) -> Strata:
    """Shown and reviewed faces by confidence; two queries."""
    answers = filtered(AnswerRollup.objects.all(), rule, window).aggregate(
        reviewed=SumArrays("reviewed_bins"), right=SumArrays("right_bins"), claimed=SumArrays("reviewed_sums")
    )
    shown = filtered(PredictionRollup.objects.filter(shadow=False), rule, window).aggregate(
        faces=SumArrays("confidence_bins"), total=Coalesce(Sum("confidence_sum"), 0)
    )
    counts = {name: np.array(found, dtype=np.int64) for name, found in answers.items()}
    return Strata(faces=np.array(shown["faces"], dtype=np.int64), **counts, total_claimed=shown["total"])


def filtered(rows: "QuerySet[Any]", rule: AlertRule, window: Window, grain: Grain | None = None) -> "QuerySet[Any]":
    """Rows of the window, and of the rule's source and label as far as its metric has them."""
    chosen: dict[str, Any] = {}
    if rule.source and "source" in rule.kind.filters:
        chosen["source"] = rule.source
    if rule.label is not None and "label" in rule.kind.filters:
        chosen["label"] = rule.label
    return rows.filter(window.matching(grain), **chosen)


def read_accuracy(rule: AlertRule, window: Window) -> Reading | None:
    strata = read_strata(rule, window)
    return None if strata.accuracy is None else Reading(strata.accuracy, strata.n)


def read_corrected_accuracy(rule: AlertRule, window: Window) -> Reading | None:
    strata = read_strata(rule, window)
    value, *_ = strata.post_stratify()
    return None if value is None else Reading(value, strata.n)


def read_estimated_accuracy(rule: AlertRule, window: Window) -> Reading | None:
    strata = read_strata(rule, window)
    return None if strata.estimated is None else Reading(strata.estimated, int(strata.faces.sum()))


def read_ece(rule: AlertRule, window: Window) -> Reading | None:
    strata = read_strata(rule, window)
    value = strata.expected_calibration_error()
    return None if value is None else Reading(value, strata.n)


def read_correction_rate(rule: AlertRule, window: Window) -> Reading | None:
    """Of the answers that name one of the seven labels, the share that names another than the network."""
    names = ("answers", "unclear", "not_a_face", "agreeing")
    sums = filtered(AnswerRollup.objects.all(), rule, window).aggregate(**{one: Sum(one, default=0) for one in names})
    named = sums["answers"] - sums["unclear"] - sums["not_a_face"]
    return Reading((named - sums["agreeing"]) / named, named) if named else None


def read_drift(rule: AlertRule, window: Window) -> Reading | None:
    """Drift from the training reference; of sizes, from this site's first ones, once those are over."""
    name, reference = rule.metric.removesuffix("_drift"), None
    shown = filtered(PredictionRollup.objects.filter(shadow=False), rule, window)
    if name == "label":
        found = dict(shown.values_list("label").annotate(Sum("faces")))
        counts = [found.get(label, 0) for label in Label.values]
    else:
        counts = shown.aggregate(counts=SumArrays(f"{name}_bins"))["counts"]
    if name == "size":
        first = read_first_sizes()
        if first is None or window.start < first.last + DAY:
            return None
        reference = first.counts
    drift = measure_drift(name, counts, reference)
    return Reading(drift.value, sum(counts), drift.threshold) if drift else None


def read_failure_share(rule: AlertRule, window: Window) -> Reading | None:
    """Of the photos that are finished, the share that was rejected as unreadable or given up."""
    failed = Q(status__in=[Upload.Status.REJECTED, Upload.Status.DEAD])
    finished = ~Q(status__in=[Upload.Status.PENDING, Upload.Status.RUNNING])
    sums = filtered(UploadRollup.objects.filter(finished), rule, window).aggregate(
        all=Sum("uploads", default=0), failed=Sum("uploads", filter=failed, default=0)
    )
    return Reading(sums["failed"] / sums["all"], sums["all"]) if sums["all"] else None


def read_p95_seconds(rule: AlertRule, window: Window) -> Reading | None:
    """95th percentile of the seconds from arrival to the end: the upper edge of its bucket, as on the chart."""
    counts = filtered(UploadRollup.objects.all(), rule, window).aggregate(counts=SumArrays("total_bins"))["counts"]
    edges = read_quantile("seconds", counts, 0.95)
    return Reading(edges[1], sum(counts)) if edges else None


def read_queue_age(rule: AlertRule, window: Window) -> Reading | None:
    """Seconds that the oldest photo has waited for, at the latest look: what is over is no reason to be called."""
    samples = list_samples(window)
    latest = samples.last()
    return Reading(latest.oldest_seconds, samples.count()) if latest else None


def read_worker_silent(rule: AlertRule, window: Window) -> Reading | None:
    """Looks since the last one at which a worker was there: one a minute, so minutes, but none while nobody looked."""
    samples = list_samples(window)
    n = samples.count()
    seen = samples.filter(worker_alive=True).aggregate(last=Max("at"))["last"]
    silent = n if seen is None else samples.filter(at__gt=seen).count()
    return Reading(float(silent), n) if n else None


def list_samples(window: Window) -> "QuerySet[QueueSample]":
    """The window's looks at the queue, oldest first."""
    return QueueSample.objects.filter(at__gte=window.start, at__lt=window.end)


READERS: dict[Metric, Callable[[AlertRule, Window], Reading | None]] = {
    Metric.ACCURACY: read_accuracy,
    Metric.CORRECTED_ACCURACY: read_corrected_accuracy,
    Metric.ESTIMATED_ACCURACY: read_estimated_accuracy,
    Metric.ECE: read_ece,
    Metric.CORRECTION_RATE: read_correction_rate,
    **{metric: read_drift for metric in Metric if metric.is_drift},
    Metric.FAILURE_SHARE: read_failure_share,
    Metric.P95_SECONDS: read_p95_seconds,
    Metric.QUEUE_AGE: read_queue_age,
    Metric.WORKER_SILENT: read_worker_silent,
}

"""Looks at the rules: opens an alert once for each episode, has the faces in question labelled, resolves it.

A figure is bad beyond its threshold, and fine again only where it has come back by a twentieth of what it could: one
that hovers at its threshold does not open an alert with every check. Too little data changes nothing. Mails are
dashboard.alerts.notices' business, once everything is committed.
"""

import logging
from datetime import datetime, timedelta

from django.core.mail.backends.base import BaseEmailBackend
from django.db import DatabaseError, transaction
from django.db.models import Q, QuerySet, Sum
from django.utils import timezone

from classifier.answers.batches import BatchError, open_batch
from classifier.models import Face, LabellingBatch, Prediction
from dashboard.alerts.notices import describe_rule, send_notices
from dashboard.figures.measures import Reading, Window, filtered, read_metric
from dashboard.models import Alert, AlertRule, Grain, PredictionRollup, Replay

# How far back beyond the threshold is fine, as a share of what is possible there.
MARGIN = 0.05
# A batch is drawn from so many of the window's newest faces, so that it costs the same at any size of the site.
SLICE = 50_000
# A replay plays alerts itself; one that was cut off must not silence them for good.
REPLAY_HOURS = 6

logger = logging.getLogger(__name__)


def check_alerts_now() -> list[Alert]:
    """As check_alerts, at this moment; nothing while a replay plays the past."""
    now = timezone.now()
    since = now - timedelta(hours=REPLAY_HOURS)
    if Replay.objects.filter(finished_at=None, started_at__gte=since).exists():
        return []
    return check_alerts(now=now)


def check_alerts(*, now: datetime, mails: BaseEmailBackend | None = None) -> list[Alert]:
    """Look at every rule as of a moment, then send the mails that wait.

    Args:
        mails: another way to send them than the settings'.

    Returns:
        the alerts that were opened or resolved. A second check at the same time finds the same and changes nothing.
    """
    changed = []
    watched = AlertRule.objects.filter(Q(enabled=True) | Q(alerts__in=Alert.objects.open())).distinct()
    for pk in watched.order_by("pk").values_list("pk", flat=True):
        try:
            alert = check_rule(pk=pk, now=now)
        except Exception:
            logger.exception("rule %s could not be checked", pk)  # it must not silence those after it
            continue
        if alert:
            changed.append(alert)
    send_notices(now=now, connection=mails)
    return changed


@transaction.atomic
def check_rule(*, pk: int, now: datetime) -> Alert | None:
    """Look at one rule; its alert if that was opened or resolved now."""
    # Whoever comes second waits here, and then sees what the first one left.
    rule = AlertRule.objects.select_for_update(no_key=True).filter(pk=pk).first()
    if rule is None:
        return None
    alert = Alert.objects.open().filter(rule=rule).first()
    if not rule.enabled:
        return resolve_alert(alert, now=now) if alert else None
    reading = read_metric(rule=rule, now=now)
    limit = find_limit(rule, reading)
    if reading is None or limit is None or reading.n < rule.minimum:
        return None
    if alert is None:
        return open_alert(rule, reading, limit, now=now) if is_bad(rule, reading.value, limit) else None
    alert.last_value = reading.value
    alert.save(update_fields=["last_value"])
    return resolve_alert(alert, now=now) if is_fine(rule, reading.value, limit) else None


def find_limit(rule: AlertRule, reading: Reading | None) -> float | None:
    """The rule's own threshold, else the one that the reference gives."""
    return rule.threshold if rule.threshold is not None or reading is None else reading.threshold


def is_bad(rule: AlertRule, value: float, limit: float) -> bool:
    """Whether the value is beyond the threshold."""
    return value > limit if rule.direction == rule.Direction.ABOVE else value < limit


def is_fine(rule: AlertRule, value: float, limit: float) -> bool:
    """Whether the value is back by the margin: of the threshold, or of what is left between it and 1."""
    margin = MARGIN * (min(limit, 1 - limit) if rule.kind.is_share else limit)
    return value <= limit - margin if rule.direction == rule.Direction.ABOVE else value >= limit + margin


def open_alert(rule: AlertRule, reading: Reading, limit: float, *, now: datetime) -> Alert:
    """Note what is bad, and have the faces in question labelled if the rule says so."""
    window = Window.before(now, hours=rule.window_hours)
    text = describe_rule(rule, reading, limit)
    alert = Alert.objects.create(
        rule=rule,
        opened_at=now,
        value=reading.value,
        last_value=reading.value,
        n=reading.n,
        threshold=limit,
        window_start=window.start,
        window_end=window.end,
        text=text,
        batch=draw_batch(rule, window, text) if rule.opens_batch and rule.kind.is_about_answers else None,
    )
    logger.warning("alert: %s: %s", rule, text)
    return alert


def draw_batch(rule: AlertRule, window: Window, why: str) -> LabellingBatch | None:
    """A labelling batch of the window's faces; None when none of them may be asked about, or it fails."""
    name = f"{rule.name}, {window.end:%Y-%m-%d}"
    try:
        with transaction.atomic():
            return open_batch(name=name, why=why, faces=find_slice(rule, window))
    except (BatchError, DatabaseError):  # an alert without its batch is better than none
        logger.exception("no batch could be opened for rule %s", rule)
        return None


def find_slice(rule: AlertRule, window: Window) -> "QuerySet[Face]":
    """Faces with a shown prediction of the window's last hours, of the rule's source and label; about SLICE at most."""
    start = find_start(rule, window)
    predictions = Prediction.objects.shown().filter(created_at__gte=start, created_at__lt=window.end)
    if rule.source:
        predictions = predictions.filter(face__upload__source=rule.source)
    if rule.label is not None:
        predictions = predictions.filter(label=rule.label)
    return Face.objects.filter(pk__in=predictions.values("face"))


def find_start(rule: AlertRule, window: Window) -> datetime:
    """The start of the last hours that together have SLICE faces, else of the window."""
    shown = filtered(PredictionRollup.objects.filter(shadow=False), rule, window, Grain.HOUR)
    faces = 0
    for start, more in shown.values_list("start").annotate(Sum("faces")).order_by("-start"):
        faces += more
        if faces >= SLICE:
            return start
    return window.start


def resolve_alert(alert: Alert, *, now: datetime) -> Alert:
    """End an alert: its figure is fine again, or its rule was switched off."""
    alert.resolved_at = now
    alert.save(update_fields=["resolved_at"])
    logger.info("alert resolved: %s", alert.rule)
    return alert

"""Mails about alerts: one when it opens, one when it is resolved; what could not be sent is tried again."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import Q

from accounts.models import User
from accounts.roles import STAFF
from dashboard.figures.measures import Reading
from dashboard.models import Alert, AlertRule

logger = logging.getLogger(__name__)


def describe_rule(rule: AlertRule, reading: Reading, limit: float) -> str:
    """What is bad, in a sentence."""
    metric = rule.kind
    about = (
        [f"{reading.n:,} {metric.counted}", describe_hours(rule.window_hours)]
        if metric.counted
        else ["at the last look"]
    )
    about += [f"from the {rule.get_source_display()}"] if rule.source else []
    about += [f"taken for {rule.get_label_display()}"] if rule.label is not None else []
    figures = f"{metric.describe(reading.value)}, {rule.direction} {metric.describe(limit)}"
    return f"{metric.label[0].upper()}{metric.label[1:]}: {figures} ({', '.join(about)})."


def describe_hours(hours: int) -> str:
    """168 → "last 7 days"; 1 → "last hour"."""
    if hours % 24 or hours == 24:
        return f"last {hours} hours" if hours > 1 else "last hour"
    return f"last {hours // 24} days"


def send_notices(*, now: datetime, connection: BaseEmailBackend | None = None) -> int:
    """Send what waits; how many mails. A mail server that does not answer is logged, and nothing else fails.

    Two at once send no mail twice; a process that is killed between a mail and its note sends it again.

    Args:
        connection: another way to send than the settings'.
    """
    waiting = list(Alert.objects.unannounced(now=now).order_by("pk").values_list("pk", flat=True))
    if not waiting:
        return 0
    connection = connection or get_connection()
    try:
        connection.open()
        return sum(send_notice(pk=pk, connection=connection, now=now) for pk in waiting)
    except OSError as error:
        logger.warning("mails about %d alerts wait: %s", len(waiting), error)
        return 0
    finally:
        connection.close()


@transaction.atomic
def send_notice(*, pk: int, connection: BaseEmailBackend, now: datetime) -> bool:
    """Say that an alert opened, or that it is over; of one that opened and ended unsaid, both in one mail."""
    rows = Alert.objects.select_for_update(skip_locked=True, of=("self",)).select_related("rule", "batch")
    alert = rows.unannounced(now=now).filter(pk=pk).first()
    recipients = find_recipients(alert.rule) if alert else []
    if alert is None or not recipients:
        return False
    try:
        EmailMessage(make_subject(alert), make_body(alert), to=recipients, connection=connection).send()
    except OSError as error:  # smtplib's own among them
        logger.warning("the mail about %s waits: %s", alert.rule, error)
        return False
    alert.emailed_at = alert.emailed_at or now
    if alert.resolved_at:
        alert.resolution_emailed_at = now
    alert.save(update_fields=["emailed_at", "resolution_emailed_at"])
    return True


def find_recipients(rule: AlertRule) -> list[str]:
    """The rule's addresses, else those of everybody who may see the dashboard."""
    if given := rule.addresses():
        return given
    staff = User.objects.filter(Q(is_superuser=True) | Q(groups__name=STAFF), is_active=True).exclude(email="")
    return list(staff.order_by("email").values_list("email", flat=True).distinct())


def make_subject(alert: Alert) -> str:
    return " ".join(f"[fersite] {'resolved' if alert.resolved_at else 'alert'}: {alert.rule.name}".split())


def make_body(alert: Alert) -> str:
    """The mail's text: what, since when, and where to look."""
    lines: Iterable[str] = [alert.text, "", f"Opened at {alert.opened_at:%Y-%m-%d %H:%M} UTC."]
    if alert.resolved_at:
        lasted = describe_span(alert.resolved_at - alert.opened_at)
        why = f"It is {alert.describe('last_value')} now" if alert.rule.enabled else "The rule was switched off"
        lines = [*lines, f"Resolved at {alert.resolved_at:%Y-%m-%d %H:%M} UTC, after {lasted}. {why}."]
    if alert.batch:
        lines = [*lines, f"A labelling batch was opened: {alert.batch.name}."]
    return "\n".join([*lines, "", "On the site: /dashboard/alerts/", ""])


def describe_span(span: timedelta) -> str:
    """A duration in the unit that suits it."""
    minutes = round(span.total_seconds() / 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{round(minutes / 60)} h" if minutes < 2880 else f"{round(minutes / 1440)} days"

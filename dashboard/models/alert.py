"""Alerts: rules that staff keep, and every time that one of them was broken."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, validate_email
from django.db import models
from django.db.models import Q, QuerySet

from classifier.models import Label, LabellingBatch, Upload
from dashboard.models.metric import Metric

LONGEST_HOURS = 24 * 90
# How long a mail that could not be sent is tried again.
MAIL_DAYS = 7


class AlertRule(models.Model):
    """A figure, over the hours before now, that must not be above or below a threshold."""

    class Direction(models.TextChoices):
        ABOVE = "above"
        BELOW = "below"

    name = models.CharField(max_length=80, unique=True, help_text="subject of the mail, and name of the batch")
    metric = models.CharField(max_length=20, choices=Metric.choices)
    direction = models.CharField(max_length=5, choices=Direction.choices, help_text="where it is bad")
    threshold = models.FloatField(
        null=True,
        blank=True,
        help_text="a fraction (0.6 for 60 %), seconds, or minutes; empty for a drift: its own, from the reference",
    )
    window_hours = models.PositiveIntegerField(
        default=24, validators=[MinValueValidator(1), MaxValueValidator(LONGEST_HOURS)], help_text="1 to 2,160"
    )
    minimum = models.PositiveIntegerField(
        default=1,
        validators=[MinValueValidator(1)],
        help_text="faces, answers, photos … that the figure must rest on: with fewer, the alert stays as it is",
    )
    source = models.CharField(
        max_length=5,
        choices=[(Upload.Source.PAGE.value, "page"), (Upload.Source.API.value, "API")],
        blank=True,
        default="",
        help_text="empty: page and API",
    )
    label = models.PositiveSmallIntegerField(
        choices=Label.choices, null=True, blank=True, help_text="as predicted; empty: every label"
    )
    enabled = models.BooleanField(default=True)
    emails = models.TextField(
        blank=True, default="", help_text="who gets a mail, separated by commas; empty: everybody of staff"
    )
    opens_batch = models.BooleanField(
        default=False, help_text="have faces of the window labelled first, when it is about what the network answers"
    )

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(window_hours__gte=1, window_hours__lte=LONGEST_HOURS), name="alert_window_is_bounded"
            ),
            models.CheckConstraint(condition=Q(minimum__gte=1), name="alert_minimum_is_positive"),
            models.CheckConstraint(
                condition=Q(threshold__isnull=False) | Q(metric__endswith="_drift"), name="only_drift_has_a_threshold"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def kind(self) -> Metric:
        """The metric with what is known about it."""
        return Metric(self.metric)

    def addresses(self) -> list[str]:
        return [word for word in self.emails.replace("\n", ",").replace(" ", "").split(",") if word]

    def clean(self) -> None:
        """Check what the metric asks for; every fault is named at its field."""
        faults: dict[str, str] = {}
        if self.metric in Metric.values:
            faults = self._check_threshold() | self._check_reach()
        for address in self.addresses():
            try:
                validate_email(address)
            except ValidationError:
                faults["emails"] = f"{address} is no address."
        if faults:
            raise ValidationError(faults)

    def _check_threshold(self) -> dict[str, str]:
        metric, value = self.kind, self.threshold
        if metric.is_drift and self.direction == self.Direction.BELOW:
            return {"direction": "Too little drift is no fault: choose above."}
        if value is None:
            return {} if metric.is_drift else {"threshold": "Only a drift has a threshold of its own: name one."}
        if metric.is_share and not 0 <= value <= 1:
            return {"threshold": "A fraction from 0 to 1: 0.6 for 60 %."}
        return {} if value >= 0 else {"threshold": "At least 0."}

    def _check_reach(self) -> dict[str, str]:
        metric, faults = self.kind, {}
        if self.source and "source" not in metric.filters:
            faults["source"] = f"The {metric.label} is not told apart by source."
        if self.label is not None and "label" not in metric.filters:
            faults["label"] = f"The {metric.label} is not told apart by label."
        if self.opens_batch and not metric.is_about_answers:
            faults["opens_batch"] = f"No label of a face would explain the {metric.label}."
        return faults


class AlertQuerySet(QuerySet["Alert"]):
    def open(self) -> "AlertQuerySet":
        return self.filter(resolved_at__isnull=True)

    def unannounced(self, *, now: datetime) -> "AlertQuerySet":
        """Opened or resolved lately, and no mail said so."""
        since = now - timedelta(days=MAIL_DAYS)
        return self.filter(
            Q(emailed_at__isnull=True, opened_at__gte=since)
            | Q(resolution_emailed_at__isnull=True, resolved_at__gte=since)
        )


class Alert(models.Model):
    """An episode in which a rule was broken: open until the figure is fine again, then resolved; never opened again."""

    rule = models.ForeignKey(AlertRule, on_delete=models.PROTECT, related_name="alerts")
    opened_at = models.DateTimeField(db_index=True)
    resolved_at = models.DateTimeField(null=True)
    value = models.FloatField(help_text="when it opened")
    last_value = models.FloatField(help_text="at the last check that had enough to go by")
    n = models.BigIntegerField(help_text="what the value rested on when it opened")
    threshold = models.FloatField(help_text="when it opened")
    window_start = models.DateTimeField()
    window_end = models.DateTimeField()
    text = models.TextField()
    emailed_at = models.DateTimeField(null=True, help_text="when a mail said that it opened")
    resolution_emailed_at = models.DateTimeField(null=True, help_text="when a mail said that it was resolved")
    batch = models.ForeignKey(LabellingBatch, on_delete=models.SET_NULL, null=True, related_name="+")

    objects = AlertQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-opened_at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["rule"], condition=Q(resolved_at__isnull=True), name="one_open_alert"),
        ]

    def __str__(self) -> str:
        return f"{self.rule}, {self.opened_at:%Y-%m-%d %H:%M}"

    def describe(self, field: str) -> Any:
        """`value`, `last_value` or `threshold` with its unit."""
        return self.rule.kind.describe(getattr(self, field))

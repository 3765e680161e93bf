"""Alerts in admin: staff keep the rules, and read what came of them."""

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from classifier.admin.base import CarefulAdmin, ReadOnlyAdmin
from dashboard.alerts.episodes import find_limit, is_bad
from dashboard.figures.measures import read_metric
from dashboard.models import Alert, AlertRule

TARGET = ("metric", "direction", "threshold", "window_hours", "minimum", "source", "label")


@admin.register(AlertRule)
class AlertRuleAdmin(CarefulAdmin):
    """What is watched. A rule that has had alerts cannot be deleted, only switched off, and watches the same figure."""

    list_display = ("name", "metric", "limit", "window", "minimum", "narrowed", "opens_batch", "enabled", "is_open")
    list_filter = ("enabled", "metric")
    search_fields = ("name",)
    fieldsets = (
        (None, {"fields": ("name", "enabled", "says_now")}),
        ("When", {"fields": TARGET}),
        ("Then", {"fields": ("emails", "opens_batch")}),
    )
    readonly_fields = ("says_now",)

    def get_readonly_fields(self, request: HttpRequest, obj: AlertRule | None = None) -> list[str]:
        """Keep the metric once there were alerts: theirs are read as figures of it."""
        had_alerts = obj is not None and obj.alerts.exists()
        return [*self.readonly_fields, *(["metric"] if had_alerts else [])]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AlertRule]:
        opened = Alert.objects.open().filter(rule=OuterRef("pk"))
        rows: QuerySet[AlertRule] = super().get_queryset(request).annotate(has_open=Exists(opened))
        return rows

    @admin.display(description="bad when", ordering="threshold")
    def limit(self, rule: AlertRule) -> str:
        """The threshold with its unit."""
        if rule.threshold is None:
            return f"{rule.direction} the reference's limit"
        return f"{rule.direction} {rule.kind.describe(rule.threshold)}"

    @admin.display(description="window", ordering="window_hours")
    def window(self, rule: AlertRule) -> str:
        return f"{rule.window_hours:,} h"

    @admin.display(description="of")
    def narrowed(self, rule: AlertRule) -> str:
        """The source and the label that it is narrowed to."""
        label = rule.get_label_display() if rule.label is not None else ""
        return ", ".join(filter(None, [rule.get_source_display() if rule.source else "", label])) or "all"

    @admin.display(description="alert open", boolean=True, ordering="has_open")
    def is_open(self, rule: Any) -> bool:
        return bool(rule.has_open)

    @admin.display(description="it says now")
    def says_now(self, rule: AlertRule) -> str:
        """The figure at this moment; nothing is opened by looking."""
        if rule.pk is None:
            return "–"
        reading = read_metric(rule=rule, now=timezone.now())
        limit = find_limit(rule, reading)
        if reading is None or limit is None:
            return "no data"
        describe = rule.kind.describe
        figure = f"{describe(reading.value)} of {reading.n:,} {rule.kind.counted or 'looks'}"
        if reading.n < rule.minimum:
            return f"{figure}: too few to tell"
        verdict = "bad" if is_bad(rule, reading.value, limit) else "fine"
        return f"{figure}; the limit is {describe(limit)}: {verdict}"


class OpenFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "open"), ("resolved", "resolved")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:
        if self.value() not in ("open", "resolved"):
            return queryset
        return queryset.filter(resolved_at__isnull=self.value() == "open")


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    list_display = ("opened_at", "rule", "text", "resolved_at", "batch")
    list_filter = (OpenFilter, "rule")
    list_select_related = ("rule", "batch")
    search_fields = ("rule__name", "text")
    fields = (
        *("rule", "text", "opened_at", "resolved_at", "value", "last_value", "threshold", "n"),
        *("window_start", "window_end", "emailed_at", "resolution_emailed_at", "batch"),
    )
    readonly_fields = fields

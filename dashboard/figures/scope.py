"""What a page of the dashboard looks at: a range of time, a version, a source, a label; read from the address."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Q
from django.utils import timezone

from classifier.models import Label, Upload, Version
from dashboard.models import Grain

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
DEFAULT_DAYS, MOST_DAYS = 30, 400
# Up to so many days the charts go by the hour.
HOURLY_DAYS = 2
# Days can be counted from here without leaving what a date can be.
KNOWN_DAYS = [MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2999, 12, 31))]


class ScopeForm(forms.Form):
    """The filters as the page and the interface take them; everything may be left out."""

    since = forms.DateField(required=False, help_text="first day, UTC", validators=KNOWN_DAYS)
    until = forms.DateField(required=False, help_text="last day, UTC", validators=KNOWN_DAYS)
    version = forms.ModelChoiceField(Version.objects.order_by("-created_at"), required=False, to_field_name="name")
    versus = forms.ModelChoiceField(Version.objects.order_by("-created_at"), required=False, to_field_name="name")
    source = forms.ChoiceField(
        choices=[("", "page and API"), (Upload.Source.PAGE, "page"), (Upload.Source.API, "API")], required=False
    )
    label = forms.TypedChoiceField(
        choices=[("", "every label"), *((one.label, one.label) for one in Label)],
        coerce=lambda name: Label.values[Label.labels.index(name)],
        empty_value=None,
        required=False,
    )

    def clean(self) -> dict[str, Any]:
        """Check that the days are in order, and not too many."""
        found: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return found
        until = found.get("until") or timezone.now().astimezone(UTC).date()
        since = found.get("since") or until - timedelta(days=DEFAULT_DAYS - 1)
        if since > until:
            raise forms.ValidationError("The first day is after the last one.", code="reversed")
        if (until - since).days >= MOST_DAYS:
            raise forms.ValidationError(f"At most {MOST_DAYS} days at once.", code="too_long")
        return {**found, "since": since, "until": until}

    def to_scope(self) -> "Scope":
        found = self.cleaned_data
        return Scope(
            since=datetime.combine(found["since"], datetime.min.time(), UTC),
            end=datetime.combine(found["until"], datetime.min.time(), UTC) + DAY,
            version=found["version"],
            versus=found["versus"],
            source=found["source"] or None,
            label=found["label"],
        )


@dataclass(frozen=True)
class Scope:
    """since ≤ t < end, both at midnight UTC; None: every version (source, predicted label).

    versus: a second version to be shown beside the first.
    """

    since: datetime
    end: datetime
    version: Version | None = None
    versus: Version | None = None
    source: str | None = None
    label: int | None = None

    @property
    def grain(self) -> Grain:
        """HOUR for short ranges, else DAY."""
        return Grain.HOUR if self.end - self.since <= HOURLY_DAYS * DAY else Grain.DAY

    @property
    def step(self) -> timedelta:
        """From one point of a chart to the next."""
        return HOUR if self.grain == Grain.HOUR else DAY

    def starts(self) -> list[datetime]:
        """Starts of every hour or day in the range that has begun, empty ones too."""
        return self._list_starts(self.step)

    def days(self) -> list[datetime]:
        """Starts of every day in the range that has begun, in short ranges too."""
        return self._list_starts(DAY)

    def _list_starts(self, step: timedelta) -> list[datetime]:
        end = min(self.end, timezone.now())
        number = max(-(-(end - self.since) // step), 0)
        return [self.since + i * step for i in range(number)]

    def other(self) -> "Scope":
        """The same scope of the version it is compared with."""
        return replace(self, version=self.versus, versus=None)

    def matching(self, *fields: str) -> Q:
        """Rollup rows of this range and, of `version`, `source` and `label`, those filters named in `fields`."""
        found = Q(grain=self.grain, start__gte=self.since, start__lt=self.end)
        for name in fields:
            value = getattr(self, name)
            if value is not None:
                found &= Q(**{name: value})
        return found

    def query(self) -> str:
        """The filters as an address has them."""
        label = None if self.label is None else Label(self.label).label
        last = self.end - DAY
        found = {
            "since": f"{self.since:%Y-%m-%d}",
            "until": f"{last:%Y-%m-%d}",
            "version": self.version and self.version.name,
            "versus": self.versus and self.versus.name,
            "source": self.source,
            "label": label,
        }
        return urlencode({name: value for name, value in found.items() if value})

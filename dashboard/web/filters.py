"""The filters as a page shows them, and the addresses they lead to."""

from datetime import UTC, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import QueryDict
from django.utils import timezone

from classifier.models import Version
from dashboard.figures.scope import DAY, Scope, ScopeForm
from dashboard.web.navigation import Link

RANGES = (7, 30, 90)
WORDS = {
    "since": "From",
    "until": "To",
    "version": "Version",
    "versus": "Beside it",
    "source": "Source",
    "label": "Named as",
}


class FilterForm(ScopeForm):
    """ScopeForm with words and Bootstrap's classes."""

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        # Cards and metrics of all versions would be read just for their names.
        versions = Version.objects.order_by("-created_at").only("name", "created_at")
        for name, words in (("version", "every version"), ("versus", "no other version")):
            field: Any = self.fields[name]
            field.queryset, field.empty_label = versions, words
        for name, field in self.fields.items():
            field.label, field.help_text = WORDS[name], ""
            field.error_messages["invalid_choice"] = f"There is no such {name if name != 'versus' else 'version'}."
            if isinstance(field, forms.DateField):
                field.widget = forms.DateInput({"type": "date"}, format="%Y-%m-%d")
            kind = "form-select" if isinstance(field.widget, forms.Select) else "form-control"
            field.widget.attrs["class"] = f"{kind} {kind}-sm"

    def show(self, scope: Scope) -> None:
        """Fill in the days that are looked at where none were given."""
        shown = QueryDict(mutable=True)
        shown.update(self.data)
        shown.update({"since": f"{scope.since:%Y-%m-%d}", "until": f"{scope.end - DAY:%Y-%m-%d}"})
        self.data = shown


def read_filters(given: QueryDict) -> tuple[FilterForm, Scope]:
    """The form, and what the page looks at: the default range where the filters are not valid."""
    form = FilterForm(given)
    if form.is_valid():
        scope = form.to_scope()
        form.show(scope)
        return form, scope
    default = ScopeForm({})
    default.is_valid()
    return form, default.to_scope()


def carry(form: FilterForm, given: QueryDict) -> dict[str, str]:
    """What was chosen, by name, for links to other pages; empty for filters that are not valid."""
    return {name: str(given[name]) for name in form.fields if given.get(name)} if form.is_valid() else {}


def list_ranges(chosen: dict[str, str], scope: Scope) -> list[Link]:
    """Links to the last days, the other filters kept."""
    today = timezone.now().astimezone(UTC).date()
    others = {name: value for name, value in chosen.items() if name not in ("since", "until")}
    links = []
    for days in RANGES:
        since = today - timedelta(days=days - 1)
        current = (scope.since.date(), (scope.end - DAY).date()) == (since, today)
        links.append(Link(f"{days} days", f"?{urlencode({**others, 'since': since})}", current))
    return links

"""Filters of the list of answers: state, pair of labels, confidence, age, disagreement and likely label issues."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, Count, F, Field, FloatField, Func, IntegerField, QuerySet, Value
from django.http import HttpRequest
from django.utils import timezone

from classifier.answers.label_issues import rank_label_issues
from classifier.models import Answer, Correction, Label

Corrections = QuerySet[Correction]
Choices = list[tuple[str, str]]

SHOWN_PAIRS = 15
BANDS = [(0.0, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 1.0)]
ISSUE_RANK = "issue_rank"


def say_answer(answer: int) -> str:
    """In words: "sad", "unclear", "not a face"."""
    return str(Answer(answer).label).replace("_", " ")


def say_state(correction: Correction) -> str:
    """In words, with the label where an answer was approved under another than its own."""
    state = str(correction.get_state_display())
    if correction.final_label in (None, correction.answer):
        return state
    return f"{state} as {correction.get_final_label_display()}"


class StateFilter(admin.SimpleListFilter):
    """Pending unless something else is asked for: that is what a reviewer comes for."""

    title = "state"
    parameter_name = "state"
    EVERYTHING = "all"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """The states; pending is what stands for "All" elsewhere."""
        return [*((state.value, state.label) for state in Correction.State), (self.EVERYTHING, "All")]

    def value(self) -> str:
        asked = super().value()
        return asked if asked in (*Correction.State.values, self.EVERYTHING) else Correction.State.PENDING.value

    def queryset(self, request: HttpRequest, queryset: Corrections) -> Corrections:
        return queryset if self.value() == self.EVERYTHING else queryset.filter(state=self.value())

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Django's own choices without the one for "no filter"."""
        counts = self.get_facet_queryset(changelist) if changelist.add_facets else {}
        for number, (word, title) in enumerate(self.lookup_choices):
            count = f" ({counts[f'{number}__c']})" if counts else ""
            yield {
                "selected": self.value() == word,
                "query_string": changelist.get_query_string({self.parameter_name: word}),
                "display": f"{title}{count}",
            }


class PairFilter(admin.SimpleListFilter):
    """What the network said → what the person said, the most frequent pairs of the chosen state first."""

    title = "network said → person said"
    parameter_name = "pair"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        rows = model_admin.get_queryset(request).filter(prediction__isnull=False).order_by()
        state = request.GET.get(StateFilter.parameter_name, Correction.State.PENDING)
        if state in Correction.State.values:
            rows = rows.filter(state=state)
        pairs = rows.values_list("prediction__label", "answer").annotate(answers=Count("pk"))
        frequent = pairs.order_by("-answers", "prediction__label", "answer")[:SHOWN_PAIRS]
        return [(f"{said}-{given}", f"{Label(said).label} → {say_answer(given)} ({n})") for said, given, n in frequent]

    def queryset(self, request: HttpRequest, queryset: Corrections) -> Corrections | None:
        """Of that pair; anything else than two numbers is no filter."""
        said, _, given = (self.value() or "").partition("-")
        if not (said.isdecimal() and given.isdecimal()):
            return None
        return queryset.filter(prediction__label=int(said[:1]), answer=int(given[:1]))


class ConfidenceFilter(admin.SimpleListFilter):
    title = "confidence"
    parameter_name = "confidence"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(str(number), f"{low:.0%} to {high:.0%}") for number, (low, high) in enumerate(BANDS)]

    def queryset(self, request: HttpRequest, queryset: Corrections) -> Corrections | None:
        """From the lower bound to below the upper one; the last band takes 1 too."""
        if (self.value() or "") not in map(str, range(len(BANDS))):
            return None
        low, high = BANDS[int(self.value() or 0)]
        rows = queryset.filter(prediction__confidence__gte=low)
        return rows if high == 1 else rows.filter(prediction__confidence__lt=high)


class AgeFilter(admin.SimpleListFilter):
    title = "age"
    parameter_name = "age"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("today", "Today"), ("week", "The 7 days before"), ("older", "Older")]

    def queryset(self, request: HttpRequest, queryset: Corrections) -> Corrections | None:
        """Days begin at midnight, UTC."""
        today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        week = today - timedelta(days=7)
        match self.value():
            case "today":
                return queryset.filter(created_at__gte=today)
            case "week":
                return queryset.filter(created_at__gte=week, created_at__lt=today)
            case "older":
                return queryset.filter(created_at__lt=week)
        return None


class DisagreementFilter(admin.SimpleListFilter):
    title = "agreement of people"
    parameter_name = "people"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("differ", "People differ")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Corrections | None:
        """Answers about faces of which another person's standing answer says something else."""
        return queryset.disputed() if self.value() == "differ" else None


class LabelIssueFilter(admin.SimpleListFilter):
    """Labels that are probably wrong, the worst first, in whatever state they are that the list shows."""

    title = "label issues"
    parameter_name = "issues"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("likely", "Likely label issue")]

    def queryset(self, request: HttpRequest, queryset: Corrections) -> Corrections | None:
        """Likely label issues, annotated with the rank that orders the list."""
        if self.value() != "likely":
            return None
        issues = rank_label_issues()
        worst = [issue.correction_id for issue in issues]
        numbers = Value(worst, output_field=ArrayField(BigIntegerField()))
        rank = Func(numbers, F("pk"), function="array_position", output_field=IntegerField())
        ranked = queryset.filter(pk__in=worst).annotate(**{ISSUE_RANK: rank})
        return ranked.annotate(
            issue_score=_pick([issue.score for issue in issues], FloatField()),
            issue_label=_pick([issue.suggested for issue in issues], IntegerField()),
        )


def _pick(values: list[Any], field: "Field[Any, Any]") -> Func:
    """The element of `values` at an answer's rank, in SQL."""
    array = Value(values, output_field=ArrayField(field))
    return Func(array, F(ISSUE_RANK), template="(%(expressions)s]", arg_joiner=")[", output_field=field)


def say_issue(correction: Any) -> str:
    """What a label that is probably wrong should be, and how bad it is; empty where the list does not ask for them."""
    if not hasattr(correction, "issue_label"):
        return ""
    return f"likely {Label(correction.issue_label).label} (score {correction.issue_score:.2f})"

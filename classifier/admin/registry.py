"""Versions and promotions in admin: which networks there are, which serves, and the buttons that change it."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.timezone import make_aware

from accounts.models import User
from classifier.admin.base import ReadOnlyAdmin
from classifier.admin.training import check_button, may_manage
from classifier.models import GateDecision, Label, Promotion, Version
from classifier.training.registry import (
    RegistryError,
    choose_shadow,
    promote_version,
    reject_version,
    roll_back,
)

# What is said after each action; those of REASONED are not done without a reason.
DONE = {
    "promote": "Done. Running workers follow within ten seconds.",
    "rollback": "Done. Running workers follow within ten seconds.",
    "reject": "Rejected: this version will never serve.",
    "shadow": "From now on it answers silently beside the champion.",
    "unshadow": "It does not answer beside the champion any more.",
}
REASONED = ("promote", "rollback", "reject")


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=500, error_messages={"required": "Say why: it is kept with the decision."})


@admin.register(Version)
class VersionAdmin(ReadOnlyAdmin):
    list_display = ("name", "state", "is_shadow", "accuracy", "parent", "snapshot", "created_at", "digest")
    list_filter = ("state",)
    list_select_related = ("parent", "snapshot", "rejected_by")
    search_fields = ("name", "=digest")
    fields = ("name", "state", "is_shadow", "digest", "parent", "snapshot", "created_at")
    readonly_fields = fields
    change_form_template = "admin/classifier/version/change_form.html"

    @admin.display(description="accuracy on the test split")
    def accuracy(self, version: Version) -> str:
        """As a percentage with n, or a dash where it was not measured."""
        if figures := version.metrics.get("test"):
            return f"{figures['accuracy']:.1%} (n = {figures['n']:,})"
        figures = version.find_gate_figures()
        return f"{figures['accuracy']:.1%} (n = {figures['n']:,}, at the gate)" if figures else "–"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Version]:
        return super().get_queryset(request).prefetch_related("decisions")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/act/<slug:what>/", view(self.act_view), name="classifier_version_act"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one version and the buttons that apply to it."""
        version = self.get_object(request, object_id)
        is_champion = version is not None and version.state == Version.State.CHAMPION
        decisions = list(version.decisions.select_related("champion")) if version else []
        measured = list_measured(version) if version else []
        classes_on, classes = list_classes(measured)
        more = {
            "version": version,
            "may_manage": may_manage(request),
            "rollback": Promotion.objects.find_rollback_target() if is_champion else None,
            "decisions": decisions,
            "rejected_at_gate": any(decision.outcome == GateDecision.Outcome.REJECTED for decision in decisions),
            "measured": measured,
            "classes": classes,
            "classes_on": classes_on,
            "stored": {"Metrics": show_json(version.metrics), "Card": show_json(version.card)} if version else {},
        }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})

    def act_view(self, request: HttpRequest, pk: int, what: str) -> HttpResponse:
        """Promote, roll back, reject, or let it answer silently beside the champion."""
        check_button(request)
        version = get_object_or_404(Version, pk=pk)
        form, actor = ReasonForm(request.POST), cast(User, request.user)
        reason = form.cleaned_data["reason"] if form.is_valid() else ""
        actions: dict[str, Callable[[], object]] = {
            "promote": lambda: promote_version(version=version, actor=actor, reason=reason),
            "rollback": lambda: roll_back(champion=version, actor=actor, reason=reason),
            "reject": lambda: self.reject(request, version, reason),
            "shadow": lambda: choose_shadow(version=version),
            "unshadow": lambda: choose_shadow(version=None),
        }
        if what not in actions:
            raise Http404
        try:
            if what in REASONED and not reason:
                raise RegistryError(" ".join(str(words) for words in form.errors["reason"]))
            actions[what]()
            self.message_user(request, DONE[what])
        except RegistryError as error:
            self.message_user(request, str(error), messages.ERROR)
        return HttpResponseRedirect(reverse("admin:classifier_version_change", args=[pk]))

    @transaction.atomic
    def reject(self, request: HttpRequest, version: Version, reason: str) -> None:
        """Reject by hand, with a line in the version's history."""
        reject_version(version=version, actor=cast(User, request.user), reason=reason)
        self.log_change(request, version, f"Rejected: {reason}")


def list_measured(version: Version) -> list[tuple[str, dict[str, Any]]]:
    """Each set of faces that it was measured on, by its name in the card, with the figures; the telling one first."""
    sets = {name: figures for name, figures in version.metrics.items() if isinstance(figures, dict)}
    if "test" not in sets:
        sets["frozen test set, at the gate"] = version.find_gate_figures()
    ordered = sorted(sets.items(), key=lambda item: (item[0] == "selection", item[0]))
    return [(name.replace("_", " "), figures) for name, figures in ordered if "accuracy" in figures]


def list_classes(measured: list[tuple[str, dict[str, Any]]]) -> tuple[str, list[tuple[str, dict[str, float]]]]:
    """The first set of faces for which they are known, and (label, precision, recall and F1) in label order."""
    for name, figures in measured:
        if "per_class" in figures:
            classes = figures["per_class"]
            return name, [(label, classes[label]) for label in Label.labels if label in classes]
    return "", []


def show_json(value: object) -> str:
    """Indented JSON for people."""
    return json.dumps(value, indent=1, sort_keys=True)


@admin.register(Promotion)
class PromotionAdmin(ReadOnlyAdmin):
    list_display = ("at", "version", "previous", "kind", "actor", "reason")
    list_filter = ("version", "kind")
    list_select_related = ("version", "previous", "actor")
    search_fields = ("version__name",)
    search_help_text = "A moment, such as 2026-11-30 12:00 (UTC): which version served then? Or the name of a version."
    fields = ("at", "version", "previous", "kind", "actor", "reason")
    readonly_fields = fields

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Any]", search_term: str
    ) -> "tuple[QuerySet[Any], bool]":
        """Of a moment, the one promotion that was in force; of anything else, those of versions with such a name."""
        try:
            moment = datetime.fromisoformat(search_term.strip())
        except ValueError:
            return super().get_search_results(request, queryset, search_term)
        served = Promotion.objects.served_at(moment if moment.tzinfo else make_aware(moment))
        return queryset.filter(pk__in=[promotion.pk for promotion in served]), False

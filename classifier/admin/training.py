"""Training runs and gate decisions in admin: start, watch, cancel, and read why a network serves or not."""

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from classifier.admin.base import ReadOnlyAdmin
from classifier.models import GateDecision, Label, TrainingRun
from classifier.storage.bulk import BucketError
from classifier.training.runs import RunError, cancel_run, count_waiting, find_obstacle, request_run

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


class StartForm(forms.Form):
    """What a person may choose about a run."""

    mode = forms.ChoiceField(choices=TrainingRun.Mode.choices, label="Network")
    epochs = forms.IntegerField(
        min_value=1, max_value=200, required=False, help_text="if left empty: as configured, or 45 from random weights"
    )


@admin.register(TrainingRun)
class TrainingRunAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "state", "outcome", "reason", "trigger", "way", "snapshot", "version")
    list_filter = ("state", "trigger", "mode")
    list_select_related = ("snapshot", "version")
    fields = (
        *("state", "reason", "trigger", "mode", "options", "requested_by", "snapshot", "champion", "version"),
        *("outcome", "attempts", "created_at", "started_at", "finished_at"),
    )
    readonly_fields = fields
    change_list_template = "admin/classifier/trainingrun/change_list.html"
    change_form_template = "admin/classifier/trainingrun/change_form.html"

    @admin.display(description="mode", ordering="mode")
    def way(self, run: TrainingRun) -> str:
        return "from scratch" if run.mode == TrainingRun.Mode.SCRATCH else "fine-tune"

    @admin.display(description="gate")
    def outcome(self, run: TrainingRun) -> "SafeString | str":
        """The gate's decision, linked to its report."""
        decisions = (
            list(run.version.decisions.all()) if run.version else []
        )  # all: they were fetched for the whole list
        if not decisions:
            return "–"
        decision = decisions[0]
        address = reverse("admin:classifier_gatedecision_change", args=[decision.pk])
        return format_html('<a href="{}">{}</a>', address, decision.get_outcome_display())

    def get_queryset(self, request: HttpRequest) -> QuerySet[TrainingRun]:
        return super().get_queryset(request).prefetch_related("version__decisions")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("start/", view(self.start_view), name="classifier_trainingrun_start"),
            path("<uuid:pk>/cancel/", view(self.cancel_view), name="classifier_trainingrun_cancel"),
            path("<uuid:pk>/progress/", view(self.progress_view), name="classifier_trainingrun_progress"),
        ]
        return [*own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Add what waits to be learned, and the button that starts a run."""
        try:
            waiting = count_waiting()
        except BucketError as error:
            waiting = None
            self.message_user(request, f"What waits to be learned could not be counted: {error}", messages.WARNING)
        more = {
            "may_manage": may_manage(request),
            "start_form": StartForm(),
            "waiting": waiting,
            "obstacle": find_obstacle(),
            "active": TrainingRun.objects.open().first(),
        }
        return super().changelist_view(request, {**(extra_context or {}), **more})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show one run, live while it is at work."""
        run = self.get_object(request, object_id)
        more = {"run": run, "seen": describe_progress(run) if run else {}, "may_manage": may_manage(request)}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})

    def start_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for a run and lead to its page."""
        check_button(request)
        form = StartForm(request.POST)
        if not form.is_valid():
            self.message_user(request, f"The run cannot start: {form.errors.as_text()}", messages.ERROR)
            return HttpResponseRedirect(reverse("admin:classifier_trainingrun_changelist"))
        epochs = form.cleaned_data["epochs"]
        try:
            run = request_run(
                trigger=TrainingRun.Trigger.BUTTON,
                mode=form.cleaned_data["mode"],
                options={"epochs": epochs} if epochs else {},
                requested_by=request.user,  # type: ignore[arg-type]  # admin has let nobody else in
            )
        except RunError as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(reverse("admin:classifier_trainingrun_changelist"))
        return HttpResponseRedirect(reverse("admin:classifier_trainingrun_change", args=[run.pk]))

    def cancel_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        check_button(request)
        run = get_object_or_404(TrainingRun, pk=pk)
        try:
            cancel_run(run=run, actor=request.user)  # type: ignore[arg-type]  # as above
            self.message_user(request, "The run stops. The network that serves is not touched.")
        except RunError as error:
            self.message_user(request, str(error), messages.WARNING)
        return HttpResponseRedirect(reverse("admin:classifier_trainingrun_change", args=[pk]))

    def progress_view(self, request: HttpRequest, pk: UUID) -> JsonResponse:
        """How far a run is, as JSON for its page."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return JsonResponse(describe_progress(get_object_or_404(TrainingRun, pk=pk)))


def describe_progress(run: TrainingRun) -> dict[str, Any]:
    """What the run's page shows: state, words, share from 0 to 1, and whether it goes on."""
    seen, left = run.progress, run.progress.get("seconds_left")
    words = run.stage or run.get_state_display()
    if not run.is_active:
        words = run.get_state_display()
    elif run.cancel_asked:
        words = "stopping"
    elif run.stage == "training" and seen:
        words = f"training, epoch {seen['epoch']} of {seen['epochs']}"
        words += "" if seen["loss"] is None else f", loss {seen['loss']:.3f}"
        words += "" if left is None else f", about {max(1, round(left / 60))} min left"
    return {"state": run.state, "words": words, "share": seen.get("share", 0.0), "active": run.is_active}


def may_manage(request: HttpRequest) -> bool:
    """Whether this person may start and cancel runs, promote and roll back; staff may."""
    return request.user.has_perm("classifier.manage_training")


def check_button(request: HttpRequest) -> None:
    """Raises PermissionDenied unless staff pressed a button."""
    if request.method != "POST" or not may_manage(request):
        raise PermissionDenied


@admin.register(GateDecision)
class GateDecisionAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "version", "champion", "outcome", "frozen_set")
    list_filter = ("outcome",)
    list_select_related = ("version", "champion")
    fields = ("version", "champion", "outcome", "created_at", "frozen_digest")
    readonly_fields = fields
    change_form_template = "admin/classifier/gatedecision/change_form.html"

    @admin.display(description="frozen set used before")
    def frozen_set(self, decision: GateDecision) -> str:
        """How often the set was used before; each use makes its figures a little less independent."""
        return f"{decision.report['frozen_set']['used_before']} times"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the report for people, and as it is stored."""
        decision = self.get_object(request, object_id)
        report = decision.report if decision else {}
        sets = [(name, report[key], order_recalls(report[key])) for name, key in SETS if report.get(key)]
        more = {"report": report, "sets": sets, "raw": json.dumps(report, indent=1)}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})


def order_recalls(figures: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Recalls in label order; PostgreSQL gives JSON's keys back in an order of its own."""
    return [(label, figures["recall"][label]) for label in Label.labels if label in figures["recall"]]


SETS = (("Frozen test set (FER-2013)", "frozen"), ("Trusted held-out corrections", "trusted"))

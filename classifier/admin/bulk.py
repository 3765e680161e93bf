"""Bulk reviews in admin: the preview with its confirmation, and a page that shows how far a worker is."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from accounts.roles import is_dashboard_staff
from classifier.admin.answer_page import READY_REASONS
from classifier.admin.base import ReadOnlyAdmin
from classifier.admin.places import link_list
from classifier.models import BulkReview, Correction, Label
from classifier.review.bulk import LARGEST, preview_bulk_review, request_bulk_review
from classifier.review.decisions import ReviewError

SHOWN_PROBLEMS = 200


class BulkForm(forms.Form):
    """What the preview sends back: exactly the answers that it counted."""

    action = forms.ChoiceField(choices=BulkReview.Action.choices)
    label = forms.TypedChoiceField(
        choices=[("", "as answered"), *Label.choices], coerce=int, empty_value=None, required=False
    )
    reason = forms.CharField(max_length=500, required=False)
    corrections = forms.CharField(required=False)
    filters = forms.CharField(required=False)

    def clean_corrections(self) -> list[int]:
        """Parse the ids, which commas separate."""
        words = [word for word in self.cleaned_data["corrections"].split(",") if word]
        if not all(word.isascii() and word.isdecimal() and len(word) < 19 for word in words):
            raise forms.ValidationError("ids, separated by commas")
        return [int(word) for word in words]


def show_preview(
    request: HttpRequest, site: admin.AdminSite, action: str, corrections: list[int], filters: str
) -> TemplateResponse:
    """Show what would be decided; nothing is decided yet."""
    approves = action == BulkReview.Action.APPROVE
    reviewer: Any = request.user
    preview = preview_bulk_review(reviewer=reviewer, corrections=corrections[:LARGEST], approves=approves)
    context = {
        **site.each_context(request),
        "opts": Correction._meta,
        "title": f"{BulkReview.Action(action).label} {len(preview.corrections)} answers?",
        "action": action,
        "preview": preview,
        "corrections": ",".join(map(str, preview.corrections)),
        "largest": LARGEST,
        "left_out": max(0, len(corrections) - LARGEST),
        "labels": Label.choices,
        "ready_reasons": READY_REASONS,
        "filters": filters,
        "list_link": link_list(filters),
    }
    return TemplateResponse(request, "admin/classifier/bulkreview/preview.html", context)


@admin.register(BulkReview)
class BulkReviewAdmin(ReadOnlyAdmin):
    """Reviewers see their own, staff sees all."""

    list_display = ("id", "reviewer", "action", "total", "done", "decided", "state", "created_at", "finished_at")
    list_filter = ("state", "action")
    list_select_related = ("reviewer",)
    search_fields = ("id__exact", "reviewer__username__iexact")

    class Media:
        css = {"all": ("css/review.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[BulkReview]:
        rows: QuerySet[BulkReview] = super().get_queryset(request)
        user: Any = request.user
        return rows if is_dashboard_staff(user) else rows.filter(reviewer=user)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("confirm/", wrap(self.confirm_view), name="classifier_bulkreview_confirm"),
            path("<int:pk>/progress/", wrap(self.progress_view), name="classifier_bulkreview_progress"),
            *super().get_urls(),
        ]

    @admin.display(description="answers")
    def total(self, bulk: BulkReview) -> int:
        return len(bulk.corrections)

    def confirm_view(self, request: HttpRequest) -> HttpResponse:
        """Store the decision and lead to the page of its progress."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not request.user.has_perm("classifier.review_correction"):
            raise PermissionDenied
        form = BulkForm(request.POST)
        if not form.is_valid():
            self.message_user(request, "This is no decision: choose the answers again.", messages.ERROR)
            return HttpResponseRedirect(link_list(form.cleaned_data.get("filters", "")))
        said = form.cleaned_data
        filters = said.pop("filters")
        try:
            bulk = request_bulk_review(reviewer=request.user, **said)  # type: ignore[arg-type]  # admin has let them in
        except ReviewError as error:
            self.message_user(request, str(error), messages.ERROR)
            return show_preview(request, self.admin_site, said["action"], said["corrections"], filters)
        return HttpResponseRedirect(reverse("admin:classifier_bulkreview_change", args=[bulk.pk]))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show how far it is, and what could not be decided."""
        if request.method not in ("GET", "HEAD") or not self.has_view_permission(request):
            raise PermissionDenied
        bulk = self.get_object(request, object_id)
        if bulk is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Bulk review {bulk.pk}: {bulk.get_action_display().lower()} {len(bulk.corrections)} answers",
            "bulk": bulk,
            "progress": describe_progress(bulk),
            "problems": bulk.problems[:SHOWN_PROBLEMS],
            "list_link": link_list(""),
        }
        return TemplateResponse(request, "admin/classifier/bulkreview/change_form.html", context)

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """{state, total, done, decided, problems}: what the page's script asks for every second."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return JsonResponse(describe_progress(get_object_or_404(self.get_queryset(request), pk=pk)))


def describe_progress(bulk: BulkReview) -> dict[str, str | int]:
    """Numbers of answers for the page; problems: how many could not be decided."""
    return {
        "state": bulk.state,
        "total": len(bulk.corrections),
        "done": bulk.done,
        "decided": bulk.decided,
        "problems": len(bulk.problems),
    }

"""Labelling batches in admin: how far each is, and why it was opened; staff close one before its end."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from classifier.admin.base import ReadOnlyAdmin
from classifier.answers.batches import close_batch, close_finished
from classifier.models import LabellingBatch


class OpenFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "open"), ("closed", "closed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LabellingBatch]) -> QuerySet[LabellingBatch]:
        if self.value() not in ("open", "closed"):
            return queryset
        return queryset.filter(closed_at__isnull=self.value() == "open")


@admin.register(LabellingBatch)
class LabellingBatchAdmin(ReadOnlyAdmin):
    list_display = ("name", "progress", "state", "why", "created_at", "opened_by", "closed_at")
    list_filter = (OpenFilter,)
    list_select_related = ("created_by",)
    search_fields = ("name", "why")
    fields = list_display
    readonly_fields = fields
    actions = ("close",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[LabellingBatch]:
        rows: QuerySet[LabellingBatch] = LabellingBatch.objects.with_progress().select_related("created_by")
        return rows

    @admin.display(description="answered")
    def progress(self, batch: Any) -> str:
        """How many of the faces that are still there were answered about."""
        return f"{batch.answered} of {batch.total}"

    @admin.display(description="state", ordering="closed_at")
    def state(self, batch: LabellingBatch) -> str:
        return "closed" if batch.closed_at else "open"

    @admin.display(description="opened by", ordering="created_by__username")
    def opened_by(self, batch: LabellingBatch) -> str:
        """The account's name; a dash where an alert opened it, or the account is gone."""
        return str(batch.created_by or "–")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Close finished batches first: photos may have been erased since the last answer."""
        close_finished()
        return super().changelist_view(request, {"title": "Labelling batches", **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Close finished batches first, as the list does."""
        close_finished()
        return super().change_view(request, object_id, form_url, extra_context)

    def has_close_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("classifier.close_labellingbatch")

    @admin.action(description="Close the chosen batches", permissions=["close"])
    def close(self, request: HttpRequest, queryset: QuerySet[LabellingBatch]) -> None:
        """Close the chosen batches: their faces are not asked first any more, answers stay."""
        chosen = list(queryset)
        closed = sum(close_batch(batch=batch) for batch in chosen)
        self.message_user(request, f"{closed} of {len(chosen)} closed now.", messages.SUCCESS)

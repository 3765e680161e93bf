"""Snapshots in admin: what each one holds by label, and what changed from one to another."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from classifier.admin.base import ReadOnlyAdmin
from classifier.dataset.snapshots import SnapshotDamagedError, diff_snapshots
from classifier.models import Label, Snapshot
from classifier.storage.bulk import BucketError

# To choose from when two are compared; an older one can be named in the address.
OFFERED = 100


@admin.register(Snapshot)
class SnapshotAdmin(ReadOnlyAdmin):
    """Lists of samples; the page of one compares it with another."""

    list_display = ("id", "created_at", "created_by", "size", "train", "test", "corrections", "digest")
    list_display_links = ("id", "created_at")
    list_select_related = ("created_by",)
    search_fields = ("=id", "=digest")
    fields = ("id", "created_at", "created_by", "size", "corrections", "digest", "key")
    readonly_fields = fields
    change_form_template = "admin/classifier/snapshot/change_form.html"

    @admin.display(description="train: " + ", ".join(Label.labels))
    def train(self, snapshot: Snapshot) -> str:
        """Counts in label order."""
        return " · ".join(f"{count:,}" for count in snapshot.train_counts)

    @admin.display(description="test: " + ", ".join(Label.labels))
    def test(self, snapshot: Snapshot) -> str:
        """Counts in label order."""
        return " · ".join(f"{count:,}" for count in snapshot.test_counts)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show counts by label and, where `?against=` names an earlier or later snapshot, what changed."""
        snapshot = self.get_object(request, object_id)
        context = dict(extra_context or {})
        if snapshot is not None and self.has_view_permission(request, snapshot):
            context |= tabulate_counts(snapshot) | compare(snapshot, request.GET.get("against", ""))
        return super().change_view(request, object_id, form_url, context)


def tabulate_counts(snapshot: Snapshot) -> dict[str, Any]:
    """Rows of (label, train, test, both), and their sums."""
    rows = [
        (label, train, test, train + test)
        for label, train, test in zip(Label.labels, snapshot.train_counts, snapshot.test_counts, strict=True)
    ]
    return {"counts": rows, "sums": (sum(snapshot.train_counts), sum(snapshot.test_counts), snapshot.size)}


def compare(snapshot: Snapshot, against: str) -> dict[str, Any]:
    """What the page compares: the other snapshots and, where one is chosen, rows of (label, counts) of what changed."""
    others = Snapshot.objects.exclude(pk=snapshot.pk).order_by("-id")
    context: dict[str, Any] = {"others": others[:OFFERED], "against": against}
    if not against:
        return context
    other = others.filter(pk=int(against)).first() if against.isdecimal() and len(against) < 18 else None
    if other is None:
        return {**context, "problem": "There is no other snapshot of this number."}
    try:
        diff = diff_snapshots(other, snapshot)
    except (SnapshotDamagedError, BucketError) as error:
        return {**context, "problem": str(error)}
    sizes = (len(diff.added), len(diff.removed), len(diff.relabelled))
    changes = list(zip(Label.labels, diff.count_by_label(), strict=True))
    return {**context, "other": other, "changes": changes, "sizes": sizes}

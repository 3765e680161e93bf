"""Versions and promotions in admin: which networks there are, and which served when."""

from django.contrib import admin

from classifier.admin.base import ReadOnlyAdmin
from classifier.models import Promotion, Version


@admin.register(Version)
class VersionAdmin(ReadOnlyAdmin):
    """Networks with their figures."""

    list_display = ("name", "state", "accuracy", "created_at", "digest")
    list_filter = ("state",)
    search_fields = ("name", "=digest")
    fields = ("name", "state", "digest", "parent", "metrics", "card", "created_at")
    readonly_fields = fields

    @admin.display(description="accuracy on the test split")
    def accuracy(self, version: Version) -> str:
        """As a percentage with n, or a dash where it was not measured."""
        figures = version.metrics.get("test")
        return f"{figures['accuracy']:.1%} (n = {figures['n']:,})" if figures else "–"


@admin.register(Promotion)
class PromotionAdmin(ReadOnlyAdmin):
    """Every change of the serving version."""

    list_display = ("at", "version", "previous", "actor", "reason")
    list_filter = ("version",)
    list_select_related = ("version", "previous", "actor")
    fields = ("at", "version", "previous", "actor", "reason")
    readonly_fields = fields

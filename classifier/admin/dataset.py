"""Samples in admin."""

from django.contrib import admin

from classifier.admin.base import ReadOnlyAdmin
from classifier.models import Sample


@admin.register(Sample)
class SampleAdmin(ReadOnlyAdmin):
    list_display = ("id", "split", "label", "source", "source_name", "usage", "created_at")
    list_filter = ("split", "label", "source", "usage")
    search_fields = ("=source_name", "=sha256")
    fields = ("split", "label", "source", "source_name", "usage", "sha256", "key", "created_at")
    readonly_fields = fields

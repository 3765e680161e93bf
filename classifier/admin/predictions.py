"""Predictions in admin, of shared photos only."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from classifier.admin.base import ReadOnlyAdmin
from classifier.models import Prediction


@admin.register(Prediction)
class PredictionAdmin(ReadOnlyAdmin):
    list_display = ("id", "face", "version", "label", "confidence", "ms", "created_at")
    list_filter = ("version", "label", "created_at")
    search_fields = ("=face__id", "=face__upload__id")
    list_select_related = ("face", "version")
    fields = ("face", "version", "label", "confidence", "probabilities", "prediction_set", "ms", "created_at")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Prediction]:
        """Show shared photos only."""
        return Prediction.objects.shared().select_related("face", "version")

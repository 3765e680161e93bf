"""Staff pages about the model's health: aggregates of what the product wrote, charts over them, and alerts."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "dashboard"
    default_auto_field = "django.db.models.BigAutoField"

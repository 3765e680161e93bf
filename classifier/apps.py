"""The product: a photo is taken in, its faces are found and named, and people see the result."""

from django.apps import AppConfig


class ClassifierConfig(AppConfig):
    name = "classifier"
    default_auto_field = "django.db.models.BigAutoField"

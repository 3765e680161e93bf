"""The accounts room: who may enter and what they may do there. It knows nothing of photos."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

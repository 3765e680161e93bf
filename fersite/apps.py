"""Registers the project itself with Django, so that its system checks run."""

from django.apps import AppConfig


class FersiteConfig(AppConfig):
    """Loads the system checks."""

    name = "fersite"

    def ready(self) -> None:
        """Importing the module registers its checks."""
        from fersite import checks  # noqa: F401

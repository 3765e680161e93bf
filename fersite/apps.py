"""Registers the project itself with Django: its system checks, and its Celery application as the current one."""

from django.apps import AppConfig

import fersite.celery  # noqa: F401 - here and not in __init__.py: the manager imports the package without Celery


class FersiteConfig(AppConfig):
    """Loads the system checks."""

    name = "fersite"

    def ready(self) -> None:
        """Importing the module registers its checks."""
        from fersite import checks  # noqa: F401

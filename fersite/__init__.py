"""The project: settings, addresses, health, and the process manager behind `make run`."""

from fersite.celery import app as celery_app

__all__ = ["celery_app"]

"""The project: settings, addresses, health, the Celery application."""

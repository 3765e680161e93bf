"""The Celery application; its configuration is the CELERY_* part of settings."""

import os
import signal
from typing import Any

from celery import Celery
from celery.signals import worker_process_init, worker_shutting_down

from fersite.orphans import die_with_parent
from fersite.stopping import ask_to_stop

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fersite.settings")

app = Celery("fersite")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_process_init.connect
def end_with_worker(**kwargs: Any) -> None:
    """A pool process whose worker was killed ends at once: its task's lease runs out and another takes it."""
    die_with_parent(signal.SIGKILL, os.getppid())


@worker_shutting_down.connect
def announce_end(**kwargs: Any) -> None:
    """A training that is under way gives its run back."""
    ask_to_stop()

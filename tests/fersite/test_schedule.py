"""What the clock does: every task of it goes away when it has waited for a whole period."""

from typing import Any

import pytest
from django.conf import settings
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import ModelEntry

from fersite.celery import app

HOUR = 3600


@pytest.mark.django_db
@pytest.mark.parametrize("name", settings.CELERY_BEAT_SCHEDULE)
def test_what_waited_too_long_is_dropped(name: str) -> None:
    entry: dict[str, Any] = settings.CELERY_BEAT_SCHEDULE[name]
    period = entry["schedule"] if isinstance(entry["schedule"], float) else HOUR
    ModelEntry.from_entry(name, app=app, **entry)  # as beat does when it starts
    stored = PeriodicTask.objects.get(name=name)
    assert (stored.task, stored.expire_seconds) == (entry["task"], period)

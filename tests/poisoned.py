"""The site's Celery application with a network that hangs or crashes on some photos, told by their width."""

import os
import signal
import time
from typing import Any

from celery.signals import worker_process_init

from fersite.celery import app
from tests.fakes import make_result

__all__ = ["CRASHES", "HANGS", "app"]

HANGS, CRASHES = 65, 66
app.conf.worker_lost_wait = 1.0  # seconds until a process that is gone is given up; ten without this


def predict(photo: Any) -> Any:
    """Never returns for a hanging photo, ends the process for a crashing one, and finds a face in the others."""
    if photo.width == HANGS:
        time.sleep(3600)
    if photo.width == CRASHES:
        os.kill(os.getpid(), signal.SIGSEGV)
    return [make_result()]


@worker_process_init.connect(weak=False)
def poison(**kwargs: Any) -> None:
    """After the fork, in place of the champion."""
    from classifier.models import Version
    from classifier.serving import classify

    class Poisoned:
        predict_photo = staticmethod(predict)

    def get_pipeline() -> Any:
        return Version.objects.get(name="fake"), Poisoned()

    vars(classify)["get_pipeline"] = get_pipeline

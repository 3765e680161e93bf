"""What a worker for photos does beside its tasks: it shows that it lives, and loads the network before the first photo.

Celery imports this module by CELERY_IMPORTS.
"""

from typing import Any

from celery.signals import worker_process_init, worker_ready, worker_shutting_down

from classifier.serving.heartbeat import Heartbeat
from classifier.serving.network import warm_up
from fersite.celery import app


def takes_photos() -> bool:
    """Whether this worker was started for the queue of photos."""
    return "inference" in app.amqp.queues.consume_from


@worker_ready.connect
def show_life(sender: Any, **kwargs: Any) -> None:
    """Renew the heartbeat until the worker is asked to stop."""
    if takes_photos():
        heartbeat = Heartbeat()
        heartbeat.start()
        worker_shutting_down.connect(lambda **_: heartbeat.stop(), weak=False)


@worker_process_init.connect
def load_network(**kwargs: Any) -> None:
    """Once in every process of the pool, after the fork."""
    if takes_photos():
        warm_up()

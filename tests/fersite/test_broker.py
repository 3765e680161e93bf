"""A Redis that did not answer an acknowledgement in time does not stop the worker for good."""

from collections.abc import Iterator
from time import sleep
from typing import Any

import pytest
import redis
from django.conf import settings
from kombu import Connection
from kombu.simple import SimpleQueue

QUEUE = "a queue of this test"
FROZEN_MS = 800


@pytest.fixture
def queue() -> Iterator[SimpleQueue]:
    """As a worker has it: one message at a time, and little patience."""
    options = {"socket_timeout": 0.2, "max_retries": 0}
    with Connection(
        settings.CELERY_BROKER_URL, transport=settings.CELERY_BROKER_TRANSPORT, transport_options=options
    ) as connection:
        found = connection.SimpleQueue(QUEUE)
        found.consumer.qos(prefetch_count=1)
        yield found
        found.clear()


@pytest.mark.parametrize("step", ["ack", "reject"])
def test_the_place_of_a_message_is_free_again(queue: SimpleQueue, step: str) -> None:
    queue.put("a photo")
    first: Any = queue.get(timeout=5)
    channel: Any = queue.channel
    assert not channel.qos.can_consume()
    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        broker.execute_command("CLIENT", "PAUSE", FROZEN_MS, "ALL")
    with pytest.raises(redis.TimeoutError):
        getattr(first, step)()
    assert channel.qos.can_consume()
    sleep(FROZEN_MS / 1000)

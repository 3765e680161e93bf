"""Redis as Celery's broker, with one repair: an acknowledgement that fails frees its place in the worker all the same.

Kombu removes the message from Redis first and counts the place as free afterwards. Where Redis does not answer in time
the second step is never reached, and a worker that fetches one message at a time fetches none any more. What stays in
Redis comes again after the visibility timeout; by then the row has been claimed, and nothing is done twice.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from kombu.transport import redis, virtual
from redis import Redis

SECONDS = 1.0


def count_messages(queue: str) -> int:
    """How many messages Redis holds for a queue, and those of any queue that workers have and did not acknowledge.

    Raises:
        redis.RedisError: it does not answer.
    """
    with Redis.from_url(settings.REDIS_URL, socket_connect_timeout=SECONDS, socket_timeout=SECONDS) as client:
        return client.llen(queue) + client.hlen("unacked")


@contextmanager
def free_place(qos: virtual.QoS, delivery_tag: str) -> Iterator[None]:
    """What is raised inside goes on, with the message's place free."""
    try:
        yield
    except Exception:
        virtual.QoS.ack(qos, delivery_tag)
        raise


class QoS(redis.QoS):
    """Of one channel of a worker."""

    def ack(self, delivery_tag: str) -> None:
        """Raises what Redis' client raises, with the place free."""
        with free_place(self, delivery_tag):
            super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Raises what Redis' client raises, with the place free."""
        with free_place(self, delivery_tag):
            super().reject(delivery_tag, requeue=requeue)


class Channel(redis.Channel):
    QoS = QoS


class Transport(redis.Transport):
    """Named by CELERY_BROKER_TRANSPORT."""

    Channel = Channel

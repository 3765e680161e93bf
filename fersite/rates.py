"""How often somebody may do something: sliding windows in Redis, shared by all processes, pages and interface alike.

When Redis does not answer within a tenth of a second the request is let through and a line is logged: photos matter
more than quotas. Why not a package: docs/decisions/0012.
"""

import logging
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import redis
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from redis.backoff import NoBackoff
from redis.retry import Retry

REDIS_SECONDS = 0.1
# A list of the last `limit` moments, by Redis's own clock: its oldest entry decides. One call, so two requests never
# share a place. Answers the seconds to wait, 0 for none; takes the place only where the third argument says so.
FIND_A_PLACE = """
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local oldest = redis.call('LINDEX', KEYS[1], limit - 1)
if oldest and oldest + window > now then
    return math.max(1, math.ceil(oldest + window - now))
end
if ARGV[3] == 'take' then
    redis.call('LPUSH', KEYS[1], string.format('%.6f', now))
    redis.call('LTRIM', KEYS[1], 0, limit - 1)
    redis.call('EXPIRE', KEYS[1], window)
end
return 0
"""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rate:
    """At most `limit` times in any `seconds`."""

    limit: int
    seconds: int


HOUR = 3600


def check_upload_rate(user: AbstractBaseUser) -> int | None:
    """Count one attempt to upload; None when it may go on, else the seconds to wait (and it was not counted).

    Every attempt counts that may cost work, one whose photo is then refused as well. Call it before reading the body.
    """
    return take_place(f"uploads:{user.pk}", Rate(settings.FERSITE_UPLOADS_PER_HOUR, HOUR))


def check_answer_rate(user: AbstractBaseUser) -> int | None:
    """Count one answer about a face; None when it may be stored, else the seconds to wait (and it was not counted)."""
    return take_place(f"answers:{user.pk}", Rate(settings.FERSITE_ANSWERS_PER_HOUR, HOUR))


def say_wait(seconds: int) -> str:
    """In words: "12 minutes"."""
    minutes = max(1, round(seconds / 60))
    return f"{minutes} minute{'s' if minutes > 1 else ''}"


def take_place(key: str, rate: Rate) -> int | None:
    """Take one place in the window `key`; None when there was one, else the seconds until there is.

    Args:
        key: what is counted, in words for the log, a colon, and of whom.
    """
    return _find_place(key, rate, "take")


def find_wait(key: str, rate: Rate) -> int | None:
    """The seconds until the window `key` has a place; None when it has one, which is not taken."""
    return _find_place(key, rate, "look")


def empty_window(key: str) -> None:
    """Forget what the window `key` has counted."""
    try:
        connect(settings.REDIS_URL).delete(key_of(key))
    except redis.RedisError as error:
        log.warning("%s not forgotten, Redis does not answer: %s", key.split(":", 1)[0], error)


def _find_place(key: str, rate: Rate, how: str) -> int | None:
    limits = str(rate.limit), str(rate.seconds)
    try:
        wait = cast(int, connect(settings.REDIS_URL).eval(FIND_A_PLACE, 1, key_of(key), *limits, how))
    except redis.RedisError as error:
        log.warning("rate of %s not checked, Redis does not answer: %s", key.split(":", 1)[0], error)
        return None
    return wait or None


def key_of(key: str) -> str:
    """The name in Redis, apart from the cache's and the queue's."""
    return f"fersite:rate:{key}"


@lru_cache(maxsize=4)
def connect(url: str) -> redis.Redis:
    """A client that gives up at once: redis-py itself would retry for seconds. Safe to share between threads."""
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=REDIS_SECONDS,
        socket_timeout=REDIS_SECONDS,
        # A pooled connection may have died with a restarted server: one fresh try; none after a silence.
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    )

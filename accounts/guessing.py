"""Slows down people who guess passwords: failures are counted in the cache, for the pages, admin and the interface.

They count per name and address, per name, and per address; so do mails and new accounts. It fails open: with the cache
down nobody is kept out, and the log says so. It is not a defence against many machines that each try another name; the
password rules are.
"""

import hashlib
import logging
import math
import time

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from redis.exceptions import RedisError

WINDOW_SECONDS = 15 * 60
FAILURES_PER_ADDRESS = 10  # of one name, from one address
FAILURES_PER_NAME = 100  # of one name, from everywhere: high, so that strangers cannot easily lock a person out
FAILURES_OF_ADDRESS = 50  # of all names together, from one address
KNOWN_SECONDS = 30 * 24 * 3600  # a name that has logged in from an address
MAILS_PER_HOUR = 5

log = logging.getLogger(__name__)


def is_blocked(request: HttpRequest | None, username: str) -> bool:
    """Whether this name, or whoever asks, has failed too often lately."""
    return _reached(_limits_of_name(request, username)) or is_address_blocked(request, username)


def is_address_blocked(request: HttpRequest | None, username: str) -> bool:
    """Whether too many passwords were wrong from where the request comes, whatever the names.

    A name that has logged in from there lately is let in: others behind the same address must not lock its owner out.
    """
    return _reached(_limits_of_address(request)) and not _is_known(request, username)


def count_failure(request: HttpRequest | None, username: str) -> None:
    """Count one more wrong password for this name."""
    for key in _limits_of_name(request, username) | _limits_of_address(request):
        _count(key, WINDOW_SECONDS)


def forget_failures(request: HttpRequest | None, username: str) -> None:
    """The right password was given: failures from this address are forgotten, those from elsewhere are not."""
    try:
        cache.delete(next(iter(_limits_of_name(request, username))))
        cache.set(_key("known", username, _find_address(request)), True, KNOWN_SECONDS)
    except (RedisError, OSError) as error:
        log.warning("password guesses are not forgotten: %s", error)


def forget_name(username: str) -> None:
    """A new password was set: failures with the old one are forgotten, wherever they came from."""
    try:
        cache.set(_key("password", username), time.time_ns(), WINDOW_SECONDS)
    except (RedisError, OSError) as error:
        log.warning("password guesses are not forgotten: %s", error)


def may_send_mail(address: str) -> bool:
    """Whether one more password mail to this address is within the hourly limit; counts it."""
    return _count(_key("mail", address), 3600) <= MAILS_PER_HOUR


def may_sign_up(request: HttpRequest) -> bool:
    """Whether one more account may be made from where the request comes, within the hourly limit; counts it."""
    address = _find_address(request)
    return not address or _count(_key("signup", address), 3600) <= settings.FERSITE_SIGNUPS_PER_HOUR


def minutes_blocked() -> int:
    """How long a block can last, in minutes."""
    return math.ceil(WINDOW_SECONDS / 60)


def _limits_of_name(request: HttpRequest | None, username: str) -> dict[str, int]:
    address, since = _find_address(request), _find_new_password(username)
    return {
        _key("address", username, address, since): FAILURES_PER_ADDRESS,
        _key("name", username, since): FAILURES_PER_NAME,
    }


def _limits_of_address(request: HttpRequest | None) -> dict[str, int]:
    # Without an address (a socket, a command) everybody would share the count.
    address = _find_address(request)
    return {_key("anybody", address): FAILURES_OF_ADDRESS} if address else {}


def _is_known(request: HttpRequest | None, username: str) -> bool:
    try:
        return bool(cache.get(_key("known", username, _find_address(request))))
    except (RedisError, OSError):
        return False  # whoever counts says so


def _find_new_password(username: str) -> str:
    # Counts from before a new password are not looked at any more; they expire before this mark does.
    try:
        return str(cache.get(_key("password", username), ""))
    except (RedisError, OSError):
        return ""  # whoever counts says so


def _find_address(request: HttpRequest | None) -> str:
    return str(request.META.get("REMOTE_ADDR", "")) if request else ""


def _reached(limits: dict[str, int]) -> bool:
    try:
        counts = cache.get_many(limits)
    except (RedisError, OSError) as error:
        log.warning("password guesses are not limited: %s", error)
        return False
    return any(counts.get(key, 0) >= limit for key, limit in limits.items())


def _key(kind: str, *parts: str) -> str:
    # Hashed: what people type into the name field (now and then a password) must not lie in the cache.
    digest = hashlib.sha256("\0".join(part.strip().lower() for part in parts).encode()).hexdigest()
    return f"accounts:guessing:{kind}:{digest}"


def _count(key: str, seconds: int) -> int:
    try:
        cache.add(key, 0, seconds)
        return cache.incr(key)
    except ValueError:  # it expired between the two calls
        return 1
    except (RedisError, OSError) as error:
        log.warning("not counted: %s", error)
        return 0

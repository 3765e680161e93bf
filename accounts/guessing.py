"""Slows down people who guess passwords: failures are counted by fersite.rates, for pages, admin and interface.

They count per name and address, per name, and per address; mails and new accounts count, too. It fails open: without
Redis nobody is kept out, and the log says so. It is not a defence against many machines that each try another name; the
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

from fersite.rates import HOUR, Rate, empty_window, find_wait, take_place

WINDOW_SECONDS = 15 * 60
FAILURES_PER_ADDRESS = 10  # of one name, from one address
FAILURES_PER_NAME = 100  # of one name, from everywhere: high, so that strangers cannot easily lock a person out
FAILURES_OF_ADDRESS = 50  # of all names together, from one address
KNOWN_SECONDS = 30 * 24 * 3600  # a name that has logged in from an address
MAILS_PER_HOUR = 5
GUESSES = "password guesses"

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
    for key, rate in (_limits_of_name(request, username) | _limits_of_address(request)).items():
        take_place(key, rate)


def forget_failures(request: HttpRequest | None, username: str) -> None:
    """The right password was given: failures from this address are forgotten, those from elsewhere are not."""
    from_here, _ = _limits_of_name(request, username)
    empty_window(from_here)
    try:
        cache.set(_mark("known", username, _find_address(request)), True, KNOWN_SECONDS)
    except (RedisError, OSError) as error:
        log.warning("where a name logs in from is not remembered: %s", error)


def forget_name(username: str) -> None:
    """A new password was set: failures with the old one are forgotten, wherever they came from."""
    try:
        cache.set(_mark("password", username), time.time_ns(), WINDOW_SECONDS)
    except (RedisError, OSError) as error:
        log.warning("password guesses are not forgotten: %s", error)


def may_send_mail(address: str) -> bool:
    """Whether one more password mail to this address is within the hourly limit; counts it."""
    return take_place(_key("password mails", address), Rate(MAILS_PER_HOUR, HOUR)) is None


def may_sign_up(request: HttpRequest) -> bool:
    """Whether one more account may be made from where the request comes, within the hourly limit; counts it."""
    address = _find_address(request)
    rate = Rate(settings.FERSITE_SIGNUPS_PER_HOUR, HOUR)
    return not address or take_place(_key("new accounts", address), rate) is None


def minutes_blocked() -> int:
    """How long a block can last, in minutes."""
    return math.ceil(WINDOW_SECONDS / 60)


def _limits_of_name(request: HttpRequest | None, username: str) -> dict[str, Rate]:
    """Of the name from this address, then of the name from everywhere."""
    address, since = _find_address(request), _find_new_password(username)
    return {
        _key(GUESSES, "address", username, address, since): Rate(FAILURES_PER_ADDRESS, WINDOW_SECONDS),
        _key(GUESSES, "name", username, since): Rate(FAILURES_PER_NAME, WINDOW_SECONDS),
    }


def _limits_of_address(request: HttpRequest | None) -> dict[str, Rate]:
    # Without an address (a socket, a command) everybody would share the count.
    address = _find_address(request)
    return {_key(GUESSES, "anybody", address): Rate(FAILURES_OF_ADDRESS, WINDOW_SECONDS)} if address else {}


def _is_known(request: HttpRequest | None, username: str) -> bool:
    try:
        return bool(cache.get(_mark("known", username, _find_address(request))))
    except (RedisError, OSError):
        return False  # whoever counts says so


def _find_new_password(username: str) -> str:
    # Counts from before a new password are not looked at any more; they expire before this mark does.
    try:
        return str(cache.get(_mark("password", username), ""))
    except (RedisError, OSError):
        return ""  # whoever counts says so


def _find_address(request: HttpRequest | None) -> str:
    return str(request.META.get("REMOTE_ADDR", "")) if request else ""


def _reached(limits: dict[str, Rate]) -> bool:
    return any(find_wait(key, rate) is not None for key, rate in limits.items())


def _key(what: str, *parts: str) -> str:
    return f"{what}:{_hash(parts)}"


def _mark(kind: str, *parts: str) -> str:
    return f"accounts:guessing:{kind}:{_hash(parts)}"


def _hash(parts: tuple[str, ...]) -> str:
    # What people type into the name field (now and then a password) must not lie in Redis.
    return hashlib.sha256("\0".join(part.strip().lower() for part in parts).encode()).hexdigest()

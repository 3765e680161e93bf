"""Uploads per hour: counted per user for page and interface together, before the body is read; open without Redis."""

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from fersite.rates import REDIS_SECONDS, Rate, check_upload_rate, connect, empty_window, find_wait, key_of, take_place
from tests.api.rows import URL, check_problem
from tests.silence import open_silent_server


@pytest.mark.django_db
def test_window_slides() -> None:
    rate = Rate(2, 60)
    assert take_place("x", rate) is None
    assert take_place("x", rate) is None
    wait = take_place("x", rate)
    assert wait is not None
    assert 59 <= wait <= 60
    from django.conf import settings

    redis = connect(settings.REDIS_URL)
    moments = redis.lrange(key_of("x"), 0, -1)
    redis.lset(key_of("x"), 1, str(float(moments[1]) - 61))  # the older one leaves the window
    assert take_place("x", rate) is None
    assert take_place("x", rate) is not None


@pytest.mark.django_db
def test_looking_takes_no_place_and_an_emptied_window_has_them_all() -> None:
    rate = Rate(1, 60)
    assert [find_wait("x", rate) for _ in range(3)] == [None] * 3
    assert take_place("x", rate) is None
    wait = find_wait("x", rate)
    assert wait is not None
    assert 59 <= wait <= 60
    empty_window("x")
    assert take_place("x", rate) is None


@pytest.mark.django_db
def test_places_are_exact_when_many_ask_at_once_and_refusals_take_none() -> None:
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: take_place("x", Rate(20, 60)), range(100)))
    assert waits.count(None) == 20
    from django.conf import settings

    assert connect(settings.REDIS_URL).llen(key_of("x")) == 20


def test_attempts_of_all_kinds_count(owner: APIClient, stranger: APIClient, ada: User, settings: Settings) -> None:
    settings.FERSITE_UPLOADS_PER_HOUR = 2
    check_problem(owner.post(URL), 400, "image_required")
    assert check_upload_rate(ada) is None  # the page
    response = owner.post(URL)
    check_problem(response, 429, "throttled")
    assert 3590 <= int(response["Retry-After"]) <= 3600
    assert owner.get(URL).status_code == 200
    check_problem(stranger.post(URL), 400, "image_required")
    assert check_upload_rate(ada) is not None


@pytest.mark.parametrize("silent", [False, True])
def test_without_redis_the_request_goes_on(
    owner: APIClient, settings: Settings, caplog: pytest.LogCaptureFixture, silent: bool
) -> None:
    with open_silent_server() as server:
        settings.REDIS_URL = f"redis://127.0.0.1:{server.port if silent else 1}/0"
        with caplog.at_level(logging.WARNING):
            check_problem(owner.post(URL), 400, "image_required")
        assert server.count_callers() == silent  # waited for once, and not for long
    assert REDIS_SECONDS < 2
    assert "rate of uploads not checked" in caplog.text

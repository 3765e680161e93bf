"""A real browser, a real worker and the real network for the tests that drive the site as people do.

Imports of the project wait until the services run: pytest reads this file before that.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.steps import Complaints
from tests.workers import start_worker, stop_worker

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """CHROMIUM, else the system's browser."""
    return os.environ.get("CHROMIUM") or next((path for name in NAMES if (path := shutil.which(name))), None)


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """One browser a module: while it runs, its event loop lives in this thread, and Django must bear with that."""
    from playwright.sync_api import sync_playwright

    path = find_chromium()
    if path is None:
        words = "no Chromium: install it (apt-get install chromium) or name one in CHROMIUM"
        pytest.fail(words) if os.environ.get("CI") else pytest.skip(words)
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    arguments = ["--no-sandbox", "--disable-background-networking", "--disable-gpu", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    """Every test that uses it fails when the console had anything to say that it did not take out itself."""
    found = Complaints()
    yield found
    assert found == []


@pytest.fixture
def page(browser: "Browser", live_server: Any, complaints: Complaints) -> Iterator["Page"]:
    """A fresh window on the live site."""
    yield from open_window(browser, live_server, complaints)


@pytest.fixture
def desk(browser: "Browser", live_server: Any, complaints: Complaints) -> Iterator["Page"]:
    """Another one, with a session of its own, for those who work in admin."""
    yield from open_window(browser, live_server, complaints)


def open_window(browser: "Browser", live_server: Any, complaints: Complaints) -> Iterator["Page"]:
    """A window without cookies, whose console is watched; closed afterwards."""
    context = browser.new_context(base_url=live_server.url, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(20_000)
    page = context.new_page()
    complaints.watch(page)
    yield page
    context.close()


@pytest.fixture
def worker(live_server: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A Celery worker on the test's own database, with the shipped network as champion."""
    from classifier.training.registry import register_version
    from ml.artifacts import default_artifact

    register_version(path=default_artifact(), promote=True, reason="shipped")
    process = start_worker()
    yield process
    stop_worker(process)

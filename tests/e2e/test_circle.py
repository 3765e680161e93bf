"""The whole circle in a browser: upload, correct by keyboard, approve in admin, retrain, win at the gate, serve."""

import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.steps import PASSWORD, as_file, make_astronaut, sign_up
from tests.tiny import GENEROUS_GATE, make_tiny_network, tiny_archive_of
from tests.workers import start_worker, stop_worker

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.tensorflow, pytest.mark.timeout(280)]

# One trusted answer is enough here; the gate's own limits have tests of their own.
LENIENT: dict[str, Any] = {name: str(value) for name, value in GENEROUS_GATE.items()}


@pytest.fixture
def workers(live_server: Any) -> Iterator[None]:
    """Both workers, the tiny network as champion, and the dataset it learned from."""
    from classifier.dataset.samples import import_fer2013
    from classifier.training.registry import register_version

    network = make_tiny_network()
    import_fer2013(path=tiny_archive_of(network))
    register_version(path=network, promote=True, reason="first")
    running = [start_worker(queue=queue, **LENIENT, FERSITE_GATE_TRUSTED="1") for queue in ("inference", "training")]
    yield
    for worker in running:
        stop_worker(worker)


def test_from_a_correction_to_the_network_that_serves(page: "Page", desk: "Page", workers: None, settings: Any) -> None:
    settings.FERSITE_BLIND_PERCENT = 100  # what is answered blind is trusted
    sign_up(page, name_of_the_held_out())
    hand_in(page, make_astronaut())
    page.get_by_text("What does this face show?").wait_for(timeout=60_000)
    page.keyboard.press("4")
    page.get_by_text("You said: happy.").wait_for()
    page.get_by_text("Network tiny").wait_for()

    enter(desk, "rita", "reviewer")
    desk.goto("/admin/classifier/correction/?state__exact=pending")
    desk.locator("#result_list tbody a").first.click()
    desk.get_by_role("button", name=re.compile("Approve “happy”")).wait_for()
    desk.wait_for_load_state("load")  # the keys work once the script is there
    desk.keyboard.press("a")
    desk.get_by_text("approved as happy").wait_for()
    page.reload()
    page.get_by_text(re.compile("reviewer agreed", re.IGNORECASE)).first.wait_for()

    enter(desk, "boss", "staff")
    desk.goto("/admin/classifier/trainingrun/")
    desk.get_by_label("Epochs").fill("2")
    desk.get_by_role("button", name="Retrain now").click()
    desk.get_by_text(re.compile("^Done$")).first.wait_for(timeout=150_000)
    desk.get_by_role("link", name="promoted").click()
    desk.get_by_text(re.compile("run-[0-9a-f]{8} against tiny")).wait_for()
    desk.get_by_text("+0.00 points on 1").first.wait_for()

    # Running workers follow within ten seconds, without a restart.
    time.sleep(6)
    settings.FERSITE_BLIND_PERCENT = 0
    hand_in(page, make_astronaut()[:-2] + b"\xff\xd9\x00")
    page.get_by_text(re.compile(r"Network run-[0-9a-f]{8}")).wait_for(timeout=60_000)


def name_of_the_held_out() -> str:
    """Sign-up gives the next number; it must belong to somebody who is held out, so that the answer can be trusted."""
    from django.db import connection

    from classifier.dataset.samples import choose_split

    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM accounts_user_id_seq")
        number = cursor.fetchone()[0] + 1
        while choose_split(number) != "test":
            number += 1
        cursor.execute("SELECT setval('accounts_user_id_seq', %s, false)", [number])
    return "hanna"


def hand_in(page: "Page", photo: bytes) -> None:
    """Upload a photo that may be learned from."""
    page.goto("/upload/")
    page.locator("#consent").check()
    page.set_input_files("#photos", [as_file("photo.jpg", photo)])
    page.wait_for_url("**/uploads/*/")


def enter(page: "Page", name: str, role: Any) -> None:
    """Log in to admin as somebody new."""
    from accounts.models import User
    from accounts.roles import set_role

    set_role(user=User.objects.create_user(name, f"{name}@example.org", PASSWORD), role=role)
    page.context.clear_cookies()
    page.goto("/admin/login/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_text("Site administration").wait_for()

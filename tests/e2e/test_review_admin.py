"""Review in a real browser: logging in, the filtered list, keys, the next answer by itself, and a bulk review."""

from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from accounts.models import User
from accounts.roles import set_role
from classifier.models import Correction, Sample
from classifier.review.decisions import reject_answer
from tests.e2e.steps import PASSWORD, make_astronaut
from tests.reviews import add_answer, add_face, store_crop
from tests.workers import start_worker, stop_worker

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]
LIST = "/admin/classifier/correction/"


@pytest.fixture
def rows(live_server: Any) -> list[Correction]:
    """Four answers about the same photo of a face, and a reviewer who has a password."""
    ruth = User.objects.create_user("ruth", "ruth@example.org", PASSWORD)
    set_role(user=ruth, role="reviewer")
    ada = User.objects.create_user("ada", "ada@example.org", PASSWORD)
    photo = default_storage.save("uploads/astronaut.jpg", ContentFile(make_astronaut()))
    found = []
    for number, answer in enumerate((4, 4, 3, 4)):
        face = add_face(ada)
        face.upload.image, face.upload.width, face.upload.height = photo, 512, 512
        face.upload.save()
        face.x, face.y, face.width, face.height = 170, 60, 110, 130
        face.save()
        row = add_answer(ada, answer, face=face)
        store_crop(row, number)
        found.append(row)
    return found


def log_in(page: "Page", name: str = "ruth", next_page: str = LIST) -> None:
    """At admin's own form."""
    page.goto(next_page)
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def arrive(page: "Page", row: Correction) -> None:
    """On the page of an answer, its script loaded."""
    page.get_by_role("heading", name=f"Answer {row.pk}").wait_for()
    page.wait_for_load_state("load")


def state_of(row: Correction) -> tuple[str, str, int | None]:
    row.refresh_from_db()
    return row.state, row.reason, row.final_label


def test_through_a_filtered_list_by_keys(page: "Page", rows: list[Correction]) -> None:
    first, second, happy, third = rows
    log_in(page)
    page.locator("#changelist-filter").get_by_role("link", name="happy → sad (3)").click()
    page.wait_for_url("**pair=3-4")
    page.locator("#result_list .field-id a").first.click()
    arrive(page, first)
    page.get_by_text("1 of 3 in this list").wait_for()
    assert page.locator(".review-face image").evaluate("node => node.getBBox().width") == 512

    page.keyboard.press("j")
    arrive(page, second)
    page.keyboard.press("ArrowLeft")
    arrive(page, first)
    page.keyboard.press("a")
    page.get_by_text(f"Answer {first.pk} approved as sad.").wait_for()
    assert state_of(first) == ("approved", "", 4)

    arrive(page, second)  # the next one, by itself
    page.keyboard.press("r")
    page.keyboard.type("Taken in the dark.")  # 1 to 7, A and S are letters here
    assert page.get_by_label("Reason for a rejection").input_value() == "Taken in the dark."
    page.keyboard.press("Enter")
    page.get_by_text(f"Answer {second.pk} rejected.").wait_for()
    assert state_of(second) == ("rejected", "Taken in the dark.", None)

    arrive(page, third)
    page.keyboard.press("2")
    page.get_by_text(f"Answer {third.pk} approved as disgust.").wait_for()
    page.get_by_text("Nothing is left to decide in this list.").wait_for()
    assert "pair=3-4" in page.url
    assert state_of(third) == ("approved", "", 1)
    assert state_of(happy)[0] == "pending"
    assert Sample.objects.count() == 2


def test_the_later_of_two_reviewers_is_led_on(page: "Page", rows: list[Correction]) -> None:
    rita = User.objects.create_user("rita", "rita@example.org", PASSWORD)
    log_in(page, next_page=f"{LIST}{rows[0].pk}/change/")
    arrive(page, rows[0])
    reject_answer(correction=rows[0], reviewer=rita, reason="Blurred.")
    page.keyboard.press("a")
    page.get_by_text(f"Answer {rows[0].pk} was rejected by rita a moment ago.").wait_for()
    arrive(page, rows[1])
    page.keyboard.press("s")
    arrive(page, rows[2])
    assert not Sample.objects.exists()


def test_without_scripts(browser: Any, live_server: Any, rows: list[Correction]) -> None:
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    page = context.new_page()
    log_in(page, next_page=f"{LIST}{rows[0].pk}/change/")
    page.get_by_role("button", name="surprise").click()
    page.get_by_text(f"Answer {rows[0].pk} approved as surprise.").wait_for()
    page.get_by_text("Reject with a ready reason").click()
    page.get_by_role("button", name="Several expressions fit equally well.").click()
    page.get_by_text(f"Answer {rows[1].pk} rejected.").wait_for()
    assert state_of(rows[1]) == ("rejected", "Several expressions fit equally well.", None)
    context.close()


def test_a_bulk_review_by_a_worker_shows_its_progress(page: "Page", rows: list[Correction]) -> None:
    log_in(page)
    page.locator("#action-toggle").check()
    page.get_by_label("Action:").select_option("reject")
    page.get_by_role("button", name="Go").click()
    page.get_by_role("heading", name="Reject 4 answers?").wait_for()
    page.get_by_label("Reason, which the authors read").fill("Not a person.")
    page.get_by_role("button", name="Reject 4 answers").click()
    page.get_by_text("0 of 4 gone through").wait_for()
    worker = start_worker()
    try:
        page.get_by_text("4 of 4 gone through").wait_for(timeout=60_000)
    finally:
        stop_worker(worker)
    page.get_by_text("4 rejected").wait_for()
    assert {state_of(row)[:2] for row in rows} == {("rejected", "Not a person.")}


def test_others_may_not_enter(page: "Page", rows: list[Correction], complaints: Any) -> None:
    addresses = [LIST, f"{LIST}{rows[0].pk}/change/", "/admin/classifier/bulkreview/"]
    for address in addresses:
        page.goto(address)
        assert "/admin/login/" in page.url
    page.goto("/accounts/login/")
    page.get_by_label("User name").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/")
    for address in addresses:
        page.goto(address)
        assert "/admin/login/" in page.url

"""The upload page's script: each file by itself, drop, paste, retry; and the theme. No worker is needed."""

import re
from typing import TYPE_CHECKING

import pytest

from tests.api.photos import make_photo
from tests.e2e.steps import Complaints, as_file, sign_up

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

HAND_OVER = """([kind, name, bytes]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], name));
  const event = kind === 'drop'
    ? new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true})
    : new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true});
  document.body.dispatchEvent(event);
}"""


def test_a_bad_file_never_blocks_the_others(page: "Page", complaints: Complaints) -> None:
    sign_up(page)
    files = [
        as_file("good.HEIC", make_photo(seed=1)),
        as_file("notes.txt", b"hello", "text/plain"),
        as_file("huge.jpg", bytes(16 * 1024 * 1024), "image/jpeg"),
        as_file("copy.jpg", make_photo(seed=1), "image/jpeg"),
        as_file("second.png", make_photo(seed=2, kind="PNG"), "image/png"),
    ]
    page.set_input_files("#photos", files)
    row = page.locator(".queue-item")
    row.filter(has_text="good.HEIC").get_by_text(re.compile("Stored|Already")).wait_for()
    row.filter(has_text="notes.txt").get_by_text("not a photo that we can read").wait_for()
    row.filter(has_text="huge.jpg").get_by_text("larger than 15").wait_for()
    row.filter(has_text="second.png").get_by_text("Stored").wait_for()
    page.get_by_role("link", name="See all results").wait_for()
    assert page.locator(".queue-item").get_by_text("Already uploaded").count() == 1
    assert row.filter(has_text="notes.txt").get_by_role("button", name="Try again").count() == 0
    row.filter(has_text="notes.txt").get_by_role("button", name="Remove").click()
    assert row.count() == 4
    # The browser itself notes the refused upload, and nothing else.
    assert len(complaints) == 1
    assert "415" in complaints.pop()


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_photos_can_be_dropped_and_pasted(page: "Page", kind: str) -> None:
    sign_up(page)
    page.evaluate(HAND_OVER, [kind, "given.jpg", list(make_photo())])
    page.wait_for_url("**/uploads/*-*/")
    page.get_by_text("Waiting for its turn").wait_for()


def test_the_same_photo_again_is_said_once(page: "Page") -> None:
    sign_up(page)
    page.set_input_files("#photos", [as_file("a.jpg", make_photo())])
    page.wait_for_url("**/uploads/*-*/")
    first = page.url
    page.goto("/upload/")
    page.set_input_files("#photos", [as_file("b.jpg", make_photo())])
    page.locator(".queue-item").get_by_text("Already uploaded").wait_for()
    page.get_by_role("link", name="See the result").click()
    page.wait_for_url(first)


def test_a_lost_connection_can_be_tried_again(page: "Page", complaints: Complaints) -> None:
    sign_up(page)
    calls: list[str] = []

    def lose_the_first(route: "Route") -> None:
        calls.append(route.request.headers["idempotency-key"])
        route.abort() if len(calls) == 1 else route.continue_()

    page.route(
        "**/upload/", lambda route: lose_the_first(route) if route.request.method == "POST" else route.continue_()
    )
    page.set_input_files("#photos", [as_file("a.jpg", make_photo())])
    page.locator(".queue-item").get_by_text("The connection was lost").wait_for()
    page.get_by_role("button", name="Try again").click()
    page.wait_for_url("**/uploads/*-*/")
    assert len(calls) == 2
    assert len(set(calls)) == 1
    assert all("ERR_FAILED" in line for line in complaints)
    complaints.clear()


def test_who_was_logged_out_is_told(page: "Page", complaints: Complaints) -> None:
    sign_up(page)
    page.context.clear_cookies()
    page.set_input_files("#photos", [as_file("a.jpg", make_photo())])
    page.locator(".queue-item").get_by_text("You were logged out").wait_for()
    assert page.locator(".queue-item").get_by_role("link", name="Log in").get_attribute("href") is not None
    assert "401" in complaints.pop()


def test_the_theme_follows_the_system_until_one_chooses(page: "Page") -> None:
    theme = "document.documentElement.dataset.bsTheme"
    page.emulate_media(color_scheme="dark")
    page.goto("/")
    assert page.evaluate(theme) == "dark"
    page.get_by_role("button", name="Light colours").click()
    page.reload()
    assert page.evaluate(theme) == "light"
    page.get_by_role("button", name="Dark colours").click()
    page.emulate_media(color_scheme="light")
    page.reload()
    assert page.evaluate(theme) == "light"


def test_nothing_is_wider_than_a_phone(page: "Page") -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    sign_up(page, "a_rather_long_name_for_a_person_who_signs_up")
    account = ("/accounts/", "/accounts/notice/", "/accounts/password/change/")
    for address in ("/", "/upload/", "/uploads/", "/label/", "/answers/", *account):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, address
        header = page.locator(".site-header").bounding_box()
        assert header is not None
        assert header["height"] < 70, f"the header of {address} breaks into two lines"

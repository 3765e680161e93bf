"""What the network looked at, with the real network: asked for by mouse, by keyboard, and without JavaScript."""

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.steps import as_file, make_astronaut, sign_up

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.tensorflow, pytest.mark.timeout(240)]
ANSWER_MS = 60_000  # the worker starts with the test
QUESTION = "What did the network look at?"


def test_the_map_comes_and_stays(page: "Page", worker: Any) -> None:
    sign_up(page)
    page.set_input_files("#photos", [as_file("astronaut.jpg", make_astronaut())])
    page.wait_for_url("**/uploads/*-*/")
    page.get_by_text("This face appears happy").wait_for(timeout=ANSWER_MS)
    page.get_by_role("button", name=QUESTION).focus()
    page.keyboard.press("Enter")
    page.get_by_text("rough map").wait_for()
    check_map(page)
    focused = page.evaluate("document.activeElement.closest('.explanation') !== null")
    assert focused, "whoever asked by keyboard is left at the answer"
    page.reload()
    check_map(page)


def check_map(page: "Page") -> None:
    """The map covers the face's crop exactly, and its words say where it is brightest."""
    figure = page.locator(".explanation")
    shown = figure.locator("img").last
    read_boxes = "images => images.map(image => image.getBoundingClientRect().toJSON())"
    crop_box, map_box = figure.locator("img").evaluate_all(read_boxes)
    assert crop_box == map_box
    assert shown.evaluate("image => image.naturalWidth") == 48
    assert "brightest here" in (shown.get_attribute("alt") or "")
    assert "most in the picture’s" in figure.inner_text()


def test_without_javascript(browser: "Browser", live_server: Any, worker: Any) -> None:
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    context.set_default_timeout(20_000)
    page = context.new_page()
    sign_up(page)
    page.set_input_files("#photos", [as_file("astronaut.jpg", make_astronaut())])
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url("**/uploads/*-*/")
    page.get_by_text("This face appears happy").wait_for(timeout=ANSWER_MS)
    page.get_by_role("button", name=QUESTION).click()
    page.wait_for_url("**#face-1")
    for _ in range(20):
        page.wait_for_timeout(500)
        page.reload()
        if page.locator(".explanation").count():
            break
    check_map(page)
    context.close()

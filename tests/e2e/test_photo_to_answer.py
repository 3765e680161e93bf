"""From the first page to the answer, with the real network: by mouse, by keyboard, and without JavaScript."""

import io
import os
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from tests.e2e.steps import CROPS, PASSWORD, ROOT, Complaints, as_file, make_astronaut, sign_up

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.tensorflow, pytest.mark.timeout(240)]
SCREENSHOT = ROOT / "docs" / "screenshot.png"
ANSWER_MS = 60_000  # the worker starts with the test


def test_a_photo_and_a_crop_get_their_answers(page: "Page", worker: Any) -> None:
    sign_up(page)
    page.set_input_files("#photos", [as_file("Astronaut.JPG", make_astronaut())])
    page.wait_for_url("**/uploads/*-*/")
    page.get_by_text("This face appears happy").wait_for(timeout=ANSWER_MS)
    face = page.locator(".face")
    assert face.count() == 1
    assert "appears happy" in face.inner_text()
    assert "% confident" in face.inner_text()
    assert face.locator(".bars li").first.inner_text().startswith("happy")
    assert face.locator(".bars li").count() == 7
    assert "9 times out of 10" in face.inner_text()
    assert "Network " in face.inner_text()
    assert page.locator(".photo img").evaluate("image => image.naturalWidth") == 512
    check_box(page)
    take_screenshot(page)

    page.reload()
    page.get_by_text("This face appears happy").wait_for()

    page.get_by_role("link", name="Upload another photo").click()
    page.set_input_files("#photos", CROPS / "happy_82.png")
    page.wait_for_url("**/uploads/*-*/")
    page.locator(".face").wait_for(timeout=ANSWER_MS)
    assert "appears" in page.locator("h1").inner_text()

    page.get_by_role("link", name="My photos").click()
    assert page.locator(".tile").count() == 2
    page.get_by_label("Status").select_option("no_face")
    page.get_by_role("button", name="Show").click()
    page.get_by_text("No photo matches").wait_for()


def check_box(page: "Page") -> None:
    """The box lies over the face (which is left of the middle, in the upper half), and both light up together."""
    photo, box = page.locator(".photo img").bounding_box(), page.locator(".box-line").bounding_box()
    assert photo is not None
    assert box is not None
    x = (box["x"] + box["width"] / 2 - photo["x"]) / photo["width"]
    y = (box["y"] + box["height"] / 2 - photo["y"]) / photo["height"]
    assert 0.35 < x < 0.55
    assert 0.1 < y < 0.35
    page.locator(".face").hover()
    assert "is-lit" in (page.locator(".box").get_attribute("class") or "")
    page.mouse.move(0, 0)
    assert "is-lit" not in (page.locator(".box").get_attribute("class") or "")


def take_screenshot(page: "Page") -> None:
    """The picture in the README: made when it is not there, or when FERSITE_SCREENSHOT=1 asks for a new one."""
    if not SCREENSHOT.exists() or os.environ.get("FERSITE_SCREENSHOT") == "1":
        SCREENSHOT.parent.mkdir(exist_ok=True)
        page.set_viewport_size({"width": 1280, "height": 840})
        shot = Image.open(io.BytesIO(page.screenshot()))
        shot.convert("RGB").quantize(256).save(SCREENSHOT, optimize=True)
        page.set_viewport_size({"width": 1280, "height": 800})


def press_to(page: "Page", text: str) -> None:
    """Tab until the element with these words has the focus, which must be visible."""
    for _ in range(40):
        page.keyboard.press("Tab")
        focus = page.evaluate(
            """() => { const e = document.activeElement, s = getComputedStyle(e);
            return [e.innerText || e.getAttribute('aria-label') || e.labels?.[0]?.innerText || '',
                    s.outlineStyle !== 'none' || s.boxShadow !== 'none' || e.closest('svg') !== null] }"""
        )
        if text in focus[0]:
            assert focus[1], f"nobody sees that {text!r} has the focus"
            return
    raise AssertionError(f"{text!r} cannot be reached by the keyboard")


def test_by_keyboard_alone(page: "Page", worker: Any) -> None:
    # Listening makes Chromium hand its file dialogues to the test; asked for only at the key, that can come too late.
    page.on("filechooser", lambda chooser: None)
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Skip to the content"
    press_to(page, "Sign up and try it")
    page.keyboard.press("Enter")
    page.wait_for_url("**/accounts/signup/")
    for words in ("grace", "Tab", "grace@example.org", "Tab", PASSWORD, "Tab", PASSWORD):
        page.keyboard.press("Tab") if words == "Tab" else page.keyboard.type(words)
    press_to(page, "I have read this")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    page.wait_for_url("**/upload/")

    press_to(page, "Choose photos")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files([as_file("astronaut.jpg", make_astronaut())])
    page.wait_for_url("**/uploads/*-*/")
    page.get_by_text("This face appears happy").wait_for(timeout=ANSWER_MS)
    assert "face 1 appears happy" in page.locator("[data-live]").inner_text()

    page.locator("#content").focus()
    press_to(page, "Face 1: appears happy")
    assert "is-lit" in (page.locator(".face").get_attribute("class") or "")
    press_to(page, "Delete…")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.innerText") == "Keep it"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/uploads/")
    page.get_by_text("The photo is deleted").wait_for()


def test_without_javascript(browser: "Browser", live_server: Any, complaints: Complaints, worker: Any) -> None:
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    page = context.new_page()
    complaints.watch(page)
    sign_up(page)
    page.set_input_files("#photos", [as_file("astronaut.jpg", make_astronaut(), "image/jpeg")])
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url("**/uploads/*-*/")
    page.get_by_text("This face appears happy").wait_for(timeout=ANSWER_MS)
    page.get_by_role("link", name="Delete…").click()
    page.get_by_role("button", name="Delete the photo").click()
    page.get_by_text("Nothing here yet").wait_for()
    context.close()

"""Answering by keyboard on the result page: 1–7, Enter, 0, N, U; the next face has the focus at once."""

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from classifier.models import Correction, Face, Prediction, Upload, Version
from tests.e2e.steps import sign_up

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture
def faces(page: "Page") -> list[Face]:
    """Two faces in a photo of Ada's that is done, both predicted happy; the browser is on its page."""
    from accounts.models import User

    sign_up(page)
    upload = Upload.objects.create(
        owner=User.objects.get(username="ada"), sha256="0" * 64, status="done", source="page", width=640, height=480,
        image=f"uploads/{uuid.uuid4()}.jpg", consent_training=True,
    )  # fmt: skip
    version = Version.objects.create(name="9.0.0", state="champion", digest="9" * 64)
    found = []
    for index in range(2):
        face = Face.objects.create(
            upload=upload, index=index, x=10 + 300 * index, y=20, width=200, height=200, score=0.9, origin="detector",
            crop=f"faces/{uuid.uuid4()}.png",
        )  # fmt: skip
        Prediction.objects.create(
            face=face, version=version, label=3, confidence=0.7, probabilities=[0.05] * 3 + [0.7] + [0.05] * 3,
            prediction_set=[3], ms=4.0,
        )  # fmt: skip
        found.append(face)
    page.route("**/uploads/*/image", lambda route: route.fulfill(status=204))
    page.route("**/faces/*/crop", lambda route: route.fulfill(status=204))
    page.goto(f"/uploads/{upload.pk}/")
    return found


def read_answers(state: str = "pending") -> list[tuple[int, int]]:
    rows = Correction.objects.filter(state=state).order_by("face__index")
    return [(row.face.index, row.answer) for row in rows]


def test_two_faces_in_two_keys(page: "Page", faces: list[Face], live_server: Any) -> None:
    page.keyboard.press("5")
    page.locator("#face-1").get_by_text("You said: sad.").wait_for()
    assert page.evaluate("document.activeElement.id") == "face-2"
    page.keyboard.press("Enter")
    page.locator("#face-2").get_by_text("You said: happy.").wait_for()
    assert read_answers() == [(0, 4), (1, 3)]
    assert "You said: happy." in page.locator("[data-live]").inner_text()

    page.keyboard.press("u")
    page.locator("#face-2").get_by_text("Is that what the face shows?").wait_for()
    assert read_answers() == [(0, 4)]
    page.keyboard.press("n")
    page.locator("#face-2").get_by_text("You said: not a face.").wait_for()
    page.locator("#face-1").focus()
    page.keyboard.press("0")
    page.locator("#face-1").get_by_text("You said: can’t tell.").wait_for()
    assert read_answers() == [(0, 7), (1, 8)]
    assert read_answers("withdrawn") == [(0, 4), (1, 3)]


def test_by_tap(page: "Page", faces: list[Face], live_server: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    second = page.locator("#face-2")
    second.get_by_role("button", name="surprise").click()
    second.get_by_text("You said: surprise.").wait_for()
    second.get_by_role("button", name="Undo").click()
    second.get_by_text("Is that what the face shows?").wait_for()
    second.get_by_role("button", name="Yes, happy").click()
    second.get_by_text("You said: happy.").wait_for()
    assert read_answers() == [(1, 3)]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_an_answer_that_cannot_be_stored_is_said(
    page: "Page", faces: list[Face], live_server: Any, complaints: Any
) -> None:
    Upload.objects.update(status="dead")
    page.keyboard.press("5")
    page.locator("#face-1").get_by_text("Reload the page and try again").wait_for()
    assert page.locator("#face-1").get_by_role("button", name="angry").is_enabled()
    assert complaints.pop().startswith("Failed to load resource")


def test_who_is_logged_out_or_offline_hears_what_to_do(
    page: "Page", faces: list[Face], live_server: Any, complaints: Any
) -> None:
    first = page.locator("#face-1")
    page.context.set_offline(True)
    page.keyboard.press("5")
    first.get_by_text("The answer was not stored: the connection was lost, or you were logged out.").wait_for()
    page.context.set_offline(False)
    page.route("**/answer", lambda route: route.fulfill(status=502, body="<html>", content_type="text/html"))
    with page.expect_response("**/answer"):
        page.keyboard.press("6")
    first.get_by_role("button", name="angry", disabled=False).wait_for()
    assert "Try again, or reload the page." in first.inner_text()
    assert "JSON" not in page.locator("[data-live]").inner_text()
    page.unroute("**/answer")
    page.context.clear_cookies(name="sessionid")
    page.keyboard.press("5")
    first.get_by_text("You were logged out. Reload the page, log in and try again.").wait_for()
    assert first.locator("[data-complaint]").count() == 1
    assert first.get_by_role("button", name="angry").is_enabled()
    assert not Correction.objects.exists()
    assert {words[:23] for words in complaints} == {"Failed to load resource"}
    complaints.clear()

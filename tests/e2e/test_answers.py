"""Answering by keyboard on the result page: 1–7, Enter, 0, N, U; the next face, or photo, has the focus at once."""

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from classifier.models import Correction, Face, Prediction, Upload, Version
from tests.e2e.steps import sign_up

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]


def make_photo(count: int, **fields: Any) -> list[Face]:
    """A photo of Ada's that is done, with so many faces predicted happy."""
    from accounts.models import User

    upload = Upload.objects.create(
        owner=User.objects.get(username="ada"), sha256=uuid.uuid4().hex * 2, status="done", source="page", width=640,
        height=480, image=f"uploads/{uuid.uuid4()}.jpg", consent_training=True, **fields,
    )  # fmt: skip
    found = []
    for index in range(count):
        face = Face.objects.create(
            upload=upload, index=index, x=10 + 300 * index, y=20, width=200, height=200, score=0.9, origin="detector",
            crop=f"faces/{uuid.uuid4()}.png",
        )  # fmt: skip
        predict_happy(face)
        found.append(face)
    return found


def predict_happy(face: Face) -> None:
    Prediction.objects.create(
        face=face, version=Version.objects.get(), label=3, confidence=0.7, prediction_set=[3], ms=4.0,
        probabilities=[0.05] * 3 + [0.7] + [0.05] * 3,
    )  # fmt: skip


@pytest.fixture
def faces(page: "Page") -> list[Face]:
    """Two faces in a photo of Ada's; the browser is on its page."""
    sign_up(page)
    Version.objects.create(name="9.0.0", state="champion", digest="9" * 64)
    found = make_photo(2)
    page.route("**/uploads/*/image", lambda route: route.fulfill(status=204))
    page.route("**/faces/*/crop", lambda route: route.fulfill(status=204))
    page.goto(f"/uploads/{found[0].upload_id}/")
    return found


def focused(page: "Page") -> str:
    """The id of what has the focus, or its words."""
    words: str = page.evaluate("document.activeElement.id || document.activeElement.innerText")
    return words


def read_answers(state: str = "pending") -> list[tuple[int, int]]:
    rows = Correction.objects.filter(state=state).order_by("face__index")
    return [(row.face.index, row.answer) for row in rows]


def test_two_faces_in_two_keys(page: "Page", faces: list[Face], live_server: Any) -> None:
    page.keyboard.press("5")
    page.locator("#face-1").get_by_text("You said: sad.").wait_for()
    assert focused(page) == "face-2"
    page.keyboard.press("u")  # this face has nothing to undo: the last answered has
    page.locator("#face-1").get_by_text("Is that what the face shows?").wait_for()
    assert focused(page) == "face-1"
    page.keyboard.press("5")
    page.keyboard.press("Enter")
    page.locator("#face-2").get_by_text("You said: happy.").wait_for()
    assert read_answers() == [(0, 4), (1, 3)]
    assert "You said: happy." in page.locator("[data-live]").inner_text()
    page.get_by_text("No other photo of yours waits for an answer.").wait_for()

    page.keyboard.press("u")
    page.locator("#face-2").get_by_text("Is that what the face shows?").wait_for()
    assert read_answers() == [(0, 4)]
    assert page.get_by_text("No other photo of yours").count() == 0
    page.keyboard.press("n")
    page.locator("#face-2").get_by_text("You said: not a face.").wait_for()
    page.locator("#face-1").focus()
    page.keyboard.press("0")
    page.locator("#face-1").get_by_text("You said: can’t tell.").wait_for()
    assert read_answers() == [(0, 7), (1, 8)]
    assert read_answers("withdrawn") == [(0, 4), (0, 4), (1, 3)]
    page.reload()
    page.keyboard.press("u")  # nothing has the focus
    page.locator("#face-1").get_by_text("Is that what the face shows?").wait_for()
    assert read_answers() == [(1, 8)]

    # A face that is drawn has the focus, and no key reaches another one while it cannot be answered.
    page.get_by_role("button", name="A face is missing").click()
    page.keyboard.press("Enter")
    page.locator("#face-3").get_by_text("being classified").wait_for()
    assert focused(page) == "face-3"
    page.keyboard.press("5")
    drawn = Face.objects.get(origin="drawn")
    predict_happy(drawn)
    Face.objects.filter(pk=drawn.pk).update(crop="c.png", due_at=None)
    page.locator("#face-3").get_by_text("Is that what the face shows?").wait_for()
    assert read_answers() == [(1, 8)]
    page.keyboard.press("3")
    page.locator("#face-3").get_by_text("You said: fear.").wait_for()
    assert read_answers() == [(1, 8), (2, 2)]
    assert focused(page) == "face-1"


def test_from_photo_to_photo_without_waiting(page: "Page", faces: list[Face], live_server: Any) -> None:
    (last,), (blind,) = make_photo(1), make_photo(1, asked_blind=True)
    held: list[Route] = []
    page.route("**/answer", lambda route: held.append(route))
    with page.expect_request("**/answer"):
        for key in ("5", "Enter", "3", "u", "7", "Enter"):  # the 3 is a key too many
            page.keyboard.press(key)
    assert focused(page) == "face-2"
    assert len(held) == 1
    page.unroute("**/answer")
    held.pop().continue_()
    page.wait_for_url(f"**/uploads/{blind.upload_id}/")
    assert read_answers() == [(0, 4), (1, 6)]
    assert read_answers("withdrawn") == [(1, 3)]

    # The network's answer comes to view, and nothing is lost of what the page knew.
    page.get_by_text("What does this face show?").wait_for()
    page.keyboard.press("1")
    page.get_by_role("heading", name="This face appears happy").wait_for()
    page.get_by_text("You said: angry.").wait_for()
    page.locator("[data-next] a:focus").wait_for()
    page.keyboard.press("u")
    page.get_by_text("Is that what the face shows?").wait_for()
    page.keyboard.press("2")
    page.locator("[data-next] a:focus").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/uploads/{last.upload_id}/")


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

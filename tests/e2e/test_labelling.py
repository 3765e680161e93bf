"""Labelling by keyboard alone: three faces in a row, a skip, an undo; and by tap on a phone."""

import io
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from classifier.answers.batches import open_batch
from classifier.models import Correction, Face, Prediction, Upload, Version
from tests.e2e.steps import sign_up

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from accounts.models import User

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]


def make_shared_face(owner: "User", number: int, version: Version) -> Face:
    upload = Upload.objects.create(
        owner=owner, sha256=f"{number:064x}", status="done", source="page", width=640, height=480,
        image=f"uploads/{uuid.uuid4()}.jpg", consent_training=True,
    )  # fmt: skip
    face = Face.objects.create(
        upload=upload, index=0, x=10, y=20, width=200, height=200, score=0.9, origin="detector",
        crop=f"faces/{uuid.uuid4()}.png",
    )  # fmt: skip
    Prediction.objects.create(
        face=face, version=version, label=3, confidence=0.3 + number / 10, prediction_set=[3], ms=4.0,
        probabilities=[0.05] * 3 + [0.7] + [0.05] * 3,
    )  # fmt: skip
    return face


@pytest.fixture
def faces(page: "Page", settings: Any) -> list[Face]:
    """Five faces that Bob shares, least certain first; Ada's browser is on the page."""
    from PIL import Image

    from accounts.models import User

    settings.FERSITE_RANDOM_PERCENT = 0
    bob = User.objects.create_user("bob", "bob@example.org", "x")
    version = Version.objects.create(name="9.0.0", state="champion", digest="9" * 64)
    found = [make_shared_face(bob, number, version) for number in range(5)]
    crop = io.BytesIO()
    Image.new("L", (48, 48), 120).save(crop, "PNG")
    page.route("**/label/*/crop", lambda route: route.fulfill(body=crop.getvalue(), content_type="image/png"))
    sign_up(page)
    page.get_by_role("link", name="Help label").click()
    page.locator("[data-place] [data-question]:focus").wait_for()  # by the script: it takes keys now
    return found


def read_answers(state: str = "pending") -> list[int]:
    return [row.answer for row in Correction.objects.filter(state=state).order_by("face__predictions__confidence")]


def wait_for_answers(page: "Page", count: int) -> None:
    page.locator(".label-progress dd").first.filter(has_text=str(count)).wait_for()


def test_three_faces_in_three_keys(page: "Page", faces: list[Face], live_server: Any) -> None:
    assert page.evaluate("document.activeElement.matches('[data-question]')")
    for key in "504":  # without waiting in between
        page.locator("[data-place] [data-question]").wait_for()
        page.keyboard.press(key)
    wait_for_answers(page, 3)
    assert read_answers() == [4, 7, 3]
    assert set(Correction.objects.values_list("asked", "blind")) == {("uncertain", True)}
    page.locator("[data-said]").get_by_text("You said: happy. The network said: happy, too").wait_for()
    assert "You said: happy." in page.locator("[data-live]").inner_text()

    page.keyboard.press("u")
    wait_for_answers(page, 2)
    assert page.locator("[data-place] [data-question]").get_attribute("data-question") == str(faces[2].pk)
    page.keyboard.press("n")
    wait_for_answers(page, 3)
    assert read_answers() == [4, 7, 8]

    page.keyboard.press("s")
    page.locator(".label-progress dd").last.filter(has_text="1").wait_for()
    page.keyboard.press("7")
    page.get_by_text("Thank you: there is no face left to label.").wait_for()
    assert read_answers() == [4, 7, 8, 6]
    page.wait_for_load_state("load")  # the key works once the script is there
    page.keyboard.press("u")
    page.locator(f"[data-place] [data-question='{faces[4].pk}']:focus").wait_for()
    assert read_answers() == [4, 7, 8]


def test_by_tap(page: "Page", faces: list[Face], live_server: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_role("button", name="surprise").click()
    wait_for_answers(page, 1)
    page.get_by_role("button", name="Undo").click()
    wait_for_answers(page, 0)
    assert page.locator("[data-place] [data-question]").get_attribute("data-question") == str(faces[0].pk)
    page.get_by_role("button", name="Not a face").click()
    wait_for_answers(page, 1)
    assert read_answers() == [8]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("link", name="My answers").click()
    page.get_by_text("You said: not a face · waiting for a reviewer").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_who_stopped_sharing(page: "Page", faces: list[Face], live_server: Any, complaints: Any) -> None:
    Upload.objects.filter(faces=faces[0].pk).update(consent_training=False)
    page.keyboard.press("1")
    page.locator("[data-trouble]").get_by_text("not shared any more, so your answer was not kept").wait_for()
    assert page.locator("[data-place] [data-question]").get_attribute("data-question") == str(faces[1].pk)
    assert not Correction.objects.exists()
    assert complaints.pop().startswith("Failed to load resource")


def test_a_lost_connection_keeps_the_question(
    page: "Page", faces: list[Face], live_server: Any, complaints: Any
) -> None:
    page.route("**/label/", lambda route: route.abort())
    page.keyboard.press("1")
    page.locator("[data-trouble]").get_by_text("That answer was not stored").wait_for()
    assert page.locator("[data-place] [data-question]").get_attribute("data-question") == str(faces[0].pk)
    page.unroute("**/label/")
    page.keyboard.press("1")
    wait_for_answers(page, 1)
    assert read_answers() == [0]
    assert complaints.pop().startswith("Failed to load resource")


def test_an_answer_too_many_keeps_the_question(
    page: "Page", faces: list[Face], live_server: Any, complaints: Any, settings: Any
) -> None:
    settings.FERSITE_ANSWERS_PER_HOUR = 1
    page.keyboard.press("1")
    wait_for_answers(page, 1)
    page.keyboard.press("2")
    page.locator("[data-trouble]").get_by_text("You have reached the hourly limit of answers").wait_for()
    assert page.locator("[data-place] [data-question]").get_attribute("data-question") == str(faces[1].pk)
    settings.FERSITE_ANSWERS_PER_HOUR = 2
    page.keyboard.press("2")
    wait_for_answers(page, 2)
    assert read_answers() == [0, 1]
    assert complaints.pop().startswith("Failed to load resource")


def test_the_line_of_a_batch_keeps_up(page: "Page", faces: list[Face], live_server: Any) -> None:
    """Also on a question that waited while the one before it was answered."""
    open_batch(name="Dark photos", why="", faces=Face.objects.filter(pk__in=[face.pk for face in faces[2:]]))
    page.reload()
    line = page.locator("[data-place] [data-batch]")
    for answered in range(3):
        line.get_by_text(f"Wanted first: Dark photos · {answered} of 3 answered").wait_for()
        page.keyboard.press("5")
    wait_for_answers(page, 3)
    assert line.count() == 0
    assert set(Correction.objects.values_list("asked", flat=True)) == {"batch"}

"""A face that was missed: drawn by mouse, classified by the real network; drawn, changed and cancelled by keyboard."""

import io
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from classifier.models import Face, Upload
from tests.e2e.steps import as_file, make_astronaut, sign_up

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(240)]
ANSWER_MS = 60_000  # the worker starts with the test
MISSING = "A face is missing"


def make_faceless() -> bytes:
    """512 × 512 pixels from black to white."""
    from PIL import Image

    out = io.BytesIO()
    Image.linear_gradient("L").resize((512, 512)).convert("RGB").save(out, "JPEG")
    return out.getvalue()


def drag(page: "Page", *points: tuple[float, float]) -> None:
    """With the mouse, from point to point, in shares of the photo."""
    place = page.locator(".draw").bounding_box()
    assert place is not None
    spots = [(place["x"] + x * place["width"], place["y"] + y * place["height"]) for x, y in points]
    page.mouse.move(*spots[0])
    page.mouse.down()
    for spot in spots[1:]:
        page.mouse.move(*spot, steps=4)
    page.mouse.up()


def read_box() -> tuple[int, int, int, int]:
    face = Face.objects.get(origin="drawn")
    return face.x, face.y, face.width, face.height


@pytest.mark.tensorflow
def test_by_mouse(page: "Page", worker: Any) -> None:
    sign_up(page)
    page.set_input_files("#photos", [as_file("empty.jpg", make_faceless())])
    page.wait_for_url("**/uploads/*-*/")
    page.get_by_role("heading", name="No face was found").wait_for(timeout=ANSWER_MS)
    page.get_by_role("button", name=MISSING).click()
    drag(page, (0.1, 0.1), (0.3, 0.4))  # begun anew outside the box that is offered
    drag(page, (0.3, 0.4), (0.35, 0.35))  # by its corner
    drag(page, (0.2, 0.2), (0.6, 0.6))  # and moved
    page.get_by_role("button", name="Save this face").click()
    page.get_by_text("This face appears").wait_for(timeout=ANSWER_MS)
    assert read_box() == pytest.approx((256, 256, 128, 128), abs=4)
    assert Upload.objects.get().status == "done"
    assert page.evaluate("document.activeElement.id") == "face-1"
    assert page.locator(".boxes .box").count() == 1
    assert page.locator(".draw").count() == 0
    page.get_by_text("Is that what the face shows?").wait_for()


@pytest.fixture
def upload(page: "Page") -> Upload:
    """A photo of Ada's without a face; the browser is on its page. No worker runs."""
    from accounts.models import User

    sign_up(page)
    photo = make_astronaut()
    page.route("**/uploads/*/image", lambda route: route.fulfill(body=photo, content_type="image/jpeg"))
    upload = Upload.objects.create(
        owner=User.objects.get(username="ada"), sha256="0" * 64, status="no_face", source="page", width=512, height=512,
        image=f"uploads/{uuid.uuid4()}.jpg",
    )  # fmt: skip
    page.goto(f"/uploads/{upload.pk}/")
    return upload


def test_by_keyboard(page: "Page", upload: Upload, live_server: Any) -> None:
    page.get_by_role("button", name=MISSING).focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.matches('.draw')")
    page.keyboard.press("Escape")
    assert page.locator(".draw").count() == 0
    assert page.evaluate("document.activeElement.textContent") == MISSING

    page.keyboard.press("Enter")  # a box of 171 pixels in the middle
    page.keyboard.press("5")  # no answer: the keys are the box's
    for key in ("ArrowLeft", "ArrowLeft", "ArrowUp", "Shift+ArrowRight", "Shift+ArrowUp"):
        page.keyboard.press(key)
    assert "Box 181 by 161 pixels, 151 from the left, 161 from the top." in page.locator("[data-live]").inner_text()
    page.keyboard.press("Enter")
    page.get_by_text("being classified").wait_for()
    assert read_box() == (151, 161, 181, 161)
    assert page.evaluate("document.activeElement.id") == "face-1"
    assert page.locator("[data-live]").inner_text() == "The network looks at the face that you marked."


def test_a_refused_box_says_why(page: "Page", upload: Upload, live_server: Any, complaints: Any) -> None:
    for _ in range(2):
        page.get_by_role("button", name=MISSING).click()
        page.get_by_role("button", name="Save this face").click()
        page.get_by_text("being classified").wait_for()
    page.get_by_text("There is a face in that place already.").wait_for()
    assert Face.objects.count() == 1
    page.get_by_role("button", name="Cancel").click()
    assert page.locator(".draw").count() == 0
    assert complaints.pop().startswith("Failed to load resource")


def test_on_a_phone(page: "Page", upload: Upload, live_server: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_role("button", name=MISSING).click()
    assert page.locator(".draw").evaluate("canvas => getComputedStyle(canvas).touchAction") == "none"
    drag(page, (0.02, 0.02), (-0.1, 0.3))  # over the edge
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Save this face").click()
    page.get_by_text("being classified").wait_for()
    assert read_box() == pytest.approx((0, 10, 16, 143), abs=4)


def test_who_is_logged_out_hears_it(page: "Page", upload: Upload, live_server: Any, complaints: Any) -> None:
    page.get_by_role("button", name=MISSING).click()
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Save this face").click()
    page.get_by_text("You were logged out. Reload the page, log in and try again.").wait_for()
    assert not Face.objects.exists()
    assert complaints.pop().startswith("Failed to load resource")

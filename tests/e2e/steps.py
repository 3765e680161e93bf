"""Steps, files and watching that the browser tests share."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import FilePayload, Page

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse 1"
CROPS = ROOT / "tests" / "data" / "fer"


class Complaints(list[str]):
    """What the browser's console said that it should not have."""

    def watch(self, page: "Page") -> None:
        """Errors, warnings (a refused style or script among them) and uncaught exceptions."""
        page.on("console", lambda line: self.append(line.text) if line.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.append(str(error)))


def sign_up(page: "Page", name: str = "ada") -> None:
    """A new account by mouse; ends on the upload page."""
    page.goto("/")
    page.get_by_role("link", name="Sign up and try it").click()
    page.get_by_label("User name").fill(name)
    page.get_by_label("E-mail").fill(f"{name}@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_label("I have read this and agree").check()
    page.get_by_role("button", name="Create my account").click()
    page.wait_for_url("**/upload/")


def make_astronaut() -> bytes:
    """The portrait of Eileen Collins that scikit-image ships (NASA, public domain), as a JPEG."""
    from PIL import Image
    from skimage import data

    out = io.BytesIO()
    pixels = data.astronaut()
    Image.fromarray(pixels).save(out, "JPEG", quality=92)
    return out.getvalue()


def as_file(name: str, content: bytes, kind: str = "") -> "FilePayload":
    """A file for an input; without a type, as browsers send what they do not know."""
    return {"name": name, "mimeType": kind, "buffer": content}

"""POST /uploads/: every reason to refuse a photo, with files made for it, in the promised order."""

import io
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from rest_framework.test import APIClient

from classifier.api.bodies import MAX_BODY
from classifier.models import Upload
from classifier.photos.images import MAX_BYTES, MAX_PIXELS, MIN_SIDE
from tests.api.photos import make_file, make_huge_png, make_photo
from tests.api.rows import URL, check_problem

Post = Callable[..., Any]
BOUNDARY = "multipart/form-data; boundary=x"


@pytest.fixture(autouse=True)
def nothing_is_stored(db: None) -> Iterator[None]:
    yield
    assert not Upload.objects.exists()


@pytest.mark.parametrize(
    "send",
    [
        lambda client: client.post(URL),
        lambda client: client.post(URL, {}, format="multipart"),
        lambda client: client.post(URL, {"image": "photo.jpg"}, format="multipart"),
        lambda client: client.post(URL, {"photo": make_file(make_photo())}, format="multipart"),
        lambda client: client.post(URL, {"image": [make_file(make_photo())] * 2}, format="multipart"),
        lambda client: client.post(URL, {"image": "data"}, format="json"),
        lambda client: client.post(URL, make_photo(), content_type="image/jpeg"),
        lambda client: client.post(URL, "image=photo.jpg", content_type="application/x-www-form-urlencoded"),
    ],
    ids=["empty", "no field", "text", "other field", "two", "json", "raw", "form"],
)
def test_image_required(owner: APIClient, send: Callable[[APIClient], Any]) -> None:
    check_problem(send(owner), 400, "image_required")


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=\xff"])
def test_multipart_that_cannot_be_read(owner: APIClient, content_type: str) -> None:
    check_problem(owner.post(URL, b"--x--", content_type=content_type), 400, "malformed")


class Untouchable(io.RawIOBase):
    """A body that must not be read before the answer is made."""

    read_after = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        self.read_after += 1
        raise OSError("read")


@pytest.mark.parametrize("length", [MAX_BODY + 1, 10**12])
def test_too_large_is_said_before_the_body_is_read(owner: APIClient, length: int) -> None:
    body = Untouchable()
    extra: dict[str, Any] = {"CONTENT_LENGTH": str(length), "wsgi.input": body}
    response = owner.generic("POST", URL, "", BOUNDARY, **extra)
    check_problem(response, 413, "too_large")
    assert body.read_after == (1 if length == MAX_BODY + 1 else 0)  # dropping the rest was tried once, afterwards


def test_one_byte_too_many(post: Post) -> None:
    body = check_problem(post(make_photo() + b"\0" * (MAX_BYTES + 1 - len(make_photo()))), 413, "too_large")
    assert "15 MB" in body["detail"]


@pytest.mark.parametrize("fields", [{}, {"consent_training": "maybe"}])
def test_little_reaches_the_disk(owner: APIClient, tmp_path: Path, fields: dict[str, str]) -> None:
    """Two files of 12 MB each fit the body's limit by neither sum nor length; what was spooled is gone."""
    with override_settings(FILE_UPLOAD_TEMP_DIR=str(tmp_path)):
        files = {"a": make_file(b"\0" * 12_000_000), "image": make_file(b"\0" * 12_000_000)}
        check_problem(owner.post(URL, files | fields, format="multipart"), 413, "too_large")
        assert not list(tmp_path.iterdir())


def test_session_with_a_large_body_is_not_read_by_the_csrf_check(anonymous: APIClient, ada: Any) -> None:
    anonymous.force_login(ada)
    anonymous.cookies["csrftoken"] = token = "a" * 32
    body = Untouchable()
    extra: dict[str, Any] = {"CONTENT_LENGTH": str(10**10), "wsgi.input": body, "HTTP_X_CSRFTOKEN": token}
    check_problem(anonymous.generic("POST", URL, "", BOUNDARY, **extra), 413, "too_large")
    assert not body.read_after


def test_fields_that_are_too_large(post: Post) -> None:
    check_problem(post(note="x" * 3_000_000), 413, "too_large")


def test_chunked_body(owner: APIClient) -> None:
    response = owner.generic("POST", URL, "", BOUNDARY, CONTENT_LENGTH="", HTTP_TRANSFER_ENCODING="chunked")
    check_problem(response, 411, "length_required")


@pytest.mark.parametrize("content", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"MZ", b"hello" * 99])
def test_unsupported_type(post: Post, content: bytes) -> None:
    check_problem(post(content), 415, "unsupported_type")


def test_too_many_pixels(post: Post) -> None:
    check_problem(post(make_huge_png(5001, MAX_PIXELS // 5000)), 422, "too_many_pixels")


@pytest.mark.parametrize("size", [(MIN_SIDE - 1, 200), (200, MIN_SIDE - 1), (1, 1)])
def test_too_small(post: Post, size: tuple[int, int]) -> None:
    check_problem(post(make_photo(*size, kind="PNG")), 422, "too_small")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        make_photo()[:2000],
        b"\xff\xd8\xff\xe0" + b"\0" * 500,
        make_huge_png(100, 100),
        b"GIF89a",
        b"BM" + b"\0" * 12 + b"\x28" + b"\0" * 60,
    ],
    ids=["empty", "cut", "jpeg", "png", "gif", "bmp"],
)
def test_unreadable_image(post: Post, content: bytes) -> None:
    check_problem(post(content), 422, "unreadable_image")


def test_first_reason_wins(owner: APIClient, post: Post) -> None:
    check_problem(post(b"\0" * (MAX_BYTES + 1)), 413, "too_large")  # not 415
    check_problem(post(make_huge_png(100_000, 1)), 422, "too_small" if MAX_PIXELS > 100_000 else "too_many_pixels")
    check_problem(post(make_huge_png(10**6, 31)), 422, "too_many_pixels")  # not too_small
    response = owner.post(URL, {"consent_training": "maybe"}, format="multipart")
    check_problem(response, 400, "image_required")


def test_temporary_folder_is_left_clean(post: Post) -> None:
    before = set(Path(tempfile.gettempdir()).glob("*.upload*"))
    check_problem(post(b"hello" * 700_000), 415, "unsupported_type")
    assert set(Path(tempfile.gettempdir()).glob("*.upload*")) == before

"""A photo becomes a JPEG of nothing but oriented pixels, or is refused with a code that says why."""

import io
import random
import time
from collections.abc import Callable

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms
from PIL.Image import Exif

from classifier.photos import images
from classifier.photos.images import ImageRefused, PreparedImage, prepare_content, read_content

RED, BLUE = (220, 30, 30), (30, 30, 220)


def make_photo(size: tuple[int, int] = (120, 80), mode: str = "RGB") -> Image.Image:
    """Blue, with a red top-left quarter: its orientation can be told."""
    photo = Image.new("RGB", size, BLUE)
    photo.paste(RED, (0, 0, size[0] // 2, size[1] // 2))
    return photo.convert(mode)


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def encode_heic(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, quality=90, **options)
    return buffer.getvalue()


def prepare(content: bytes, size: int | None = None) -> PreparedImage:
    return prepare_content(read_content(io.BytesIO(content), size=size))


def decode(prepared: PreparedImage) -> Image.Image:
    return Image.open(io.BytesIO(prepared.jpeg))


def refusal(content: bytes, size: int | None = None) -> ImageRefused:
    with pytest.raises(ImageRefused) as caught:
        prepare(content, size=size)
    return caught.value


def is_close(pixel: object, colour: tuple[int, int, int], slack: int = 25) -> bool:
    return bool(np.abs(np.array(pixel, dtype=int) - np.array(colour)).max() <= slack)


MAKERS: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: encode(make_photo(), "JPEG", quality=95),
    "mpo": lambda: encode(make_photo(), "MPO", save_all=True, append_images=[make_photo((60, 40))], quality=95),
    "png": lambda: encode(make_photo(), "PNG"),
    "webp": lambda: encode(make_photo(), "WEBP", lossless=True),
    "webp-lossy": lambda: encode(make_photo(), "WEBP", quality=95),
    "gif": lambda: encode(make_photo(), "GIF", save_all=True, append_images=[Image.new("RGB", (120, 80), "white")]),
    "bmp": lambda: encode(make_photo(), "BMP"),
    "tiff": lambda: encode(make_photo(), "TIFF", save_all=True, append_images=[Image.new("RGB", (9, 9))]),
    "heic": lambda: encode_heic(make_photo()),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_every_format_is_taken(kind: str) -> None:
    prepared = prepare(MAKERS[kind]())
    stored = decode(prepared)
    assert stored.format == "JPEG"
    assert stored.mode == "RGB"
    assert (prepared.width, prepared.height) == stored.size == (120, 80)
    assert is_close(stored.getpixel((10, 10)), RED)
    assert is_close(stored.getpixel((100, 70)), BLUE)


ORIENTED: dict[str, Callable[[Image.Image, Exif], bytes]] = {
    "jpeg": lambda photo, exif: encode(photo, "JPEG", exif=exif, quality=95),
    "png": lambda photo, exif: encode(photo, "PNG", exif=exif),
    "webp": lambda photo, exif: encode(photo, "WEBP", exif=exif, lossless=True),
    "tiff": lambda photo, exif: encode(photo, "TIFF", exif=exif),
    "heic": lambda photo, exif: encode_heic(photo, exif=exif.tobytes()),
}
# Where the red quarter, at the top left as stored, is to be seen, as (right, bottom), and whether the sides swap.
SEEN = {
    1: (False, False, False), 2: (True, False, False), 3: (True, True, False), 4: (False, True, False),
    5: (False, False, True), 6: (True, False, True), 7: (True, True, True), 8: (False, True, True),
}  # fmt: skip


@pytest.mark.parametrize("orientation", SEEN)
@pytest.mark.parametrize("kind", ORIENTED)
def test_orientation_is_applied_once(kind: str, orientation: int) -> None:
    exif = Exif()
    exif[0x0112] = orientation
    prepared = prepare(ORIENTED[kind](make_photo(), exif))
    right, bottom, swapped = SEEN[orientation]
    assert (prepared.width, prepared.height) == ((80, 120) if swapped else (120, 80))
    x = prepared.width - 10 if right else 10
    y = prepared.height - 10 if bottom else 10
    assert is_close(decode(prepared).getpixel((x, y)), RED)
    assert is_close(decode(prepared).getpixel((prepared.width - x, prepared.height - y)), BLUE)


def test_nothing_but_pixels_survives() -> None:
    exif = Exif()
    exif[0x010E] = "a description to lose"
    exif.get_ifd(0x8825)[1] = "N"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    payload = b"<?php system($_GET['c']); ?>"
    content = encode(make_photo(), "JPEG", exif=exif, icc_profile=profile, comment=payload, xmp=b"<x:xmpmeta/>")
    content += b"PK\x03\x04" + payload
    assert payload in content
    stored = prepare(content).jpeg
    for trace in (b"php", b"Exif", b"ICC_PROFILE", b"xmp", b"PK\x03\x04", b"a description"):
        assert trace not in stored
    assert set(Image.open(io.BytesIO(stored)).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


@pytest.mark.parametrize(("kind", "mode"), [("PNG", "I;16"), ("TIFF", "I;16"), ("TIFF", "I"), ("TIFF", "F")])
def test_deep_greys_are_scaled_not_cut_off(kind: str, mode: str) -> None:
    ramp = np.tile(np.linspace(0, 65535, 64), (64, 1))
    image = Image.fromarray(ramp.astype({"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]))
    row = np.asarray(decode(prepare(encode(image, kind))).convert("L"))[32].astype(int)
    assert row[0] < 12
    assert abs(row[32] - 130) < 12
    assert row[-1] > 243
    assert np.abs(np.diff(row) - 4).max() <= 6


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_lies_on_white(mode: str) -> None:
    image = make_photo().convert("RGBA")
    image.putalpha(Image.new("L", image.size, 0))
    content = encode(image.convert(mode), "PNG", **({"transparency": 0} if mode == "P" else {}))
    if mode == "P":
        clear = Image.new("P", (64, 64), 0)
        content = encode(clear, "PNG", transparency=0)
    assert is_close(decode(prepare(content)).getpixel((10, 10)), (255, 255, 255))


@pytest.mark.parametrize("mode", ["1", "L", "CMYK", "YCbCr"])
def test_other_modes_become_rgb(mode: str) -> None:
    image = Image.new("L", (64, 64), 255).convert("RGB").convert(mode)
    content = encode(image, "JPEG" if mode != "1" else "PNG")
    assert is_close(decode(prepare(content)).getpixel((30, 30)), (255, 255, 255))


def test_small_photo_keeps_its_detail() -> None:
    crop = Image.fromarray(np.random.default_rng(0).integers(60, 190, (48, 48), dtype=np.uint8))
    seen = np.asarray(decode(prepare(encode(crop, "PNG"))).convert("L")).astype(int)
    assert np.abs(seen - np.asarray(crop)).mean() < 3


@pytest.mark.parametrize(
    "content",
    [b"hello, this is text", b"%PDF-1.7 ...", b"<svg xmlns='x'/>", b"BM is how this text begins",
     b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miaf", b"\0\0\0\x20ftypisom\0\0\0\0isommp42", b"RIFF\0\0\0\0WAVEfmt "],
)  # fmt: skip
def test_other_content_is_unsupported_whatever_its_name(content: bytes) -> None:
    refused = refusal(content)
    assert (refused.code, refused.http_status) == ("unsupported_type", 415)
    assert "JPEG" in refused.message


def test_empty_file_is_unreadable() -> None:
    assert (refusal(b"").code, refusal(b"").http_status) == ("unreadable_image", 422)


@pytest.mark.parametrize("size", [True, False])
def test_size_limit_is_exact_and_comes_first(size: bool) -> None:
    fits = MAKERS["jpeg"]().ljust(images.MAX_BYTES, b"\0")
    assert prepare(fits, size=len(fits) if size else None).width == 120
    too_large = b"no photo".ljust(images.MAX_BYTES + 1, b"\0")
    refused = refusal(too_large, size=len(too_large) if size else None)
    assert (refused.code, refused.http_status) == ("too_large", 413)


def test_declared_size_is_refused_before_anything_is_read() -> None:
    class Unread(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise AssertionError

    with pytest.raises(ImageRefused, match="15 MB"):
        read_content(Unread(), size=images.MAX_BYTES + 1)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP"])
def test_pixel_limit_is_exact(kind: str) -> None:
    assert prepare(encode(Image.new("1", (5000, 5000)), kind)).width == 5000
    refused = refusal(encode(Image.new("1", (5000, 5001)), kind))
    assert (refused.code, refused.http_status) == ("too_many_pixels", 422)


def claim_size(content: bytes, place: int, order: str, width: int = 60000) -> bytes:
    """The same file, claiming another width and height at that offset."""
    field = width.to_bytes(4 if order == "big" else 2, order)  # type: ignore[arg-type]
    return content[:place] + field * 2 + content[place + 2 * len(field) :]


@pytest.mark.parametrize(
    "content",
    [
        claim_size(encode(make_photo(), "PNG"), 16, "big"),
        claim_size(MAKERS["gif"](), 6, "little"),
        encode(make_photo(), "BMP").replace((120).to_bytes(4, "little"), (60000).to_bytes(4, "little"), 1),
    ],
    ids=["png", "gif", "bmp"],
)
def test_bomb_is_refused_by_its_header(content: bytes) -> None:
    start = time.process_time()
    assert refusal(content).code in ("too_many_pixels", "unreadable_image")
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize(("size", "code"), [((31, 100), "too_small"), ((100, 31), "too_small"), ((32, 32), None)])
def test_smallest_side(size: tuple[int, int], code: str | None) -> None:
    content = encode(Image.new("RGB", size, RED), "PNG")
    if code:
        assert refusal(content).code == code
    else:
        assert prepare(content).width == 32


@pytest.mark.parametrize("kind", MAKERS)
def test_damaged_files_are_only_ever_refused(kind: str) -> None:
    """Cuts and flipped bytes with a fixed seed: no other exception, whatever the decoder makes of them."""
    whole = MAKERS[kind]()
    rng = random.Random(kind)
    codes = []
    for number in range(60):
        damaged = bytearray(whole[: rng.randrange(1, len(whole))] if number % 2 else whole)
        for _ in range(rng.randrange(1, 12)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        try:
            prepare(bytes(damaged))
        except ImageRefused as refused:
            codes.append(refused.code)
    assert len(codes) >= 20
    assert set(codes) <= {"unsupported_type", "unreadable_image", "too_many_pixels", "too_small"}


@pytest.mark.slow
def test_twelve_megapixel_heic_is_quick() -> None:
    rng = np.random.default_rng(1)
    smooth = Image.fromarray(rng.integers(0, 256, (150, 200, 3), dtype=np.uint8)).resize((4000, 3000))
    content = encode_heic(smooth, enc_params={"preset": "ultrafast"})  # encoding is not what is timed
    start = time.process_time()
    assert prepare(content).width == 4000
    assert time.process_time() - start < 10


def test_jpeg_with_endless_scans_is_refused_at_once() -> None:
    """180 KB of repeated scans kept the decoder busy for half a minute."""
    whole = encode(make_photo((2000, 2000)), "JPEG", progressive=True)
    last = whole.rindex(b"\xff\xda")
    bomb = whole[:-2] + whole[last:-2] * 3000 + whole[-2:]
    start = time.process_time()
    assert refusal(bomb).code == "unreadable_image"
    assert time.process_time() - start < 0.5
    assert prepare(whole).width == 2000


def test_run_length_bmp_is_refused() -> None:
    content = bytearray(encode(make_photo().convert("P"), "BMP"))
    content[30:34] = (1).to_bytes(4, "little")
    assert refusal(bytes(content)).code == "unreadable_image"

"""Photos as they come in: validate, orient, strip to pixels, hash. The one place where the limits stand."""

import hashlib
import io
import struct
import warnings
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

MAX_BYTES = 15 * 1024 * 1024
MAX_PIXELS = 25_000_000
MIN_SIDE = 32
JPEG_QUALITY = 92
# Names for people, in the order of the table of signatures below.
FORMATS = ("JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF", "HEIC")
# What Pillow may try; MPO, which many phones write under .jpg, is opened by the decoder of JPEG.
_DECODERS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF")
_SIGNATURES = (
    *(b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"BM"),
    *(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
)
_HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
_CHUNK = 1024 * 1024
# Everything that Pillow, pillow-heif and littlecms were seen to raise on broken files.
_DECODE_ERRORS = (
    *(OSError, SyntaxError, ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError),
    *(ArithmeticError, EOFError, MemoryError, RuntimeError, struct.error, Image.DecompressionBombError),
)

pillow_heif.register_heif_opener()


class ImageRefused(Exception):
    """A photo that cannot be taken: code and HTTP status for programs, message for people, saying what to do."""

    def __init__(self, code: str, message: str, http_status: int) -> None:
        super().__init__(message)
        self.code, self.message, self.http_status = code, message, http_status


@dataclass(frozen=True)
class PreparedImage:
    """What is stored: jpeg holds nothing but pixels; width and height in pixels, oriented; sha256 of what came in."""

    jpeg: bytes
    width: int
    height: int
    sha256: str


def prepare_image(stream: BinaryIO, *, size: int | None) -> PreparedImage:
    """Check a photo and rebuild it from its pixels.

    Args:
        stream: the file as it was received, at its start.
        size: its length in bytes where known; it is refused by that alone, before anything is read.

    Raises:
        ImageRefused: too_large, unsupported_type, too_many_pixels, too_small, unreadable_image; checked in this order.
    """
    return prepare_content(read_content(stream, size=size))


def prepare_content(content: bytes) -> PreparedImage:
    """The same for a file that read_content has read."""
    if content and not _is_supported(content):
        names = ", ".join(FORMATS)
        raise ImageRefused("unsupported_type", f"This is not a photo we can read. Send one of: {names}.", 415)
    photo = _to_rgb(_decode(content))
    buffer = io.BytesIO()
    # A new image from the bare pixels: no EXIF, comment, profile or payload survives.
    bare = Image.frombytes("RGB", photo.size, photo.tobytes())
    bare.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return PreparedImage(buffer.getvalue(), photo.width, photo.height, hashlib.sha256(content).hexdigest())


def read_content(stream: BinaryIO, *, size: int | None) -> bytes:
    """The whole file, if it is not too large; never more than the limit and one chunk is read."""
    if size is not None and size > MAX_BYTES:
        raise _too_large()
    content = bytearray()
    while chunk := stream.read(_CHUNK):
        content += chunk
        if len(content) > MAX_BYTES:
            raise _too_large()
    return bytes(content)


def _too_large() -> ImageRefused:
    limit = MAX_BYTES // 1024**2
    return ImageRefused(
        "too_large", f"The photo may have at most {limit} MB: send a smaller or more compressed one.", 413
    )


def _unreadable() -> ImageRefused:
    message = (
        "The photo is damaged or incomplete. Open it on your device; if it shows there, save a copy and send that."
    )
    return ImageRefused("unreadable_image", message, 422)


def _is_supported(content: bytes) -> bool:
    """By the first bytes; the name and the declared type mean nothing."""
    head = content[:16]
    return (
        head.startswith(_SIGNATURES)
        or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
        or (head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS)
    )


def _decode(content: bytes) -> Image.Image:
    """Header, limits, then all pixels of the first frame."""
    if not content:
        raise _unreadable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large and odd files; our own limits decide
            image = Image.open(io.BytesIO(content), formats=_DECODERS)
            _check_size(image)
            image.load()
            return ImageOps.exif_transpose(image)
    except ImageRefused:
        raise
    except Image.DecompressionBombError:
        raise _too_many_pixels() from None
    except _DECODE_ERRORS as error:
        raise _unreadable() from error


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise _too_many_pixels()
    if min(width, height) < MIN_SIDE:
        message = f"The photo has {width}×{height} pixels; each side needs at least {MIN_SIDE}. Send a larger one."
        raise ImageRefused("too_small", message, 422)


def _too_many_pixels() -> ImageRefused:
    limit = MAX_PIXELS // 1_000_000
    return ImageRefused("too_many_pixels", f"The photo may have at most {limit} megapixels: scale it down first.", 422)


def _to_rgb(image: Image.Image) -> Image.Image:
    """Eight bits of sRGB a channel, transparent parts on white."""
    try:
        if image.mode.startswith(("I", "F")):
            return _scale_grey(image)
        image = _to_srgb(image)
        if image.has_transparency_data:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        return image.convert("RGB")
    except _DECODE_ERRORS as error:
        raise _unreadable() from error


def _scale_grey(image: Image.Image) -> Image.Image:
    """16-bit greys and floats, which Pillow would cut off at 255, scaled to 8 bits."""
    pixels = np.nan_to_num(np.asarray(image, dtype=np.float64))
    low, high = 0.0, 65535.0
    if image.mode == "F" or pixels.min() < 0 or pixels.max() > high:
        low, high = float(pixels.min()), float(pixels.max())
    elif image.mode == "I" and pixels.max() <= 255:
        high = 255.0
    scaled = (pixels - low) * (255.0 / max(high - low, 1e-9))
    return Image.fromarray(np.clip(np.rint(scaled), 0, 255).astype(np.uint8)).convert("RGB")


def _to_srgb(image: Image.Image) -> Image.Image:
    """Follow an embedded colour profile; a broken one is ignored."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "RGBA", "CMYK"):
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=mode)
    except (ImageCms.PyCMSError, *_DECODE_ERRORS):
        return image
    return converted or image


def encode_crop(crop: NDArray[np.uint8]) -> bytes:
    """A face crop, uint8 (48, 48), as a PNG."""
    buffer = io.BytesIO()
    Image.fromarray(crop).save(buffer, "PNG")
    return buffer.getvalue()

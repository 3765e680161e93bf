"""Photos as bytes: what is accepted, and how it becomes a clean JPEG of nothing but oriented pixels.

The limits of this module are the only ones: the interface publishes them and the pages print them.
"""

import io
import logging
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import pillow_heif
from PIL import Image, TiffImagePlugin

from classifier.photos import pixels, signatures

if TYPE_CHECKING:
    pass

MAX_BYTES = 15 * 1024 * 1024
MAX_PIXELS = 25_000_000
MIN_SIDE = 32
FORMATS = ("JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF", "HEIC")

QUALITY = 92
QUALITY_SMALL = 98  # a bare crop goes to the network almost as it is: no artefact may be seen there
SMALL_PIXELS = 256 * 256
CHUNK_BYTES = 1024 * 1024
START_OF_SCAN = b"\xff\xda"
MAX_SCANS = 100

log = logging.getLogger(__name__)

# What Pillow may try for each known signature; nothing else is ever tried. MPO: what many phones call JPEG.
PLUGINS = {
    "JPEG": ("JPEG", "MPO"),
    "PNG": ("PNG",),
    "WebP": ("WEBP",),
    "GIF": ("GIF",),
    "BMP": ("BMP",),
    "TIFF": ("TIFF",),
    "HEIC": ("HEIF",),
}

REFUSALS = {
    "image_required": (400, "No photo was sent. Choose a file and try again."),
    "too_large": (413, f"The file is larger than {MAX_BYTES // 1024 // 1024} MB. Send a smaller one."),
    "unsupported_type": (415, f"This is not a photo that we can read. Send one of {', '.join(FORMATS)}."),
    "too_many_pixels": (422, f"The photo has more than {MAX_PIXELS // 10**6} megapixels. Scale it down and try again."),
    "too_small": (422, f"The photo is smaller than {MIN_SIDE} × {MIN_SIDE} pixels. Send a larger one."),
    "unreadable_image": (422, "The file is empty or damaged. Save the photo again, or send the original."),
}

pillow_heif.register_heif_opener()


class ImageRefused(Exception):
    """A photo that is not taken in: a stable code, a message that says what to do, and the HTTP status."""

    def __init__(self, code: str, message: str, http_status: int) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.http_status = http_status


@dataclass(frozen=True)
class PreparedImage:
    """A clean JPEG and its size in pixels, after orientation."""

    jpeg: bytes
    width: int
    height: int


def refuse(code: str) -> ImageRefused:
    """The refusal for one of the codes of REFUSALS."""
    http_status, message = REFUSALS[code]
    return ImageRefused(code, message, http_status)


def read_content(stream: IO[bytes], *, size: int | None) -> bytes:
    """The bytes as received; raises ImageRefused("too_large") without reading more than the limit."""
    if size is not None and size > MAX_BYTES:
        raise refuse("too_large")
    chunks: list[bytes] = []
    total = 0
    while chunk := stream.read(CHUNK_BYTES):
        total += len(chunk)
        if total > MAX_BYTES:
            raise refuse("too_large")
        chunks.append(chunk)
    return b"".join(chunks)


def prepare_content(data: bytes) -> PreparedImage:
    """Validate and re-encode image bytes: content, then pixels, then decode and rebuild. Raises ImageRefused."""
    if not data:
        raise refuse("unreadable_image")
    kind = signatures.identify_format(data)
    if kind is None:
        raise refuse("unsupported_type")
    clean = decode_photo(data, kind=kind)
    return PreparedImage(jpeg=encode_photo(clean), width=clean.width, height=clean.height)


def decode_photo(data: bytes, *, kind: str) -> Image.Image:
    """Decode to oriented RGB pixels without any metadata; a cap on pixels holds before anything is decoded."""
    check_cost(data, kind=kind)
    try:
        if kind == "WebP":  # Pillow's plugin reserves the canvas while opening, so the header is read here first
            check_size(*signatures.read_webp_size(data))
        with Image.open(io.BytesIO(data), formats=PLUGINS[kind]) as image:
            check_size(*image.size)
            check_tiles(image)
            image.load()
            return pixels.rebuild(image)
    except ImageRefused:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise refuse("too_many_pixels") from error
    except Exception as error:  # decoders raise nearly anything on damaged bytes; all of it means the same
        log.info("unreadable %s: %s: %s", kind, type(error).__name__, error)
        raise refuse("unreadable_image") from error


def check_size(width: int, height: int) -> None:
    """Raises ImageRefused for more pixels, or a shorter side, than allowed."""
    if width * height > MAX_PIXELS:
        raise refuse("too_many_pixels")
    if min(width, height) < MIN_SIDE:
        raise refuse("too_small")


def check_cost(data: bytes, *, kind: str) -> None:
    """Refuse small files that keep a decoder busy for minutes: a progressive JPEG may repeat its scans without end
    (ten are usual), and Pillow decodes run-length BMPs in pure Python."""
    if kind == "JPEG" and data.count(START_OF_SCAN) > MAX_SCANS:
        raise refuse("unreadable_image")
    if kind == "BMP" and int.from_bytes(data[30:34], "little") in (1, 2):
        raise refuse("unreadable_image")


def check_tiles(image: Image.Image) -> None:
    """Refuse a small TIFF that names huge tiles, which the decoder would reserve memory for."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return
    width, height = image.tag_v2.get(322, 0), image.tag_v2.get(323, 0)
    if width * height > MAX_PIXELS:
        raise refuse("too_many_pixels")


def encode_photo(image: Image.Image) -> bytes:
    """JPEG bytes of an RGB image that carries no metadata."""
    small = image.width * image.height <= SMALL_PIXELS
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY_SMALL if small else QUALITY, subsampling=0 if small else 2)
    return buffer.getvalue()

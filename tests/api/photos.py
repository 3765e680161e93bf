"""Photos made in code: every format, size and defect that the interface must tell apart."""

import io
import struct
import zlib

import numpy as np
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image


def make_photo(width: int = 320, height: int = 240, *, seed: int = 0, kind: str = "JPEG") -> bytes:
    """A smooth, noisy picture of its own for each seed, as the bytes of a file."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 255, (12, 16, 3), dtype=np.uint8))
    out = io.BytesIO()
    coarse.resize((width, height), Image.Resampling.BICUBIC).save(out, kind)
    return out.getvalue()


def make_file(content: bytes, name: str = "photo.jpg", kind: str = "image/jpeg") -> SimpleUploadedFile:
    """As a form would send it."""
    return SimpleUploadedFile(name, content, kind)


def make_huge_png(width: int, height: int) -> bytes:
    """A PNG that says it is that large and brings no pixels for it."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body

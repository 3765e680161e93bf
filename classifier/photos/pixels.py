"""From whatever a decoder returns to plain oriented sRGB pixels that carry nothing else."""

import io
import logging

import numpy as np
from PIL import Image, ImageCms

ORIENTATION = 0x0112
BITS_PER_SAMPLE = 258
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
DEEP_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")

log = logging.getLogger(__name__)


def rebuild(image: Image.Image) -> Image.Image:
    """A new RGB image with the oriented pixels of a loaded one; may raise what Pillow raises."""
    orientation = read_orientation(image)
    profile = image.info.get("icc_profile")
    image = flatten(to_eight_bits(image))
    image = to_srgb(image, profile)
    if orientation in TURNS:
        image = image.transpose(TURNS[orientation])
    clean = Image.new("RGB", image.size)
    clean.paste(image)
    return clean


def read_orientation(image: Image.Image) -> int:
    """EXIF orientation that is still to be applied, 1 if there is none or the EXIF is damaged.

    Ask a loaded image: Pillow's TIFF and HEIC decoders apply it themselves and then report 1.
    """
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception as error:  # noqa: BLE001 (a damaged EXIF block does not make a photo unreadable)
        log.info("orientation ignored: %s: %s", type(error).__name__, error)
        return 1


def to_eight_bits(image: Image.Image) -> Image.Image:
    """Grey images of 12, 16 or 32 bits, or of floats, scaled to 0–255; Pillow's own conversion would clip them."""
    if image.mode not in DEEP_MODES:
        return image
    values = np.nan_to_num(np.asarray(image).astype(np.float32), posinf=0, neginf=0)
    low, high = 0.0, float(values.max())
    if image.mode.startswith("I;16"):
        high = float(2 ** read_depth(image) - 1)
    elif image.mode == "I" and values.min() >= 0 and high <= 65535:
        high = 65535.0 if high > 255 else 255.0
    elif image.mode == "F" and values.min() >= 0 and high <= 255:
        high = 255.0 if high > 1 else 1.0
    else:
        low = float(values.min())
    scaled = (values - low) * (255.0 / max(high - low, 1e-12))
    return Image.fromarray(np.clip(np.rint(scaled), 0, 255).astype(np.uint8))


def read_depth(image: Image.Image) -> int:
    """Bits that a 16-bit grey image really uses: 16, or what a TIFF says."""
    bits = getattr(image, "tag_v2", {}).get(BITS_PER_SAMPLE, (16,))[0]
    return bits if 8 < bits <= 16 else 16


def flatten(image: Image.Image) -> Image.Image:
    """Palettes resolved and transparency laid on white; modes without either pass unchanged."""
    if image.has_transparency_data:
        image = image.convert("RGBA")
        paper = Image.new("RGB", image.size, "white")
        paper.paste(image, mask=image.getchannel("A"))
        return paper
    return image.convert("RGB") if image.mode in ("1", "P", "RGBX", "HSV", "YCbCr") else image


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB pixels as a screen shows them: through the embedded colour profile if there is a usable one."""
    try:
        if image.mode == "LAB":
            return convert_colours(image, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")))
        if profile:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if not (image.mode == "RGB" and "sRGB" in ImageCms.getProfileDescription(source)):
                return convert_colours(image, source)
    except Exception as error:  # noqa: BLE001 (a profile that is damaged or for another mode is left aside)
        log.info("colour profile ignored: %s: %s", type(error).__name__, error)
    return image.convert("RGB")


def convert_colours(image: Image.Image, source: ImageCms.ImageCmsProfile) -> Image.Image:
    """From `source` to sRGB; raises ImageCms.PyCMSError where the profile does not fit the image."""
    converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    if converted is None:
        raise ValueError("no conversion")
    return converted

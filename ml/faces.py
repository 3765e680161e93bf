"""Which faces a photo shows, and the square that FER-2013's makers would have cut around each.

BlazeFace proposes, the face mesh confirms: BlazeFace alone takes cats, cups and letters for faces.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from ml.detector import FaceDetector
from ml.landmarks import FaceMesh
from ml.squares import find_square

if TYPE_CHECKING:
    from PIL.Image import Image

Origin = Literal["detector", "bare_crop", "drawn"]
# As ml.squares.find_square: points to centre and side.
FindSquare = Callable[[NDArray[np.float64]], tuple[NDArray[np.float64], float]]

# A candidate is a face when presence + 12·(score − ½) exceeds this. Measured on 1,500 FER-2013 Training faces pasted
# into larger photos and 1,140 windows without faces: 95 % of the faces are kept, 14 of 198 phantoms (score > ½) remain.
MIN_EVIDENCE = 2.0
# A picture up to this size, about as high as wide, may be a face that somebody has cut out already.
BARE_CROP_SIDE = 128
BARE_CROP_ASPECT = 1.25
# Below this presence even a small square picture is no face (FER-2013 crops: 99 % lie above).
MIN_BARE_PRESENCE = -4.0
# A face whose square covers this share of such a picture is the whole picture.
BARE_CROP_COVER = 0.7
# Border that lets the detector see a face that fills the picture.
MARGIN = 0.42
# Shares of the photo's shorter side: above, a face needs a look with a border; below, others may be smaller still.
LARGE_FACE, SMALL_FACE = 0.35, 0.15
TILED_SIDE = 512
MAX_CANDIDATES = 48


@dataclass(frozen=True)
class FoundFace:
    """One face of a photo.

    center, side: the square to cut, in pixels, possibly leaving the photo; box: x, y, width, height of its part inside
    the photo, whole pixels; score: the detector's, 0 to 1; evidence: how sure it is that this is a face at all.
    """

    center: tuple[float, float]
    side: float
    box: tuple[int, int, int, int]
    score: float
    evidence: float
    origin: Origin


class FaceFinder:
    """Detector and mesh, loaded once; not safe to share between threads."""

    def __init__(self, *, threads: int = 1, square: FindSquare = find_square) -> None:
        self._detector = FaceDetector(threads=threads)
        self._mesh = FaceMesh(threads=threads)
        self._find_square = square

    def find_faces(self, photo: "Image") -> list[FoundFace]:
        """Faces of a photo from left to right; none gives an empty list, never a guess.

        Args:
            photo: an oriented Pillow image in mode RGB, at least one pixel.
        """
        if max(photo.size) <= BARE_CROP_SIDE and max(photo.size) <= BARE_CROP_ASPECT * min(photo.size):
            return self._find_in_crop(photo)
        found: list[FoundFace] = []
        for candidates in self._looks(photo, found):
            found[:] = _distinct(found + [face for face in candidates if face.evidence > MIN_EVIDENCE])
        return sorted(found, key=lambda face: face.center)

    def _find_in_crop(self, photo: "Image") -> list[FoundFace]:
        candidates = self._look(photo, margin=MARGIN)
        found = _distinct([face for face in candidates if face.evidence > MIN_EVIDENCE])
        if found and max(face.side for face in found) < BARE_CROP_COVER * min(photo.size):
            return found
        presences = [face.evidence - 12 * (face.score - 0.5) for face in candidates]
        if not found and max(presences, default=MIN_BARE_PRESENCE) <= MIN_BARE_PRESENCE:
            return []
        best = max(candidates, key=lambda face: face.evidence)
        width, height = photo.size
        return [
            FoundFace((width / 2, height / 2), min(width, height), (0, 0, width, height), best.score, best.evidence,
                      "detector" if found else "bare_crop")
        ]  # fmt: skip

    def _looks(self, photo: "Image", found: list[FoundFace]) -> Iterator[list[FoundFace]]:
        """Looks at the photo until one is enough; found grows between them."""
        shorter = min(photo.size)
        yield self._look(photo)
        if not found or max(face.side for face in found) > LARGE_FACE * shorter:
            yield self._look(photo, margin=MARGIN)
        if max(photo.size) >= TILED_SIDE and (not found or min(face.side for face in found) < SMALL_FACE * shorter):
            width, height = round(photo.width * 0.6), round(photo.height * 0.6)
            for left in (0, photo.width - width):
                for top in (0, photo.height - height):
                    yield self._look(photo, tile=(left, top, left + width, top + height))

    def _look(
        self, photo: "Image", *, margin: float = 0.0, tile: tuple[int, int, int, int] | None = None
    ) -> list[FoundFace]:
        part, offset = (photo.crop(tile), np.array(tile[:2])) if tile else (photo, np.zeros(2))
        faces = []
        for face in self._detector.detect_faces(part, margin=margin)[:MAX_CANDIDATES]:
            parts, presence = self._mesh.find_parts(part, face)
            corners = np.reshape(face.box, (2, 2))
            center, side = self._find_square(np.concatenate([corners, face.points, parts]).astype(np.float64))
            faces.append(_found(photo, center + offset, side, face.score, presence))
        return faces


def _found(photo: "Image", center: NDArray[np.float64], side: float, score: float, presence: float) -> FoundFace:
    left, top = np.floor(np.clip(center - side / 2, 0, np.array(photo.size) - 1)).astype(int).tolist()
    right, bottom = np.ceil(np.clip(center + side / 2, (left + 1, top + 1), photo.size)).astype(int).tolist()
    evidence = presence + 12 * (score - 0.5)
    box = (left, top, right - left, bottom - top)
    return FoundFace((float(center[0]), float(center[1])), side, box, score, evidence, "detector")


def _distinct(faces: list[FoundFace]) -> list[FoundFace]:
    """Of faces that share more than half of the smaller one's box, the one with most evidence."""
    kept: list[FoundFace] = []
    for face in sorted(faces, key=lambda face: -face.evidence):
        if all(_shared(face.box, other.box) <= 0.5 for other in kept):
            kept.append(face)
    return kept


def _shared(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> float:
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    smaller = min(one[2] * one[3], other[2] * other[3])
    return max(width, 0) * max(height, 0) / max(smaller, 1)

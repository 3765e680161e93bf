"""From a photo to named expressions: finds faces, cuts them as FER-2013 did, classifies them in one batch."""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ml.artifacts import NETWORK, Artifact
from ml.calibrate import apply_calibration, prediction_sets, rank_set
from ml.faces import FaceFinder, FoundFace, Origin
from ml.labels import LABELS
from ml.preprocess import SIDE, cut_square, to_network_input
from ml.views import make_views

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class FaceResult:
    """One face and its answer.

    box: x, y, width, height in pixels of the photo; score: the detector's, 0 to 1; crop: uint8 (48, 48), what the
    network saw; confidence: probability of label; probabilities: float64 (7,), summing to 1; prediction_set: labels
    of the set, the most probable first.
    """

    box: tuple[int, int, int, int]
    score: float
    origin: Origin
    crop: NDArray[np.uint8]
    label: int
    confidence: float
    probabilities: NDArray[np.float64]
    prediction_set: list[int]


class NoEvidenceError(Exception):
    """The artifact's network cannot show what it looked at."""


class Network:
    """The artifact's TFLite network under LiteRT, loaded once; not safe to share between threads."""

    def __init__(self, artifact: Artifact, *, threads: int = 1) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self.artifact = artifact
        self._interpreter = Interpreter(model_path=str(artifact.path / NETWORK), num_threads=threads)
        self._input = self._interpreter.get_input_details()[0]["index"]
        # Logits have two dimensions, evidence has four.
        outputs = {len(output["shape"]): output["index"] for output in self._interpreter.get_output_details()}
        self._output, self._evidence = outputs[2], outputs.get(4)
        self._batch = 0

    def compute_logits(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (n, 7), averaged over the artifact's views, for crops uint8 (n, 48, 48)."""
        views = self.artifact.views
        logits = self._invoke(make_views(to_network_input(crops), views))
        return np.asarray(logits.reshape(len(views), len(crops), -1).mean(axis=0), dtype=np.float32)

    def _invoke(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        if len(inputs) != self._batch:
            self._interpreter.resize_tensor_input(self._input, list(inputs.shape))
            self._interpreter.allocate_tensors()
            self._batch = len(inputs)
        self._interpreter.set_tensor(self._input, np.ascontiguousarray(inputs))
        self._interpreter.invoke()
        return np.array(self._interpreter.get_tensor(self._output), dtype=np.float32)

    def compute_evidence(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What each place of a crop said for each label, before softmax; averaged over the crop and its mirror.

        Its mean over the places is the logit, but for a constant of each label; see ml.explain.

        Args:
            crops: uint8 (n, 48, 48).

        Returns:
            float32 (n, 6, 6, 7), in the crop's own orientation.

        Raises:
            NoEvidenceError: this artifact was made without it.
        """
        if self._evidence is None:
            raise NoEvidenceError(f"version {self.artifact.version} cannot show what it looked at")
        self._invoke(make_views(to_network_input(crops), ("original", "mirror")))
        seen = self._interpreter.get_tensor(self._evidence)
        return np.asarray((seen[: len(crops)] + seen[len(crops) :, :, ::-1]) / 2, dtype=np.float32)

    def classify_crops(self, crops: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Calibrated probabilities (n, 7) for crops uint8 (n, 48, 48), n ≥ 1."""
        return apply_calibration(self.compute_logits(crops), self.artifact.calibration)


class Pipeline:
    """Finder and network for one artifact, loaded once; not safe to share between threads."""

    def __init__(self, artifact: Artifact, *, threads: int = 1) -> None:
        self.artifact = artifact
        self._finder = FaceFinder(threads=threads)
        self._network = Network(artifact, threads=threads)
        self._warm_up()

    def _warm_up(self) -> None:
        """The first call of each interpreter prepares its kernels, which no user should wait for."""
        from PIL import Image

        self._finder.find_faces(Image.new("RGB", (SIDE, SIDE)))
        self.classify_crops(np.zeros((1, SIDE, SIDE), dtype=np.uint8))

    def predict_photo(self, photo: "Image") -> list[FaceResult]:
        """Every face of an oriented RGB photo, from left to right; an empty list when there is none."""
        return self._answer(photo, self._finder.find_faces(photo))

    def predict_square(self, photo: "Image", *, center: tuple[float, float], side: float) -> FaceResult:
        """A face that somebody marked: the square around it, in pixels of an oriented RGB photo that it may leave."""
        corner, whole = (round(center[0] - side / 2), round(center[1] - side / 2)), round(side)
        marked = FoundFace(center, side, (*corner, whole, whole), score=1.0, evidence=math.inf, origin="drawn")
        return self._answer(photo, [marked])[0]

    def _answer(self, photo: "Image", found: list[FoundFace]) -> list[FaceResult]:
        if not found:
            return []
        crops = np.stack([cut_square(photo, center=face.center, side=face.side) for face in found])
        probabilities = self.classify_crops(crops)
        sets = prediction_sets(probabilities, self.artifact.calibration)
        return [
            FaceResult(
                box=face.box,
                score=face.score,
                origin=face.origin,
                crop=crop,
                label=int(row.argmax()),
                confidence=float(row.max()),
                probabilities=row,
                prediction_set=rank_set(row, inside),
            )
            for face, crop, row, inside in zip(found, crops, probabilities, sets, strict=True)
        ]

    def classify_crops(self, crops: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Calibrated probabilities (n, 7) for crops uint8 (n, 48, 48), n ≥ 1."""
        return self._network.classify_crops(crops)


def open_photo(path: Path) -> "Image":
    """An oriented RGB photo from a file in any format that Pillow or pillow-heif reads.

    Raises:
        OSError: missing, unreadable or cut short.
    """
    import pillow_heif
    from PIL import Image, ImageOps

    pillow_heif.register_heif_opener()
    try:
        with Image.open(path) as image:
            return ImageOps.exif_transpose(image).convert("RGB")
    except OSError:
        raise
    except Exception as error:  # Pillow raises nearly anything on broken files
        raise OSError(f"cannot be decoded: {error}") from error


def predict_file(pipeline: Pipeline, path: Path) -> dict[str, Any]:
    """One photo's entry of `python -m ml predict --json`; error is "not_found", "unreadable_image" or None."""
    start = time.perf_counter()
    entry: dict[str, Any] = {"file": str(path), "width": None, "height": None, "faces": [], "error": None}
    try:
        photo = open_photo(path)
        entry |= {"width": photo.width, "height": photo.height}
        entry["faces"] = [face_entry(face) for face in pipeline.predict_photo(photo)]
    except FileNotFoundError:
        entry["error"] = "not_found"
    except OSError:
        entry["error"] = "unreadable_image"
    entry["ms"] = round((time.perf_counter() - start) * 1000, 2)
    return entry


def face_entry(face: FaceResult) -> dict[str, Any]:
    """A face as JSON, labels by name."""
    return {
        "box": list(face.box),
        "label": LABELS[face.label],
        "confidence": face.confidence,
        "probabilities": dict(zip(LABELS, face.probabilities.tolist(), strict=True)),
        "set": [LABELS[label] for label in face.prediction_set],
    }

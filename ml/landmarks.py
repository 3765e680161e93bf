"""MediaPipe's face mesh (Kartynnik et al. 2019) under LiteRT: is there a face in a box, and where are its parts."""

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ml.detector import DetectedFace, model_path

if TYPE_CHECKING:
    from PIL.Image import Image

INPUT_SIDE = 192
# The mesh was trained on boxes 1.5 times as large as BlazeFace's, turned so that the eyes lie level.
BOX_SCALE = 1.5
# Points of the mesh, averaged in pairs: the eyes' corners, the nose, the mouth's corners, chin, forehead.
_PARTS = ((33, 133), (362, 263), (1, 1), (61, 61), (291, 291), (152, 152), (10, 10))


class FaceMesh:
    """The mesh for 192×192 pixels, loaded once; not safe to share between threads."""

    def __init__(self, *, threads: int = 1) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(model_path=str(model_path("face_landmark.tflite")), num_threads=threads)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        outputs = {detail["name"]: detail["index"] for detail in self._interpreter.get_output_details()}
        self._points, self._presence = outputs["conv2d_20"], outputs["conv2d_30"]

    def find_parts(self, photo: "Image", face: DetectedFace) -> tuple[NDArray[np.float32], float]:
        """Look closely at one candidate.

        Args:
            photo: an oriented Pillow image in mode RGB.
            face: what the detector found there.

        Returns:
            points: float32 (7, 2), x and y in pixels of the photo of left eye, right eye, nose, left and right mouth
            corner, chin and forehead; presence: logit that there is a face (measured: about 10 to 45 on faces, -10
            to 4 on cats, cups and letters that the detector had taken for one).
        """
        from PIL import Image

        matrix = _upright_square(face)
        patch = photo.transform(
            (INPUT_SIDE, INPUT_SIDE), Image.Transform.AFFINE, matrix, resample=Image.Resampling.BILINEAR
        )
        self._interpreter.set_tensor(self._input, np.asarray(patch, dtype=np.float32)[None] / 255.0)
        self._interpreter.invoke()
        mesh = self._interpreter.get_tensor(self._points).reshape(-1, 3)[:, :2]
        parts = np.stack([mesh[list(pair)].mean(axis=0) for pair in _PARTS])
        turn = np.array([[matrix[0], matrix[3]], [matrix[1], matrix[4]]], dtype=np.float32)
        points = parts @ turn + np.array([matrix[2], matrix[5]], dtype=np.float32)
        return points.astype(np.float32), float(self._interpreter.get_tensor(self._presence).ravel()[0])


def _upright_square(face: DetectedFace) -> tuple[float, float, float, float, float, float]:
    """Affine map from the mesh's pixels to the photo's: the enlarged box, turned until the eyes are level."""
    left, top, right, bottom = face.box
    pixel = max(right - left, bottom - top) * BOX_SCALE / INPUT_SIDE
    eyes = face.points[1] - face.points[0]
    angle = math.atan2(float(eyes[1]), float(eyes[0]))
    cos, sin, half = math.cos(angle) * pixel, math.sin(angle) * pixel, INPUT_SIDE / 2
    x, y = (left + right) / 2, (top + bottom) / 2
    return cos, -sin, x - half * cos + half * sin, sin, cos, y - half * sin - half * cos

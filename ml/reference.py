"""What production is compared with: how the faces held out of training look to the shipped network, as counts.

`python -m ml reference` writes weights/reference.json; reading it and binning need neither TensorFlow nor LiteRT.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ml.artifacts import WEIGHTS
from ml.labels import LABELS
from ml.quality import measure_brightness, measure_sharpness

if TYPE_CHECKING:
    from ml.artifacts import Artifact
    from ml.data import Source

REFERENCE = WEIGHTS / "reference.json"
# Inner edges: k - 1 of them part k bins, the outermost of which are open. A value on an edge belongs to the bin after
# it, as in PostgreSQL's width_bucket(value, edges).
LABEL_EDGES = tuple(float(label) for label in range(1, len(LABELS)))
CONFIDENCE_EDGES = tuple(step / 20 for step in range(1, 20))
BRIGHTNESS_EDGES = CONFIDENCE_EDGES
# Grey levels squared, each about 1.18 times the one before; one face of FER-2013 in a hundred lies beyond either end.
SHARPNESS_EDGES = tuple(float(edge) for edge in np.geomspace(300, 6000, 19).round())
EDGES = {
    "labels": LABEL_EDGES,
    "confidence": CONFIDENCE_EDGES,
    "brightness": BRIGHTNESS_EDGES,
    "sharpness": SHARPNESS_EDGES,
}


@dataclass(frozen=True)
class Reference:
    """Counts of n faces as the network `version` answers them; each array sums to n.

    labels: int64 (7,), how often each label is the most probable one; confidence, brightness, sharpness: int64 (20,),
    by the bins of EDGES; about: one sentence on where the faces are from.
    """

    version: str
    about: str
    n: int
    labels: NDArray[np.int64]
    confidence: NDArray[np.int64]
    brightness: NDArray[np.int64]
    sharpness: NDArray[np.int64]


def bin_values(name: str, values: ArrayLike) -> NDArray[np.int64]:
    """How many of the values fall into each of a measure's bins.

    Args:
        name: of EDGES: "labels" (0 to 6), "confidence" (0 to 1), "brightness" (0 to 1) or "sharpness" (grey levels
            squared).
        values: (n,); n may be 0.

    Returns:
        int64 (k,), summing to n.
    """
    edges = EDGES[name]
    places = np.searchsorted(edges, np.asarray(values, dtype=np.float64), side="right")
    return np.bincount(places, minlength=len(edges) + 1)


@cache
def load_reference() -> Reference:
    """What `python -m ml reference` wrote; the arrays cannot be written to.

    Raises:
        ValueError: the file was made with other edges than this code's.
    """
    return read_reference(REFERENCE)


def read_reference(path: Path) -> Reference:
    """As load_reference, from any file; raises OSError when it cannot be read."""
    written = json.loads(path.read_text())
    if tuple(written["sharpness_edges"]) != SHARPNESS_EDGES:
        raise ValueError(f"{path} was made with other edges; make it again with python -m ml reference")
    counts = {name: np.array(written[name], dtype=np.int64) for name in EDGES}
    for count in counts.values():
        count.setflags(write=False)
    return Reference(version=written["version"], about=written["about"], n=written["n"], **counts)


def find_selection(data: "Path | Source", votes: Path | None, artifact: "Artifact") -> NDArray[np.uint8]:
    """The faces of the training split that the network held out, chosen by the hash of their pixels.

    Args:
        data: what load_data reads; votes: the FER+ CSV that it was trained with, or None to keep what FER+ calls no
            face.

    Returns:
        uint8 (n, 48, 48), n ≥ 1.

    Raises:
        DataError: no training data at that path; TrainingError: too little of it.
    """
    from ml.data import load_data
    from ml.ensemble import held_out_share
    from ml.train import prepare_data

    return prepare_data(load_data(data, "train"), votes, held_out_share([artifact])).selection.images


def measure_reference(artifact: "Artifact", images: NDArray[np.uint8]) -> dict[str, Any]:
    """What reference.json holds, computed through the network as it is served; images: uint8 (n, 48, 48), n ≥ 1."""
    from ml.evaluate import compute_probabilities
    from ml.predict import Network

    probabilities = compute_probabilities(Network(artifact), artifact.calibration, images)
    values = {
        "labels": probabilities.argmax(axis=1),
        "confidence": probabilities.max(axis=1),
        "brightness": measure_brightness(images),
        "sharpness": measure_sharpness(images),
    }
    return {
        "version": artifact.version,
        "about": f"Faces of the training data that {artifact.version} held out for selection and never trained on.",
        "n": len(images),
        **{name: bin_values(name, found).tolist() for name, found in values.items()},
        "sharpness_edges": list(SHARPNESS_EDGES),
    }

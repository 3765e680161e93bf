"""Turns a trained network into a served artifact: TFLite file, calibration, figures and card."""

import io
import json
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ml.artifacts import NETWORK, Artifact, load_artifact, write_manifest
from ml.calibrate import Calibration, fit_calibration
from ml.card import Making, Measured, build_card, format_card
from ml.crops import choose_faces, measure_crops
from ml.data import DataError, FaceData, Source, load_data
from ml.evaluate import (
    TIMED_FACES,
    compute_logits,
    evaluate_network,
    evaluate_parts,
    find_twinless,
    time_single_faces,
)
from ml.explain import build_explained
from ml.predict import Network, Pipeline
from ml.views import VIEWS

if TYPE_CHECKING:
    import keras

    from ml.train import PreparedData

FLOAT16, INT8 = "float16", "int8"
# On how many test faces the cut is varied; python -m ml crops takes all.
CROP_FACES = 1000
# How much accuracy a faster file may cost.
TOLERANCE = 0.002


def convert_network(network: "keras.Model", target: Path, weights: str = FLOAT16) -> None:
    """Write the Keras network as a TFLite file with a free batch size and, where it has one, its evidence output.

    Args:
        weights: FLOAT16, or INT8 for weights and activations quantised on the fly (dynamic range).
    """
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(build_explained(network) or network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if weights == FLOAT16:
        converter.target_spec.supported_types = [tf.float16]
    with redirect_stdout(io.StringIO()):  # the converter lists every variable
        target.write_bytes(converter.convert())


def finish_artifact(
    out: Path,
    network: "keras.Model",
    prepared: "PreparedData",
    *,
    version: str,
    command: str,
    recipe: dict[str, Any],
    data: Path | Source | None,
    members: Sequence[dict[str, Any]] = (),
    origin: dict[str, Any] | None = None,
) -> Artifact:
    """Convert, calibrate on the selection set, measure and describe a trained network; out becomes an artifact.

    Args:
        out: folder that already holds network.keras.
        prepared: what it was trained on; its selection set was not.
        version: the artifact's name.
        command: how to repeat the run; recipe: its settings; members: of an ensemble, see ml.ensemble.
        data: read once more for its test split, if it has one; None: not measured on a test split.
        origin: of one that was retrained, see ml.card.Making.
    """
    content: dict[str, Any] = {"version": version, "views": list(VIEWS), "metrics": {}, "card": {}}
    images, labels = prepared.selection.images, prepared.selection.targets.argmax(axis=1).astype(np.int64)
    formats, logits = _choose_format(out, network, content, images, labels)
    calibration = fit_calibration(logits, labels)
    served = Network(load_artifact(out))
    metrics = {"selection": evaluate_network(served, calibration, images, labels)}
    on_test, crops = _measure_test(out, served, calibration, data) if data else ({}, None)
    metrics |= on_test
    making = Making(version=version, command=command, recipe=recipe, members=members, origin=origin)
    card = build_card(making, prepared, Measured(metrics=metrics, formats=formats, crops=crops))
    (out / "card.json").write_text(json.dumps(card, indent=1, ensure_ascii=False))
    (out / "card.md").write_text(format_card(card))
    content |= {"calibration": calibration.to_dict(), "metrics": metrics, "card": card}
    write_manifest(out, {**content, "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())})
    return load_artifact(out)


def _choose_format(
    out: Path, network: "keras.Model", content: dict[str, Any], images: NDArray[np.uint8], labels: NDArray[np.int64]
) -> tuple[dict[str, dict[str, Any]], NDArray[np.float32]]:
    """Write the fastest file whose accuracy on the selection set is within TOLERANCE of float16's.

    Returns:
        accuracy, ms for a face, bytes and whether it is served, of each format; the served one's logits (n, 7).
    """
    # A manifest without calibration lets the finished file itself, not the Keras network, be measured.
    raw = Calibration(1.0, 1.0, 0.9, 0)
    found: dict[str, dict[str, Any]] = {}
    answers, files = {}, {}
    for weights in (FLOAT16, INT8):
        convert_network(network, out / NETWORK, weights)
        write_manifest(out, {**content, "calibration": raw.to_dict()})
        tried = Network(load_artifact(out))
        answers[weights], files[weights] = compute_logits(tried, images), (out / NETWORK).read_bytes()
        accuracy = float((answers[weights].argmax(axis=1) == labels).mean())
        took = time_single_faces(tried, images[:TIMED_FACES])
        found[weights] = {"accuracy": accuracy, "ms_per_face_p50": took, "bytes": len(files[weights])}
    good = [name for name, figures in found.items() if figures["accuracy"] >= found[FLOAT16]["accuracy"] - TOLERANCE]
    served = min(good, key=lambda name: found[name]["ms_per_face_p50"])
    (out / NETWORK).write_bytes(files[served])
    write_manifest(out, {**content, "calibration": raw.to_dict()})
    return {name: {**figures, "served": name == served} for name, figures in found.items()}, answers[served]


def _measure_test(
    out: Path, served: Network, calibration: Calibration, data: Path | Source
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Figures on the test split, whole and without the images that also stand in the training split; and by crop.

    Returns:
        by name of the set of faces, for the card; what the side of the crop costs. {} and None without a test split.
    """
    split, test = _find_test(data)
    if test is None:
        return {}, None
    parts = find_twinless(test, load_data(data, "train"))
    found = evaluate_parts(served, calibration, test.images, test.labels, parts)
    metrics = {"test" if name == "all" else f"test_{name}": {"split": split, **part} for name, part in found.items()}
    seen = choose_faces(test, CROP_FACES)
    return metrics, {"split": split, **measure_crops(Pipeline(load_artifact(out)), seen.images, seen.labels)}


def _find_test(data: Path | Source) -> tuple[str, FaceData | None]:
    """PublicTest where the data tells it apart, or the whole test split, or nothing."""
    for split in ("public", "test"):
        try:
            return split, load_data(data, split)
        except DataError:
            continue
    return "", None

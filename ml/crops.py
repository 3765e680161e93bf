"""How much depends on the cut: accuracy with wider and tighter crops, and with the crops that the site finds itself."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ml.data import SPLITS, DataError, FaceData, Source, load_data
from ml.evaluate import BATCH
from ml.pasting import CANVAS, SIDES, PastedFace, paste_face
from ml.preprocess import SIDE, cut_square

if TYPE_CHECKING:
    from ml.artifacts import Artifact
    from ml.predict import Pipeline

# The selection set besides the splits: for looking without opening a test split.
CROP_SPLITS = (*SPLITS, "selection")
# Sides of the crop in shares of FER-2013's.
SCALES = (0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2, 1.25, 1.3)


def load_crops(data: Path | Source, split: str, artifact: "Artifact") -> FaceData:
    """A split as load_data reads it, or "selection": the part of the training split that the network did not see."""
    if split != "selection":
        return load_data(data, split)
    from ml.train import prepare_data

    selection = prepare_data(load_data(data, "train"), None, artifact.card["recipe"]["held_out"]).selection
    labels = selection.targets.argmax(axis=1).astype(np.int64)
    return FaceData(selection.images, labels, np.full(len(labels), -1), ("",) * len(labels))


def choose_faces(data: FaceData, limit: int | None, *, seed: int = 0) -> FaceData:
    """At most `limit` faces, drawn by seed: archives are ordered by label, so that the first ones are all angry.

    Raises:
        DataError: a limit below 1.
    """
    if limit is not None and limit < 1:
        raise DataError("--limit must be at least 1")
    if limit is None or limit >= len(data):
        return data
    mask = np.zeros(len(data), dtype=bool)
    mask[np.random.default_rng(seed).choice(len(data), limit, replace=False)] = True
    return data.select(mask)


def measure_crops(pipeline: "Pipeline", images: NDArray[np.uint8], labels: NDArray[np.int64]) -> dict[str, Any]:
    """The figures of `python -m ml crops --json`; images: uint8 (n, 48, 48), n ≥ 1, labels: (n,), 0 to 6."""
    return {
        "n": len(labels),
        "scales": [_measure_scale(pipeline, images, labels, scale) for scale in SCALES],
        "detected": _measure_detected(pipeline, images, labels),
        "version": pipeline.artifact.version,
    }


def rescale_crop(image: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    """The crop that a box of another size around the same centre would have given.

    Args:
        image: uint8 (48, 48); scale: the box's side in shares of FER-2013's. Above 1 the crop holds more than the image
            does: there the edge pixels are repeated, as the site does at the edge of a photo.
    """
    from PIL import Image

    return cut_square(Image.fromarray(image), center=(SIDE / 2, SIDE / 2), side=SIDE * scale)


def _measure_scale(
    pipeline: "Pipeline", images: NDArray[np.uint8], labels: NDArray[np.int64], scale: float
) -> dict[str, Any]:
    answers = _classify(pipeline, np.stack([rescale_crop(image, scale) for image in images]))
    return {"scale": scale, "accuracy": float((answers == labels).mean()), "n": len(labels)}


def _measure_detected(pipeline: "Pipeline", images: NDArray[np.uint8], labels: NDArray[np.int64]) -> dict[str, Any]:
    """The same faces through detector, cut and network; accuracies are those of the faces that were found."""
    from tqdm import tqdm

    pasted = (paste_face(image, seed) for seed, image in enumerate(images))
    seen = [_find_pasted(pipeline, one) for one in tqdm(pasted, total=len(images), leave=False, disable=None)]
    found = np.array([answer is not None for answer, _ in seen])
    report = {"n": len(labels), "found": int(found.sum())}
    names = ("accuracy_original", "accuracy_pasted", "accuracy_detected", "agreement")
    if not found.any():
        return report | dict.fromkeys(names)
    truth, original = labels[found], _classify(pipeline, images[found])
    detected = np.array([answer for answer, _ in seen if answer is not None])
    exact = _classify(pipeline, np.stack([cut for answer, cut in seen if answer is not None]))
    shares = [original == truth, exact == truth, detected == truth, detected == original]
    return report | {name: float(share.mean()) for name, share in zip(names, shares, strict=True)}


def _find_pasted(pipeline: "Pipeline", pasted: PastedFace) -> tuple[int | None, NDArray[np.uint8]]:
    """The site's answer for the pasted face, None where it finds none there; and the cut at the face's true place."""
    middle = (pasted.left + pasted.side / 2, pasted.top + pasted.side / 2)
    exact = cut_square(pasted.photo, center=middle, side=pasted.side)
    inside = [
        face
        for face in pipeline.predict_photo(pasted.photo)
        if pasted.left < face.box[0] + face.box[2] / 2 < pasted.left + pasted.side
        and pasted.top < face.box[1] + face.box[3] / 2 < pasted.top + pasted.side
    ]
    best = max(inside, key=lambda face: face.box[2] * face.box[3], default=None)
    return (None if best is None else best.label), exact


def _classify(pipeline: "Pipeline", crops: NDArray[np.uint8]) -> NDArray[np.int64]:
    parts = [pipeline.classify_crops(crops[start : start + BATCH]) for start in range(0, len(crops), BATCH)]
    return np.concatenate(parts).argmax(axis=1)


def format_crops(figures: dict[str, Any]) -> str:
    """The figures as lines for people."""
    lines = [
        f"version {figures['version']}, n = {figures['n']:,}",
        "",
        "Crop's side in shares of FER-2013's (above 1, the image's edge pixels are repeated outside it):",
        *[f"  × {row['scale']:.2f}  accuracy {row['accuracy']:.4f}" for row in figures["scales"]],
        "",
    ]
    found = figures["detected"]
    lines.append(
        f"Faces pasted into photos of {CANVAS[0]}×{CANVAS[1]} pixels at {SIDES[0]} to {SIDES[1]}: "
        f"{found['found']:,} of {found['n']:,} found."
    )
    if found["found"]:
        points = 100 * (found["accuracy_original"] - found["accuracy_detected"])
        lines += [
            "Accuracy on those:",
            f"  original crop             {found['accuracy_original']:.4f}",
            f"  cut at the true place     {found['accuracy_pasted']:.4f}",
            f"  cut where the site found  {found['accuracy_detected']:.4f}  ({points:+.2f} points lost)",
            f"  same label as original    {found['agreement']:.4f}",
        ]
    return "\n".join(lines)

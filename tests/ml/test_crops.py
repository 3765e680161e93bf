"""python -m ml crops: what the cut costs, on stored faces."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml.artifacts import Artifact
from ml.crops import SCALES, choose_faces, load_crops, measure_crops, rescale_crop
from ml.data import DataError, FaceData
from ml.labels import LABELS
from ml.pasting import paste_face
from ml.predict import Pipeline
from tests.commands import run_ml
from tests.ml.drawing import draw_crop

FACES = sorted((Path(__file__).parents[1] / "data" / "fer").glob("*.png"))


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.stack([np.asarray(Image.open(path)) for path in FACES])


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return np.array([LABELS.index(path.name.split("_")[0]) for path in FACES])


def test_scale_one_is_the_crop_itself(images: np.ndarray) -> None:
    assert (rescale_crop(images[0], 1.0) == images[0]).all()


def test_tighter_crop_is_the_middle(images: np.ndarray) -> None:
    middle = Image.fromarray(images[0][6:42, 6:42]).resize((48, 48), Image.Resampling.BICUBIC)
    assert (rescale_crop(images[0], 0.75) == np.asarray(middle)).all()


def test_wider_crop_repeats_the_edge() -> None:
    dot = np.zeros((48, 48), dtype=np.uint8)
    dot[0, :] = 200
    wider = rescale_crop(dot, 1.25).astype(int)
    assert wider.shape == (48, 48)
    assert (wider[:4] >= 195).all()
    assert (wider[8:] <= 5).all()


def test_pasted_face_is_whole_and_its_surroundings_are_soft(images: np.ndarray) -> None:
    for seed, image in enumerate(images):
        pasted = paste_face(image, seed)
        assert pasted.photo.size == (320, 320)
        assert 120 <= pasted.side <= 160
        assert 0 <= pasted.left <= 320 - pasted.side
        box = (pasted.left, pasted.top, pasted.left + pasted.side, pasted.top + pasted.side)
        face = np.asarray(pasted.photo.crop(box).convert("L"))
        assert (face == np.asarray(Image.fromarray(image).resize((pasted.side,) * 2, Image.Resampling.BICUBIC))).all()


def test_a_feathered_face_has_no_edge(images: np.ndarray) -> None:
    """Rows across the crop's upper edge differ less than those of a hard one."""

    def edge(feather: bool) -> float:
        steps = []
        for seed, image in enumerate(images):
            pasted = paste_face(image, seed, canvas=(640, 480), sides=(60, 300), feather=feather)
            assert pasted.photo.size == (640, 480)
            assert 60 <= pasted.side <= 300
            rows = np.asarray(pasted.photo.convert("L"), dtype=int)[:, pasted.left : pasted.left + pasted.side]
            steps.append(np.abs(rows[pasted.top] - rows[pasted.top - 1]).mean() if pasted.top else 0.0)
        return float(np.mean(steps))

    assert edge(feather=True) < 0.7 * edge(feather=False)


def test_same_seed_pastes_the_same(images: np.ndarray) -> None:
    first, again, other = (np.asarray(paste_face(images[0], seed).photo) for seed in (3, 3, 4))
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.slow
def test_figures_of_stored_faces(shipped: Artifact, images: np.ndarray, labels: np.ndarray) -> None:
    pipeline = Pipeline(shipped)
    figures = measure_crops(pipeline, images, labels)
    assert figures["n"] == len(images)
    assert figures["version"] == shipped.version
    assert tuple(row["scale"] for row in figures["scales"]) == SCALES
    right = (pipeline.classify_crops(images).argmax(axis=1) == labels).mean()
    assert next(row["accuracy"] for row in figures["scales"] if row["scale"] == 1.0) == right
    detected = figures["detected"]
    assert detected["found"] >= 12  # of 14
    assert detected["agreement"] >= 0.6
    assert 0 <= detected["accuracy_detected"] <= 1


def test_what_is_no_face_is_not_found(shipped: Artifact) -> None:
    stripes = np.stack([draw_crop(label, label) for label in range(3)])
    detected = measure_crops(Pipeline(shipped), stripes, np.arange(3))["detected"]
    assert (detected["n"], detected["found"], detected["accuracy_detected"]) == (3, 0, None)


def test_limit_draws_from_all_labels() -> None:
    images = np.zeros((700, 48, 48), dtype=np.uint8)
    data = FaceData(images, np.repeat(np.arange(7), 100), np.arange(700), tuple(map(str, range(700))))
    drawn = choose_faces(data, 70)
    assert len(drawn) == 70
    assert set(drawn.labels.tolist()) == set(range(7))
    assert (drawn.rows == choose_faces(data, 70).rows).all()
    assert len(choose_faces(data, 1000)) == 700
    with pytest.raises(DataError, match="at least 1"):
        choose_faces(data, 0)


def test_selection_is_the_part_of_train_that_was_held_out(shipped: Artifact, tiny_archive: Path) -> None:
    selection = load_crops(tiny_archive, "selection", shipped)
    train = load_crops(tiny_archive, "train", shipped)
    assert 0 < len(selection) < len(train)
    assert {image.tobytes() for image in selection.images} < {image.tobytes() for image in train.images}


def test_command_prints_one_json_object(tmp_path: Path) -> None:
    archive = tmp_path / "faces.zip"
    with zipfile.ZipFile(archive, "w") as faces:
        for path in FACES:
            label, number = path.stem.split("_")
            faces.write(path, f"test/{label}/PublicTest_{number}.png")
    words = ["crops", "--data", str(archive), "--split", "public", "--limit", "5", "--json"]
    done = run_ml(*words)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert set(figures) == {"n", "scales", "detected", "version"}
    assert figures["n"] == figures["detected"]["n"] == 5

"""One preparation of pixels for training and serving."""

import numpy as np
import pytest
from PIL import Image

from ml.artifacts import Artifact
from ml.predict import Network
from ml.preprocess import cut_square, to_network_input
from ml.views import make_views
from tests.e2e.steps import CROPS
from tests.ml.drawing import draw_crop


def test_crop_is_standardised() -> None:
    inputs = to_network_input(np.stack([draw_crop(0, 1), draw_crop(3, 2)]))
    assert inputs.shape == (2, 48, 48, 1)
    assert inputs.dtype == np.float32
    assert np.allclose(inputs.mean(axis=(1, 2, 3)), 0, atol=1e-5)
    assert np.allclose(inputs.std(axis=(1, 2, 3)), 1, atol=1e-5)


def test_brightness_and_contrast_do_not_matter() -> None:
    crop = draw_crop(0, 1) // 2
    brighter = crop + np.uint8(60)
    assert np.allclose(to_network_input(crop[None]), to_network_input(brighter[None]), atol=1e-5)


def test_blank_crop_stays_finite() -> None:
    assert np.array_equal(to_network_input(np.full((1, 48, 48), 7, np.uint8)), np.zeros((1, 48, 48, 1), np.float32))


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        to_network_input(np.zeros((48, 48), np.uint8))


def test_whole_crop_is_cut_unchanged() -> None:
    crop = draw_crop(2, 3)
    assert np.array_equal(cut_square(Image.fromarray(crop), center=(24, 24), side=48), crop)


def test_square_beyond_the_photo_repeats_its_edge() -> None:
    photo = Image.fromarray(np.tile(np.array([[10], [200]], np.uint8).repeat(24, axis=0), (1, 48)))
    crop = cut_square(photo, center=(0, 0), side=48)
    assert crop.shape == (48, 48)
    assert (crop[:24] == 10).all()
    assert (crop[30:] == 10).all() or crop[40, 40] in (10, 200)


@pytest.mark.tensorflow
def test_training_and_serving_give_the_same_logits_for_the_same_crop(shipped: Artifact) -> None:
    """The same crop through the training path (Keras) and the serving path (photo to crop to LiteRT)."""
    import keras

    crops = np.stack([np.asarray(Image.open(path).convert("L")) for path in sorted(CROPS.glob("*.png"))])
    photos = [Image.fromarray(crop).convert("RGB") for crop in crops]
    cut = np.stack([cut_square(photo, center=(24, 24), side=48) for photo in photos])
    trained, served = to_network_input(crops), to_network_input(cut)
    assert np.abs(trained - served).max() < 1e-5
    network = keras.models.load_model(shipped.path / "network.keras")
    views = [np.asarray(network(make_views(trained, [name]), training=False)) for name in shipped.views]
    expected = np.mean(views, axis=0)
    # The served file may keep its weights in eight bits.
    logits = Network(shipped).compute_logits(cut)
    assert np.abs(logits - expected).max() < 0.05 * np.ptp(expected)
    assert (logits.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.9

"""Evidence maps: they add up to the answer, they are what is served, and they come from the learned weights."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.stats import spearmanr
from skimage import data

from ml.artifacts import KERAS_NETWORK, Artifact, load_artifact
from ml.faces import FaceFinder
from ml.predict import Network, NoEvidenceError
from ml.preprocess import cut_square, to_network_input

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def crop() -> np.ndarray:
    """The face of NASA's portrait of Eileen Collins (public domain) as the site cuts it: uint8 (1, 48, 48)."""
    photo = Image.fromarray(data.astronaut())
    [face] = FaceFinder().find_faces(photo)
    return cut_square(photo, center=face.center, side=face.side)[np.newaxis]


def explain(network: object, crop: np.ndarray) -> dict[str, np.ndarray]:
    from ml.explain import build_explained

    explained = build_explained(network)  # type: ignore[arg-type]
    assert explained is not None
    return {name: np.asarray(value) for name, value in explained(to_network_input(crop)).items()}


def test_evidence_adds_up_to_the_logits(shipped: Artifact, crop: np.ndarray) -> None:
    import keras

    network = keras.models.load_model(shipped.path / KERAS_NETWORK)
    members = [layer for layer in network.layers if isinstance(layer, keras.Model)] or [network]
    bias = np.mean([member.get_layer("label").get_weights()[1] for member in members], axis=0)
    seen = explain(network, crop)
    assert seen["evidence"].shape == (1, 6, 6, 7)
    assert seen["evidence"].mean(axis=(1, 2)) + bias == pytest.approx(seen["logits"], abs=1e-4)


def test_the_served_file_shows_what_the_keras_network_shows(shipped: Artifact, crop: np.ndarray) -> None:
    import keras

    network = keras.models.load_model(shipped.path / KERAS_NETWORK)
    views = [explain(network, crop)["evidence"], explain(network, crop[:, :, ::-1])["evidence"][:, :, ::-1]]
    expected = np.mean(views, axis=0)
    served = Network(shipped).compute_evidence(crop)
    # Weights of eight bits: within a twentieth of what the maps span.
    assert np.abs(served - expected).max() < 0.05 * np.ptp(expected)


def test_a_mirrored_face_has_the_mirrored_map(shipped: Artifact, crop: np.ndarray) -> None:
    network = Network(shipped)
    one, other = network.compute_evidence(crop), network.compute_evidence(crop[:, :, ::-1])
    assert other[:, :, ::-1] == pytest.approx(one, abs=1e-4)


def test_the_map_comes_from_the_learned_weights(shipped: Artifact, crop: np.ndarray) -> None:
    """Sanity check after Adebayo et al. 2018: other weights, another map; a little noise in the crop, the same map."""
    import keras

    def relative(network: object, face: np.ndarray) -> np.ndarray:
        """The happy map against the mean of all labels' maps, as the softmax sees it."""
        evidence = explain(network, face)["evidence"][0]
        return (evidence[..., 3] - evidence.mean(axis=-1)).ravel()

    trained = keras.models.load_model(shipped.path / KERAS_NETWORK)
    learned = relative(trained, crop)
    noise = np.random.default_rng(0).integers(-4, 5, crop.shape)
    noisy = relative(trained, np.clip(crop.astype(int) + noise, 0, 255).astype(np.uint8))
    assert spearmanr(learned, noisy).statistic > 0.9

    rng = np.random.default_rng(1)
    found = []
    for _ in range(5):
        randomised = keras.models.clone_model(trained)
        randomised.set_weights(
            [rng.permutation(weights.ravel()).reshape(weights.shape) for weights in trained.get_weights()]
        )
        found.append(abs(spearmanr(learned, relative(randomised, crop)).statistic))
    assert np.mean(found) < 0.5


def test_an_artifact_without_evidence_says_so(tiny_archive: Path, tmp_path: Path, crop: np.ndarray) -> None:
    words = [
        "train",
        "--data",
        str(tiny_archive),
        "--out",
        str(tmp_path / "lenet"),
        "--network",
        "lenet",
        "--epochs",
        "1",
    ]
    subprocess.run([sys.executable, "-m", "ml", *words], check=True, timeout=110, capture_output=True)
    with pytest.raises(NoEvidenceError, match="cannot show what it looked at"):
        Network(load_artifact(tmp_path / "lenet")).compute_evidence(crop)

"""Evidence maps: they add up to the answer, they are what is served, and they come from the learned weights."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import spearmanr

from ml.artifacts import KERAS_NETWORK, Artifact, load_artifact
from ml.ensemble import join_networks
from ml.explain import build_explained, compare_evidence
from ml.network import build_network
from ml.predict import Network, NoEvidenceError
from ml.preprocess import to_network_input
from tests.tiny import make_tiny_network

if TYPE_CHECKING:
    import keras

pytestmark = pytest.mark.tensorflow
FER = Path(__file__).parents[1] / "data" / "fer"


@pytest.fixture(scope="module")
def crops() -> NDArray[np.uint8]:
    """Two faces of each label: uint8 (14, 48, 48)."""
    return np.stack([np.asarray(Image.open(path).convert("L")) for path in sorted(FER.glob("*.png"))])


@pytest.fixture(scope="module")
def trained(shipped: Artifact) -> "keras.Model":
    import keras

    return keras.models.load_model(shipped.path / KERAS_NETWORK)


def explain(network: "keras.Model", crops: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    explained = build_explained(network)
    assert explained is not None
    return {name: np.asarray(value) for name, value in explained(to_network_input(crops)).items()}


def find_members(network: "keras.Model") -> "list[keras.Model]":
    """The networks of an ensemble, or the one network."""
    import keras

    return [layer for layer in network.layers if isinstance(layer, keras.Model)] or [network]


def read_bias(network: "keras.Model") -> NDArray[np.float32]:
    return np.mean([member.get_layer("label").get_weights()[1] for member in find_members(network)], axis=0)


def test_evidence_adds_up_to_the_logits(trained: "keras.Model", crops: NDArray[np.uint8]) -> None:
    seen = explain(trained, crops)
    assert seen["evidence"].shape == (14, 6, 6, 7)
    assert seen["evidence"].mean(axis=(1, 2)) + read_bias(trained) == pytest.approx(seen["logits"], abs=1e-3)


def test_an_ensembles_evidence_is_its_members_mean(crops: NDArray[np.uint8]) -> None:
    members = [build_network("vgg-tiny"), build_network("vgg-tiny"), build_network("resnet-small")]
    for member in members:  # as trained: biases that are not zero
        kernel, bias = member.get_layer("label").get_weights()
        member.get_layer("label").set_weights([kernel, bias + np.arange(7) / 7])
    apart = [explain(member, crops)["evidence"] for member in members]
    joined = join_networks(members)
    seen = explain(joined, crops)
    assert seen["evidence"] == pytest.approx(np.mean(apart, axis=0), abs=1e-4)
    assert seen["evidence"].mean(axis=(1, 2)) + read_bias(joined) == pytest.approx(seen["logits"], abs=1e-3)


def test_the_served_file_shows_what_the_keras_network_shows(
    shipped: Artifact, trained: "keras.Model", crops: NDArray[np.uint8]
) -> None:
    views = [explain(trained, crops)["evidence"], explain(trained, crops[:, :, ::-1])["evidence"][:, :, ::-1]]
    expected = np.mean(views, axis=0)
    served = Network(shipped).compute_evidence(crops)
    assert served.shape == (14, 6, 6, 7)
    # Weights of eight bits may be served: within a twentieth of what the maps span.
    assert np.abs(served - expected).max() < 0.05 * np.ptp(expected)


def test_the_served_evidence_adds_up_to_the_served_logits(
    shipped: Artifact, trained: "keras.Model", crops: NDArray[np.uint8]
) -> None:
    network = Network(shipped)
    evidence = network.compute_evidence(crops).mean(axis=(1, 2)) + read_bias(trained)
    views = Network(Artifact(**{**vars(shipped), "views": ("original", "mirror")}))
    logits = views.compute_logits(crops)
    assert np.abs(evidence - logits).max() < 0.02 * np.ptp(logits)
    assert (evidence.argmax(axis=1) == logits.argmax(axis=1)).all()


def test_a_mirrored_face_has_the_mirrored_map(shipped: Artifact, crops: NDArray[np.uint8]) -> None:
    network = Network(shipped)
    one, other = network.compute_evidence(crops), network.compute_evidence(crops[:, :, ::-1])
    assert np.abs(other[:, :, ::-1] - one).max() < 0.01 * np.ptp(one)  # weights of eight bits round


def rank_agreement(one: NDArray[np.float32], other: NDArray[np.float32], labels: NDArray[np.int64]) -> list[float]:
    """Spearman's correlation of two maps of each face's label."""
    pairs = zip(one, other, labels, strict=True)
    maps = [(compare_evidence(a, label).ravel(), compare_evidence(b, label).ravel()) for a, b, label in pairs]
    return [float(spearmanr(a, b).statistic) for a, b in maps]


def test_a_little_noise_leaves_the_map(trained: "keras.Model", crops: NDArray[np.uint8]) -> None:
    noise = np.random.default_rng(0).integers(-4, 5, crops.shape)
    noisy = np.clip(crops.astype(int) + noise, 0, 255).astype(np.uint8)
    seen = explain(trained, crops)
    labels = seen["logits"].argmax(axis=1)
    assert min(rank_agreement(seen["evidence"], explain(trained, noisy)["evidence"], labels)) > 0.85


def shuffle_all(network: "keras.Model", rng: np.random.Generator) -> None:
    network.set_weights([rng.permutation(values.ravel()).reshape(values.shape) for values in network.get_weights()])


def shuffle_last(network: "keras.Model", rng: np.random.Generator) -> None:
    """The features stay, so the middle of the face still has the largest values: for a random label."""
    for member in find_members(network):
        kernel, bias = member.get_layer("label").get_weights()
        member.get_layer("label").set_weights([rng.permutation(kernel.ravel()).reshape(kernel.shape), bias])


@pytest.mark.parametrize("shuffle", [shuffle_all, shuffle_last], ids=["every layer", "last layer"])
def test_the_map_comes_from_the_learned_weights(trained: "keras.Model", crops: NDArray[np.uint8], shuffle: Any) -> None:
    """Sanity check after Adebayo et al. 2018: with shuffled weights nothing is left of a face's map."""
    import keras

    seen = explain(trained, crops)
    labels, rng = seen["logits"].argmax(axis=1), np.random.default_rng(1)
    found = []
    for _ in range(4):
        shuffled = keras.models.clone_model(trained)
        shuffled.set_weights(trained.get_weights())
        shuffle(shuffled, rng)
        found += rank_agreement(seen["evidence"], explain(shuffled, crops)["evidence"], labels)
    assert abs(np.mean(found)) < 0.3


def test_what_is_said_for_all_labels_alike_is_left_out() -> None:
    evidence = np.zeros((6, 6, 7), np.float32)
    evidence[2, 3] = 9.0
    evidence[4, 1, 3], evidence[5, 5, 3] = 7.0, -7.0
    compared = compare_evidence(evidence, 3)
    assert (compared[4, 1], compared[5, 5]) == (6.0, -6.0)
    assert np.count_nonzero(compared) == 2


def test_an_artifact_without_evidence_says_so(crops: NDArray[np.uint8]) -> None:
    lenet = load_artifact(make_tiny_network("lenet"))
    with pytest.raises(NoEvidenceError, match="cannot show what it looked at"):
        Network(lenet).compute_evidence(crops)

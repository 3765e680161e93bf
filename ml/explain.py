"""What a network looked at: how much each part of a crop spoke for each label."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ml.labels import LABELS
from ml.network import FEATURES, LOGITS

if TYPE_CHECKING:
    import keras

# Names of the two outputs of an explained network.
LOGITS_OUTPUT, EVIDENCE_OUTPUT = "logits", "evidence"


def build_explained(network: "keras.Model") -> "keras.Model | None":
    """The same network with class activation maps as a second output (Zhou et al. 2016).

    The networks of ml.network average the last feature map and apply one dense layer. Applied before averaging, that
    layer shows the evidence of each place: its mean over all places plus the layer's bias is the logit, exactly, and
    for such networks Grad-CAM (Selvaraju et al. 2017) gives the same map. An ensemble's evidence is its members' mean.

    Args:
        network: of ml.network, or of ml.ensemble; float32 (n, 48, 48, 1) to logits (n, 7).

    Returns:
        a model of two outputs, "logits" (n, 7) and "evidence" (n, 6, 6, 7), or None where a network does not average
        its features (lenet).
    """
    import keras

    crops = keras.Input(network.input_shape[1:], name="crops")
    members = [layer for layer in network.layers if isinstance(layer, keras.Model)] or [network]
    if not all(isinstance(member.get_layer(FEATURES), keras.layers.GlobalAveragePooling2D) for member in members):
        return None
    maps = [_map_evidence(member, crops, number) for number, member in enumerate(members)]
    evidence = maps[0] if len(maps) == 1 else keras.layers.Average()(maps)
    # A name of their own for both outputs.
    named = {
        LOGITS_OUTPUT: keras.layers.Identity(name=LOGITS_OUTPUT)(network(crops)),
        EVIDENCE_OUTPUT: keras.layers.Identity(name=EVIDENCE_OUTPUT)(evidence),
    }
    return keras.Model(crops, named, name="explained")


def _map_evidence(member: "keras.Model", crops: Any, number: int) -> Any:
    import keras

    places = keras.Model(member.inputs, member.get_layer(FEATURES).input, name=f"places_{number}")
    kernel = member.get_layer(LOGITS).get_weights()[0]
    project = keras.layers.Conv2D(len(LABELS), 1, use_bias=False, dtype="float32", name=f"evidence_{number}")
    seen = project(places(crops))
    project.set_weights([kernel[None, None]])
    return seen


def compare_evidence(evidence: NDArray[np.float32], label: int) -> NDArray[np.float32]:
    """How much each place spoke for one label rather than for the mean of all seven.

    What is said for all labels alike changes no probability, so only the difference counts.

    Args:
        evidence: (h, w, 7) of one face; label: 0 to 6.

    Returns:
        float32 (h, w), in logits; negative where a place spoke against the label.
    """
    return np.asarray(evidence[..., label] - evidence.mean(axis=-1), dtype=np.float32)

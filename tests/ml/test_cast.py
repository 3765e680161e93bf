"""Computing in mixed precision: a copy with the same weights, whose logits stay in single precision."""

import numpy as np
import pytest

from ml.ensemble import join_networks
from ml.network import LOGITS, build_network, cast_network

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize("joined", [False, True])
def test_a_cast_network_says_nearly_the_same(joined: bool) -> None:
    networks = [build_network("vgg-tiny"), build_network("vgg-tiny")]
    network = join_networks(networks) if joined else networks[0]
    cast = cast_network(network, "mixed_bfloat16")
    assert all(np.array_equal(a, b) for a, b in zip(cast.get_weights(), network.get_weights(), strict=True))
    policies = {layer.name: layer.dtype_policy.name for layer in cast._flatten_layers()}
    assert policies[LOGITS] == "float32"
    assert list(policies.values()).count("mixed_bfloat16") > 10 * len(networks if joined else [network])
    crops = np.random.default_rng(0).normal(size=(5, 48, 48, 1)).astype(np.float32)
    found, expected = (np.asarray(one(crops)) for one in (cast, network))
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() < 0.05 * np.abs(expected).max()

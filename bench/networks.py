"""What each network of ml.network costs: parameters, multiply-accumulates a face, ms a face on one thread.

Untrained weights, since cost does not depend on them; one view of one face, as TFLite with float16 and int8 weights.
"""

import io
import json
import os
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from bench.formats import REPEATS, median_ms, open_tflite
from ml.export import FLOAT16, INT8, convert_network
from ml.network import NETWORKS, build_network
from ml.preprocess import SIDE

if TYPE_CHECKING:
    import keras


def count_macs(network: "keras.Model") -> int:
    """Multiply-accumulates of one face: half the floating-point operations that TensorFlow's profiler counts."""
    import tensorflow as tf

    face = tf.TensorSpec((1, SIDE, SIDE, 1), tf.float32)
    graph = tf.function(lambda crops: network(crops, training=False)).get_concrete_function(face).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    counted = tf.compat.v1.profiler.profile(graph, options=options)
    return int(counted.total_float_ops) // 2


def main() -> None:
    forms = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in NETWORKS:
            with redirect_stdout(io.StringIO()):
                network = build_network(name)
                costs = {"network_parameters": network.count_params(), "network_macs": count_macs(network)}
                for weights in (FLOAT16, INT8):
                    target = Path(folder) / f"{name}-{weights}.tflite"
                    convert_network(network, target, weights)
                    forms[f"{name} {weights}"] = open_tflite(target)
            for figure, value in costs.items():
                print(json.dumps({"name": figure, "value": value, "unit": "1", "n": 1, "network": name}), flush=True)
        face = np.random.default_rng(0).standard_normal((1, SIDE, SIDE, 1)).astype(np.float32)
        for form, value in median_ms(forms, face).items():
            name, weights = form.split()
            line = {"name": "network_ms", "value": round(value, 3), "unit": "ms", "n": REPEATS, "network": name}
            print(json.dumps({**line, "weights": weights, "threads": 1}), flush=True)


if __name__ == "__main__":
    main()

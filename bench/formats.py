"""Which form of the served network is fastest: TFLite float16, TFLite dynamic int8, or the compiled Keras function.

One JSON line a figure: format_ms for one face with its mirror on one thread, format_bytes, and how often the form's
first answer is the one of the float32 Keras network. With --data PATH also its accuracy on the selection set (faces
held out of FER-2013's Training), which decides whether a faster form may serve.
"""

import argparse
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

# One thread for every form; TensorFlow reads these when it is first imported.
os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from numpy.typing import NDArray

from ml.artifacts import KERAS_NETWORK, NETWORK, default_artifact
from ml.export import FLOAT16, INT8, convert_network
from ml.preprocess import to_network_input

if TYPE_CHECKING:
    import keras

REPEATS = 200
Classify = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def report(name: str, value: float, unit: str, **more: object) -> None:
    print(json.dumps({"name": name, "value": round(value, 4), "unit": unit, **more}), flush=True)


def open_tflite(path: Path) -> Classify:
    """Logits of a TFLite file for inputs float32 (n, 48, 48, 1)."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=1)
    given = interpreter.get_input_details()[0]["index"]
    logits = next(detail["index"] for detail in interpreter.get_output_details() if len(detail["shape"]) == 2)
    batch = 0

    def classify(inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        nonlocal batch
        if len(inputs) != batch:
            batch = len(inputs)
            interpreter.resize_tensor_input(given, list(inputs.shape))
            interpreter.allocate_tensors()
        interpreter.set_tensor(given, inputs)
        interpreter.invoke()
        return np.array(interpreter.get_tensor(logits), dtype=np.float32)

    return classify


def compile_keras(network: "keras.Model") -> Classify:
    """Logits of the Keras network as one XLA-compiled function."""
    import tensorflow as tf

    compiled = tf.function(lambda inputs: network(inputs, training=False), jit_compile=True)
    return lambda inputs: np.asarray(compiled(tf.constant(inputs)))


def median_ms(forms: dict[str, Classify], inputs: NDArray[np.float32]) -> dict[str, float]:
    """Median wall time of each form in ms, the forms taking turns so that a busy moment hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in forms}
    for turn in range(REPEATS + 5):
        for name, classify in forms.items():
            start = time.perf_counter()
            classify(inputs)
            if turn >= 5:
                times[name].append(time.perf_counter() - start)
    return {name: float(np.median(taken) * 1000) for name, taken in times.items()}


def both_views(classify: Classify, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits (n, 7) averaged over each face and its mirror, as the site serves them."""
    parts = []
    for start in range(0, len(inputs), 64):
        part = inputs[start : start + 64]
        # The last batch is filled up: a compiled function would otherwise be compiled a second time.
        filled = np.concatenate([part, np.zeros((64 - len(part), *part.shape[1:]), np.float32)])
        logits = classify(np.concatenate([filled, filled[:, :, ::-1]]))
        parts.append((logits[:64] + logits[64:])[: len(part)] / 2)
    return np.concatenate(parts)


def load_faces(data: Path | None, votes: Path | None) -> tuple[NDArray[np.uint8], NDArray[np.int64] | None]:
    """The selection set with its labels, or noise without labels when there is no data."""
    if data is None:
        return np.random.default_rng(0).integers(0, 256, (256, 48, 48), dtype=np.uint8), None
    from ml.data import load_data
    from ml.recipe import TrainingConfig
    from ml.train import prepare_data

    held_out = prepare_data(load_data(data, "train"), votes, TrainingConfig().held_out).selection
    return held_out.images, held_out.targets.argmax(axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=None, help="artifact folder; default: the newest in ml/weights")
    parser.add_argument("--data", type=Path, help="FER-2013, to measure accuracy too")
    parser.add_argument("--votes", type=Path, help="FER+ votes, as given to the training")
    options = parser.parse_args()
    with redirect_stdout(io.StringIO()), tempfile.TemporaryDirectory() as folder:
        import keras

        artifact = options.model or default_artifact()
        network: Any = keras.models.load_model(artifact / KERAS_NETWORK)
        paths = {"float16": Path(folder) / "float16.tflite", "int8": Path(folder) / "int8.tflite"}
        convert_network(network, paths["float16"], FLOAT16)
        convert_network(network, paths["int8"], INT8)
        forms = {"served": open_tflite(artifact / NETWORK)} | {name: open_tflite(path) for name, path in paths.items()}
        sizes = {name: path.stat().st_size for name, path in {"served": artifact / NETWORK, **paths}.items()}
        sizes["keras"] = (artifact / KERAS_NETWORK).stat().st_size
        forms["keras"] = compile_keras(network)
    images, labels = load_faces(options.data, options.votes)
    inputs = to_network_input(images)
    face = np.ascontiguousarray(np.concatenate([inputs[:1], inputs[:1, :, ::-1]]))
    for name, value in median_ms(forms, face).items():
        report("format_ms", value, "ms", n=REPEATS, format=name, threads=1)
    answers = {name: both_views(classify, inputs) for name, classify in forms.items()}
    for name, logits in answers.items():
        same = float((logits.argmax(axis=1) == answers["keras"].argmax(axis=1)).mean())
        apart = float(np.abs(logits - answers["keras"]).max())
        report("format_bytes", sizes[name], "bytes", n=1, format=name)
        report("format_agreement", same, "share", n=len(inputs), format=name, largest_difference=round(apart, 4))
        if labels is not None:
            report(
                "format_accuracy", float((logits.argmax(axis=1) == labels).mean()), "share", n=len(inputs), format=name
            )


if __name__ == "__main__":
    main()

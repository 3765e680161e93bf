"""Training throughput of both trainers in each precision, and of plain model.fit of the same network, in turns.

The trainers make new views of every face, learn a second head and average their weights; plain fit does none of that.
One JSON line a figure: training_faces_per_second of each (value: by the clock; cpu: by the processors' time, which
others that use the machine disturb less) and training_throughput_ratio of the default trainer against plain fit.
bfloat16 is left out where the machine does not know it: the trainers do not use it there either.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from ml.clean import TrainingSet
from ml.network import NETWORKS, build_network
from ml.recipe import TrainingConfig
from ml.trainer import build_trainer, choose_dtype

FLOAT32, BFLOAT16 = "float32", "mixed_bfloat16"


def keras_trainer(config: TrainingConfig, faces: TrainingSet) -> Callable[[], None] | None:
    """One epoch of the default trainer; None where it would not use that precision."""
    if choose_dtype(config.dtype) != config.dtype:
        return None
    trainer = build_trainer(config, build_network(config.network, dtype=config.dtype), steps=len(faces))
    return _fitting(trainer, faces, {"label": faces.targets, "votes": faces.votes}, config)


def plain_fit(config: TrainingConfig, faces: TrainingSet) -> Callable[[], None]:
    """One epoch of Keras alone."""
    import keras

    plain = build_network(config.network)
    plain.compile(keras.optimizers.AdamW(), keras.losses.CategoricalCrossentropy(from_logits=True))
    return _fitting(plain, faces, faces.targets, config)


def _fitting(model: object, faces: TrainingSet, wanted: object, config: TrainingConfig) -> Callable[[], None]:
    from ml.preprocess import to_network_input

    crops = to_network_input(faces.images)
    return lambda: model.fit(crops, wanted, batch_size=config.batch_size, verbose=0)  # type: ignore[attr-defined]


def torch_trainer(config: TrainingConfig, faces: TrainingSet) -> Callable[[], None] | None:
    """One epoch in PyTorch; None where it is not installed, or would not use that precision."""
    try:
        import torch

        from ml.torch_network import TorchNetwork
        from ml.torch_steps import Batch, Learner
    except ModuleNotFoundError:
        print("bench: PyTorch is not installed (pip install -r requirements-torch.txt)", file=sys.stderr)
        return None
    learner = Learner(TorchNetwork(build_network(config.network)), config, total=1000, warmup=10)
    if (learner.dtype is None) != (config.dtype == FLOAT32):
        return None
    batch, generator = Batch.from_set(faces), torch.Generator().manual_seed(0)

    def epoch() -> None:
        for rows in torch.arange(len(faces)).split(config.batch_size):
            learner.step(batch.take(rows), 0, generator)

    return epoch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", choices=sorted(NETWORKS), default=TrainingConfig.network)
    parser.add_argument("--faces", type=int, default=1280)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    targets = np.eye(7, dtype=np.float32)[rng.integers(0, 7, options.faces)]
    faces = TrainingSet(rng.integers(0, 256, (options.faces, 48, 48), dtype=np.uint8), targets, targets)
    config = TrainingConfig(network=options.network, dtype=FLOAT32)
    runs = {
        ("keras", FLOAT32): keras_trainer(config, faces),
        ("keras", BFLOAT16): keras_trainer(replace(config, dtype=BFLOAT16), faces),
        ("torch", FLOAT32): torch_trainer(config, faces),
        ("torch", BFLOAT16): torch_trainer(replace(config, dtype=BFLOAT16), faces),
        ("plain", FLOAT32): plain_fit(config, faces),
    }
    epochs = {key: epoch for key, epoch in runs.items() if epoch is not None}
    rates: dict[tuple[str, str], list[tuple[float, float]]] = {key: [] for key in epochs}
    for turn in range(options.rounds + 1):
        for key, epoch in epochs.items():
            clock, processors = time.perf_counter(), time.process_time()
            epoch()
            rate = options.faces / (time.perf_counter() - clock), options.faces / (time.process_time() - processors)
            if turn:  # the first turn compiles
                rates[key].append(rate)
    shared = {"n": options.rounds, "network": config.network, "batch": config.batch_size}
    for (trainer, dtype), values in rates.items():
        value, cpu = (round(float(one), 1) for one in np.median(np.array(values), axis=0))
        figure = {"name": "training_faces_per_second", "value": value, "unit": "faces/s", "cpu": cpu}
        print(json.dumps({**figure, **shared, "trainer": trainer, "dtype": dtype}), flush=True)
    ours, plain = (np.array(rates[key])[:, 0] for key in (("keras", FLOAT32), ("plain", FLOAT32)))
    ratio = float(np.median(ours / plain))
    print(json.dumps({"name": "training_throughput_ratio", "value": round(ratio, 3), "unit": "ratio", **shared}))


if __name__ == "__main__":
    main()

"""Training throughput: this project's trainer against plain model.fit of the same network in float32, in turns.

The trainer makes new views of every face, learns a second head, averages its weights and uses mixed precision; plain
fit does none of that. One JSON line a figure: training_faces_per_second of both and training_throughput_ratio.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from ml.network import build_network
from ml.train import TrainingConfig
from ml.trainer import build_trainer

FACES, ROUNDS = 1280, 5


def timed_fit(model: Any, inputs: Any, targets: Any) -> float:
    """Faces a second of one epoch."""
    start = time.perf_counter()
    model.fit(inputs, targets, batch_size=TrainingConfig.batch_size, epochs=1, verbose=0)
    return FACES / (time.perf_counter() - start)


def main() -> None:
    import keras

    config = TrainingConfig()
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((FACES, 48, 48, 1), dtype=np.float32)
    targets = np.eye(7, dtype=np.float32)[rng.integers(0, 7, FACES)]
    trainer = build_trainer(
        config,
        build_network(config.network, dropout=config.dropout, dtype=config.dtype),
        steps=FACES // config.batch_size,
    )
    plain = build_network(config.network)
    plain.compile(keras.optimizers.AdamW(), keras.losses.CategoricalCrossentropy(from_logits=True))
    runs = {"ours": (trainer, {"label": targets, "votes": targets}), "plain": (plain, targets)}
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(ROUNDS + 1):
        for name, (model, wanted) in runs.items():
            rate = timed_fit(model, inputs, wanted)
            if turn:  # the first turn compiles
                rates[name].append(rate)
    shared = {"n": ROUNDS, "network": config.network, "batch": config.batch_size}
    for name, values in rates.items():
        figure = {"name": "training_faces_per_second", "value": round(float(np.median(values)), 1), "unit": "faces/s"}
        print(json.dumps({**figure, **shared, "trainer": name}))
    ratio = float(np.median(np.array(rates["ours"]) / np.array(rates["plain"])))
    print(json.dumps({"name": "training_throughput_ratio", "value": round(ratio, 3), "unit": "ratio", **shared}))


if __name__ == "__main__":
    main()

"""One fit of a network, with everything in its folder that a killed fit needs to go on."""

import json
import math
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from ml.artifacts import KERAS_NETWORK
from ml.clean import TrainingSet
from ml.preprocess import to_network_input
from ml.recipe import TrainingConfig
from ml.trainer import build_trainer

if TYPE_CHECKING:
    import keras

# Inside a run's folder: all that a killed run needs to go on.
STATE = "training"
# How often whoever watches is told, at most.
WATCH_SECONDS = 1.0


class TrainingError(Exception):
    """The run cannot start or go on; the message says what to do."""


class TrainingStopped(Exception):
    """Whoever watches wanted no more."""


@dataclass(frozen=True)
class Progress:
    """How far a fit is. epoch: from 1; share: of all steps, 0 to 1; seconds_left: at the pace so far, None at first.

    finished: the figures of the epoch that has just ended, by Keras' names; {} in its middle.
    """

    epoch: int
    epochs: int
    share: float
    loss: float
    seconds_left: float | None
    finished: dict[str, float]


Watch = Callable[[Progress], bool]


def fit_network(
    network: "keras.Model",
    train: TrainingSet,
    selection: TrainingSet,
    *,
    config: TrainingConfig,
    out: Path,
    teacher: "keras.Model | None" = None,
    watch: Watch | None = None,
) -> None:
    """Train a network; in the end it has the averaged weights. A fit that was killed goes on after its last epoch.

    Args:
        network: of ml.network, or joined by ml.ensemble; changed in place.
        selection: what the printed validation figures are of.
        out: the run's folder, made by open_run.
        teacher: whose answers to learn from beside the labels.
        watch: told about the progress, at most once a second; False stops the fit.

    Raises:
        TrainingStopped: watch said so.
        TrainingError: the loss is not a number any more.
    """
    steps = steps_per_epoch(train, config)
    trainer = build_trainer(config, network, steps=steps, teacher=teacher)
    watchers = [_make_watcher(watch, config.epochs, steps)] if watch else []
    callbacks = [*_callbacks(out / STATE), *watchers]
    with _closed_logs(callbacks):
        trainer.fit(
            to_network_input(train.images),
            _name_outputs(trainer, train),
            sample_weight=None if train.weights is None else dict.fromkeys(trainer.output, train.weights),
            validation_data=(to_network_input(selection.images), _name_outputs(trainer, selection)),
            batch_size=config.batch_size,
            epochs=config.epochs,
            callbacks=callbacks,
            verbose=(1 if sys.stdout.isatty() else 2) if watch is None else 0,
        )
    trainer.optimizer.finalize_variable_values(trainer.trainable_variables)


@contextmanager
def _closed_logs(callbacks: "Sequence[keras.callbacks.Callback]") -> Iterator[None]:
    """End the callbacks when the guard or the watcher ends the fit: Keras leaves their logs open then."""
    try:
        yield
    except (TrainingError, TrainingStopped):
        for callback in callbacks:
            callback.on_train_end()
        raise


def _name_outputs(trainer: "keras.Model", data: TrainingSet) -> dict[str, Any]:
    """What each output of the trainer is to learn."""
    known = {"label": data.targets, "votes": data.votes}
    return {name: known[name] for name in trainer.output}


def steps_per_epoch(train: TrainingSet, config: TrainingConfig) -> int:
    """Optimizer steps in one pass over the data."""
    return -(-len(train) // config.batch_size)


def save_network(network: "keras.Model", out: Path) -> None:
    """Write out/network.keras in one rename: a file of that name is a finished network."""
    temporary = out / f".{os.getpid()}.{KERAS_NETWORK}"
    network.save(temporary)
    temporary.replace(out / KERAS_NETWORK)


def open_run(out: Path, settings: dict[str, Any], *, resume: bool) -> Path:
    """Make a run's folder, or find it again; gives the folder of its state.

    Raises:
        TrainingError: out holds another run, or there is nothing to resume.
    """
    state = out / STATE
    file = state / "config.json"
    if resume:
        if not file.exists():
            raise TrainingError(f"{out} holds no run to resume; leave out --resume to start one")
        found = json.loads(file.read_text())
        if found != settings:
            changed = sorted(key for key in settings if found.get(key) != settings[key])
            raise TrainingError(f"the run in {out} was started with other settings ({', '.join(changed)})")
        return state
    if file.exists() or (out / "manifest.json").exists():
        raise TrainingError(f"{out} already holds a run; add --resume to go on with it or choose another folder")
    if state.exists():
        shutil.rmtree(state)
    state.mkdir(parents=True)
    file.write_text(json.dumps(settings, indent=1))
    return state


def _callbacks(state: Path) -> "list[Any]":
    import keras

    return [
        _make_guard(),  # first, so that no checkpoint and no line of the log is of a network that diverged
        # Two of them: one that a kill cut short is not all that there is.
        keras.callbacks.BackupAndRestore(state / "backup", double_checkpoint=True, delete_checkpoint=False),
        keras.callbacks.SwapEMAWeights(),
        keras.callbacks.CSVLogger(state / "log.csv", append=True),
        keras.callbacks.TensorBoard(state / "tensorboard", write_graph=False),
    ]


def _make_guard() -> Any:
    """A callback that ends a fit with TrainingError once a loss is NaN or infinite: no later step brings it back."""
    import keras

    class Guard(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self._check(logs)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self._check(logs)

        def _check(self, logs: Any) -> None:
            if not all(math.isfinite(value) for value in (logs or {}).values()):
                raise TrainingError("the training diverged (its loss is not a number): nothing was changed")

    return Guard()


def _make_watcher(watch: Watch, epochs: int, steps: int) -> Any:
    """A callback that tells `watch` how far the fit is, and ends it with TrainingStopped where watch wants no more.

    By an exception: a fit that Keras stops counts the epoch under way as done, and would go on after it.
    """
    import keras

    class Watcher(keras.callbacks.Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            self.epoch, self.told, self.done, self.began = 0, monotonic(), 0, monotonic()

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.epoch = epoch

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.done += 1
            if monotonic() > self.told + WATCH_SECONDS:
                self._tell(batch + 1, logs or {}, {})

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self._tell(steps, logs or {}, {name: float(value) for name, value in (logs or {}).items()})

        def _tell(self, batch: int, logs: dict[str, float], finished: dict[str, float]) -> None:
            self.told = monotonic()
            total, at = epochs * steps, self.epoch * steps + batch
            # Of the steps made by this process: a resumed fit has made others before.
            left = (monotonic() - self.began) / self.done * (total - at) if self.done > 1 else None
            seen = Progress(self.epoch + 1, epochs, at / total, float(logs.get("loss", float("nan"))), left, finished)
            if not watch(seen):
                raise TrainingStopped("stopped on request")

    return Watcher()

"""One fit of a network in plain PyTorch, which needs nothing of Keras but the description; see docs/training.md."""

import csv
import math
import os
import sys
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import torch

from ml.clean import TrainingSet
from ml.fitting import STATE, WATCH_SECONDS, Progress, TrainingError, TrainingStopped, Watch, steps_per_epoch
from ml.recipe import TrainingConfig
from ml.torch_network import TorchNetwork
from ml.torch_steps import Batch, Learner

if TYPE_CHECKING:
    import keras

# In a run's state: weights, their average, the optimizer and the epoch that is done.
CHECKPOINT = "torch.pt"
COLUMNS = ("epoch", "accuracy", "loss", "learning_rate", "seconds", "val_accuracy", "val_loss")


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
    """As ml.fitting.fit_network, with the same arguments and errors; a killed fit goes on after its last epoch.

    An epoch's figures are those of the averaged weights, which the network has in the end.
    """
    torch.manual_seed(config.seed)
    steps = steps_per_epoch(train, config)
    translated = TorchNetwork(network)
    learner = Learner(
        translated,
        config,
        total=steps * config.epochs,
        warmup=int(steps * config.warmup_epochs),
        teacher=None if teacher is None else TorchNetwork(teacher),
    )
    faces, held_out = Batch.from_set(train), Batch.from_set(selection)
    first = _load(learner, out / STATE / CHECKPOINT)
    told = _Told(watch, config.epochs, steps, first)
    for epoch in range(first, config.epochs):
        began = monotonic()
        loss, accuracy = _learn_epoch(learner, faces, epoch, told)
        learner.swap_average()
        val_loss, val_accuracy = learner.measure(held_out)
        learner.swap_average()
        rate = learner.rate((epoch + 1) * steps - 1)
        figures = (epoch, accuracy, loss, rate, monotonic() - began, val_accuracy, val_loss)
        _save(learner, out / STATE / CHECKPOINT, epoch + 1)
        _log(out / STATE / "log.csv", figures)
        told.epoch_ended(epoch, dict(zip(COLUMNS[1:], figures[1:], strict=True)))
    learner.swap_average()
    translated.write_weights()


def _learn_epoch(learner: Learner, faces: Batch, epoch: int, told: "_Told") -> tuple[float, float]:
    """One pass over the faces in a new order; gives the mean loss and the accuracy on the views learned from.

    Raises:
        TrainingError: the loss is not a number any more.
    """
    config = learner.config
    # Every epoch has its own numbers, so that one that was begun again after a kill is the same.
    seed = config.seed * 1_000_003 + epoch
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(faces.crops), generator=generator).split(config.batch_size)
    total, right = 0.0, 0
    for number, rows in enumerate(order):
        loss, correct = learner.step(faces.take(rows), epoch * len(order) + number, generator)
        if not math.isfinite(loss):
            raise TrainingError("the training diverged (its loss is not a number): nothing was changed")
        total, right = total + loss * len(rows), right + correct
        told.step_ended(epoch, number + 1, loss)
    return total / len(faces.crops), right / len(faces.crops)


class _Told:
    """Tells whoever watches how far the fit is, and ends it with TrainingStopped where they want no more."""

    def __init__(self, watch: Watch | None, epochs: int, steps: int, first: int) -> None:
        self.watch, self.epochs, self.steps, self.first = watch, epochs, steps, first
        self.began = self.last = monotonic()

    def step_ended(self, epoch: int, step: int, loss: float) -> None:
        if self.watch is not None and monotonic() > self.last + WATCH_SECONDS:
            self._tell(self.watch, epoch, step, loss, {})

    def epoch_ended(self, epoch: int, figures: dict[str, float]) -> None:
        if self.watch is not None:
            self._tell(self.watch, epoch, self.steps, figures["loss"], figures)
            return
        shown = "  ".join(f"{name} {value:.4g}" for name, value in figures.items())
        print(f"epoch {epoch + 1}/{self.epochs}  {shown}", file=sys.stdout, flush=True)  # noqa: T201

    def _tell(self, watch: Watch, epoch: int, step: int, loss: float, figures: dict[str, float]) -> None:
        self.last = monotonic()
        total, at = self.epochs * self.steps, epoch * self.steps + step
        left = (self.last - self.began) / (at - self.first * self.steps) * (total - at)
        if not watch(Progress(epoch + 1, self.epochs, at / total, loss, left, figures)):
            raise TrainingStopped("stopped on request")


def _save(learner: Learner, path: Path, epoch: int) -> None:
    temporary = path.with_suffix(f".{os.getpid()}")
    state = {
        "epoch": epoch,
        "weights": _own_state(learner),
        "averaged": learner.averaged,
        "optimizer": learner.optimizer.state_dict(),
    }
    torch.save(state, temporary)
    temporary.replace(path)


def _own_state(learner: Learner) -> list[torch.Tensor]:
    """All but the teacher's, in order: Keras names layers by how many the process has made before."""
    return [value for name, value in learner.state_dict().items() if not name.startswith("teacher.")]


@torch.no_grad()
def _load(learner: Learner, path: Path) -> int:
    """Put a checkpoint back; gives how many epochs were done."""
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    for kept, found in (("weights", _own_state(learner)), ("averaged", learner.averaged)):
        for tensor, value in zip(found, state[kept], strict=True):
            tensor.copy_(value)
    learner.optimizer.load_state_dict(state["optimizer"])
    return int(state["epoch"])


def _log(path: Path, figures: tuple[float, ...]) -> None:
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(COLUMNS)
        writer.writerow(figures)

"""What a fit in PyTorch does with one batch: views, loss, a step of the optimizer, averaged weights."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ml.clean import TrainingSet
from ml.labels import LABELS
from ml.preprocess import to_network_input
from ml.processor import knows_bfloat16
from ml.recipe import TrainingConfig
from ml.torch_network import TorchNetwork
from ml.torch_views import RandomViews


@dataclass(frozen=True)
class Batch:
    """crops: float32 (n, 1, 48, 48), standardised; targets, votes: float32 (n, 7); weights: float32 (n,)."""

    crops: Tensor
    targets: Tensor
    votes: Tensor
    weights: Tensor

    @classmethod
    def from_set(cls, data: TrainingSet) -> "Batch":
        """All of a data set as one."""
        weights = np.ones(len(data), np.float32) if data.weights is None else data.weights
        found = (data.targets, data.votes, weights)
        return cls(to_crops(data.images), *(torch.from_numpy(part.astype(np.float32)) for part in found))

    def take(self, rows: Tensor) -> "Batch":
        """Those rows, int64 (k,), in their order."""
        return Batch(self.crops[rows], self.targets[rows], self.votes[rows], self.weights[rows])


def to_crops(images: NDArray[np.uint8]) -> Tensor:
    """Standardised crops, float32 (n, 1, 48, 48), of images uint8 (n, 48, 48)."""
    return torch.from_numpy(to_network_input(images)).permute(0, 3, 1, 2).contiguous()


class Learner(nn.Module):
    """A network that learns, its votes head, what it learns from, and the average of its weights over time.

    Args:
        network: learns; config: the run's settings.
        total: optimizer steps of the whole run; warmup: during how many of them the rate rises.
        teacher: what it learns from beside the labels; it sees the same views.
    """

    def __init__(
        self,
        network: TorchNetwork,
        config: TrainingConfig,
        *,
        total: int,
        warmup: int,
        teacher: TorchNetwork | None = None,
    ) -> None:
        super().__init__()
        self.network, self.config, self.total, self.warmup = network, config, total, min(warmup, total // 2)
        self.votes = nn.Linear(network.features, len(LABELS)) if config.votes_weight else None
        self.views = RandomViews.from_config(config)
        self.learned = list(self.parameters())
        # Nothing below is learned: the teacher stays as it is.
        self.teacher = None if teacher is None else teacher.requires_grad_(False).eval()
        self.averaged = [one.detach().clone() for one in self.learned]
        # A short run averages over its last twentieth at most, or its beginning would still weigh on the result.
        self.momentum = min(config.ema_momentum, max(0.0, 1 - 20 / total))
        self.optimizer = torch.optim.AdamW(
            [
                {"params": [one for one in self.learned if one.ndim > 1], "weight_decay": config.weight_decay},
                {"params": [one for one in self.learned if one.ndim <= 1], "weight_decay": 0.0},
            ],
            eps=1e-7,
            fused=True,
        )
        self.dtype = torch.bfloat16 if config.dtype == "mixed_bfloat16" and knows_bfloat16() else None

    def step(self, batch: Batch, number: int, generator: torch.Generator) -> tuple[float, int]:
        """Learn from a batch, in step `number` (from 0) of the run; gives its loss and how many labels were right."""
        self._set_training()
        seen, shown = self._mix(batch, self.views(batch.crops, generator), generator)
        with torch.autocast("cpu", self.dtype or torch.bfloat16, enabled=self.dtype is not None):
            logits, features = self.network.look(shown.to(memory_format=torch.channels_last))
        loss = self._loss(seen, shown, logits.float(), features.float())
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(number)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.averaged, self.learned, 1.0 - self.momentum)
        right = (logits.argmax(dim=1) == batch.targets.argmax(dim=1)).sum()
        return float(loss.detach()), int(right)

    def rate(self, number: int) -> float:
        """The learning rate of a step, from 0: a rise from 0 over the warm-up, then half a cosine down to 0."""
        if number < self.warmup:
            return self.config.learning_rate * number / self.warmup
        share = (number - self.warmup) / max(self.total - self.warmup, 1)
        return self.config.learning_rate * 0.5 * (1.0 + math.cos(math.pi * share))

    @torch.no_grad()
    def swap_average(self) -> None:
        """Exchange the weights and their average; a second call takes it back."""
        for one, average in zip(self.learned, self.averaged, strict=True):
            kept = one.clone()
            one.copy_(average)
            average.copy_(kept)

    @torch.inference_mode()
    def measure(self, data: Batch) -> tuple[float, float]:
        """Cross-entropy and accuracy of the network as it is on faces, without augmentation."""
        self.eval()
        parts = data.crops.split(256)
        logits = torch.cat([self.network(part.to(memory_format=torch.channels_last)) for part in parts])
        right = logits.argmax(dim=1) == data.targets.argmax(dim=1)
        return float(functional.cross_entropy(logits, data.targets)), float(right.float().mean())

    def _set_training(self) -> None:
        self.train()
        if self.teacher is not None:
            self.teacher.eval()

    def _mix(self, batch: Batch, views: Tensor, generator: torch.Generator) -> tuple[Batch, Tensor]:
        """Each face with a little of another, and its targets likewise (Zhang et al. 2018, mixup)."""
        if not self.config.mixup:
            return batch, views
        order = torch.randperm(len(views), generator=generator)
        # The smaller part of a beta distribution with one parameter, drawn on NumPy's side: PyTorch takes no generator.
        rng = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
        drawn = rng.beta(self.config.mixup, self.config.mixup, len(views)).astype(np.float32)
        share = torch.from_numpy(np.minimum(drawn, 1.0 - drawn))
        other = batch.take(order)
        mixed = Batch(
            batch.crops,
            torch.lerp(batch.targets, other.targets, share[:, None]),
            torch.lerp(batch.votes, other.votes, share[:, None]),
            batch.weights,
        )
        return mixed, torch.lerp(views, views[order], share.view(-1, 1, 1, 1))

    def _loss(self, batch: Batch, views: Tensor, logits: Tensor, features: Tensor) -> Tensor:
        """As ml.trainer weighs it: labels, the teacher's answers, the FER+ votes."""
        config = self.config
        labels = functional.cross_entropy(
            logits, batch.targets, label_smoothing=config.label_smoothing, reduction="none"
        )
        share = 0.0 if self.teacher is None else config.distill_weight
        loss = (1.0 - share) * (labels * batch.weights).mean()
        if self.votes is not None:
            voted = functional.cross_entropy(self.votes(features), batch.votes, reduction="none")
            loss = loss + config.votes_weight * (voted * batch.weights).mean()
        if self.teacher is not None:
            loss = loss + share * self._apart(self.teacher, views, logits)
        return loss

    def _apart(self, teacher: TorchNetwork, views: Tensor, logits: Tensor) -> Tensor:
        """The divergence of the softened answers from the teacher's (Hinton et al. 2015)."""
        temperature = self.config.distill_temperature
        with torch.no_grad():
            taught = functional.log_softmax(teacher(views) / temperature, dim=1)
        said = functional.log_softmax(logits / temperature, dim=1)
        return temperature**2 * functional.kl_div(said, taught, log_target=True, reduction="batchmean")

"""Random views of a batch of faces in PyTorch: those of ml.augment, and milder versions of what photos do to faces."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ml.recipe import TrainingConfig


@dataclass(frozen=True)
class RandomViews:
    """Gives every crop of a batch another view: float32 (n, 1, 48, 48), standardised, to the same.

    shift, rotation, scale, erase, gamma: as in ml.augment; damage: probability of each mild damage, 0 to 1.
    """

    shift: float
    rotation: float
    scale: float
    erase: float
    gamma: float
    damage: float = 0.0

    @classmethod
    def from_config(cls, config: TrainingConfig) -> "RandomViews":
        """The views that a run's settings ask for."""
        return cls(config.shift, config.rotation, config.scale, config.erase, config.gamma, config.damage)

    def __call__(self, crops: Tensor, generator: torch.Generator) -> Tensor:
        """A new view of each crop."""
        draw = _Draw(len(crops), generator)
        views = self._move(crops, draw)
        if self.damage:
            views = _damage(views, self.damage, draw)
        return self._blank_rectangle(self._bend_greys(views, draw), draw)

    def _move(self, crops: Tensor, draw: "_Draw") -> Tensor:
        """Mirror, rotate, scale and shift in one resampling."""
        angle = draw.normal() * (self.rotation * math.pi / 180)
        zoom = 1.0 / (1.0 + draw.uniform(-self.scale, self.scale))
        mirror = torch.where(draw.uniform(0.0, 1.0) < 0.5, -1.0, 1.0)
        cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
        dx, dy = draw.uniform(-2 * self.shift, 2 * self.shift), draw.uniform(-2 * self.shift, 2 * self.shift)
        # PyTorch counts from -1 to 1 across the crop; each row of theta gives where an output pixel is read.
        theta = torch.stack([cos * mirror, -sin, dx, sin * mirror, cos, dy], dim=1).view(-1, 2, 3)
        grid = functional.affine_grid(theta, list(crops.shape), align_corners=False)
        return functional.grid_sample(crops, grid, padding_mode="border", align_corners=False)

    def _bend_greys(self, views: Tensor, draw: "_Draw") -> Tensor:
        bend = _wide(draw.uniform(-self.gamma, self.gamma))
        return views + bend * (views.clamp(-3.0, 3.0).square() - 1.0)

    def _blank_rectangle(self, views: Tensor, draw: "_Draw") -> Tensor:
        side = views.shape[-1]
        area = draw.uniform(0.02, 0.2) * side * side
        ratio = torch.exp(draw.uniform(-0.9, 0.9))
        half_height = torch.where(draw.chosen(self.erase), torch.sqrt(area * ratio) / 2, -1.0)
        half_width = torch.sqrt(area / ratio) / 2
        line = torch.arange(side, dtype=torch.float32)[None]
        rows = (line - draw.uniform(0.0, side)[:, None]).abs() < half_height[:, None]
        columns = (line - draw.uniform(0.0, side)[:, None]).abs() < half_width[:, None]
        return views.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], 0.0)


@dataclass(frozen=True)
class _Draw:
    """Random numbers, one a face."""

    count: int
    generator: torch.Generator

    def uniform(self, low: float, high: float) -> Tensor:
        return torch.rand(self.count, generator=self.generator) * (high - low) + low

    def normal(self) -> Tensor:
        return torch.randn(self.count, generator=self.generator)

    def chosen(self, share: float) -> Tensor:
        return self.uniform(0.0, 1.0) < share


def _wide(values: Tensor) -> Tensor:
    """(n,) as (n, 1, 1, 1)."""
    return values.view(-1, 1, 1, 1)


def _damage(views: Tensor, share: float, draw: _Draw) -> Tensor:
    """Each with probability `share`: few pixels, blur, light from a side, harsh contrast, noise, a covered part.

    Standardised again, as serving does with a photo that looks so.
    """
    for hurt in (_shrink, _blur, _light_from_side, _saturate, _add_noise, _cover):
        views = torch.where(_wide(draw.chosen(share)), hurt(views, draw), views)
    views = views - views.mean(dim=(1, 2, 3), keepdim=True)
    return views / views.std(dim=(1, 2, 3), keepdim=True).clamp_min(1e-3)


def _shrink(views: Tensor, draw: _Draw) -> Tensor:
    """A face of 16 to 32 pixels, the same number for the whole batch."""
    small = int(torch.randint(16, 33, (1,), generator=draw.generator))
    fewer = functional.interpolate(views, (small, small), mode="bilinear", antialias=True, align_corners=False)
    return functional.interpolate(fewer, views.shape[-2:], mode="bicubic", align_corners=False)


def _blur(views: Tensor, draw: _Draw) -> Tensor:
    """Mixed with its blur (Gaussian, sigma of 1.5 pixels)."""
    line = torch.exp(-torch.arange(-4.0, 5.0).square() / (2 * 1.5**2))
    line = line / line.sum()
    blurred = functional.pad(views, (4, 4, 4, 4), mode="replicate")
    blurred = functional.conv2d(functional.conv2d(blurred, line.view(1, 1, 1, 9)), line.view(1, 1, 9, 1))
    return torch.lerp(views, blurred, _wide(draw.uniform(0.3, 1.0)))


def _light_from_side(views: Tensor, draw: _Draw) -> Tensor:
    """A ramp of greys across the crop, up to 1.2 standard deviations from the middle to a border."""
    side = views.shape[-1]
    line = torch.linspace(-1.0, 1.0, side)
    angle, strength = draw.uniform(0.0, 2 * math.pi), draw.uniform(0.3, 1.2)
    across, down = _wide(strength * torch.cos(angle)), _wide(strength * torch.sin(angle))
    return views + across * line.view(1, 1, 1, side) + down * line.view(1, 1, side, 1)


def _saturate(views: Tensor, draw: _Draw) -> Tensor:
    """Greys cut off at the dark or at the light end, as in a photo that is exposed too little or too much."""
    cut = _wide(draw.uniform(0.2, 1.5))
    return torch.where(_wide(draw.chosen(0.5)), torch.minimum(views, cut), torch.maximum(views, -cut))


def _add_noise(views: Tensor, draw: _Draw) -> Tensor:
    noise = torch.randn(views.shape, generator=draw.generator)
    return views + _wide(draw.uniform(0.1, 0.5)) * noise


def _cover(views: Tensor, draw: _Draw) -> Tensor:
    """One grey over a strip along a border, up to a quarter of the crop: a mask, a hand, a hat, a cut."""
    side = views.shape[-1]
    line = torch.arange(side, dtype=torch.float32)[None]
    covered = line < (draw.uniform(0.08, 0.25) * side)[:, None]
    covered = torch.where(draw.chosen(0.5)[:, None], covered.flip(1), covered)
    upright = _wide(draw.chosen(0.5))
    mask = torch.where(upright, covered[:, None, None, :], covered[:, None, :, None])
    return torch.where(mask, _wide(draw.normal()), views)

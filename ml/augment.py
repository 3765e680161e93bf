"""Random views of a face, made on the fly inside the training graph on whichever back end Keras runs.

Crops are float32 (n, 48, 48, 1), standardised; every step gives back the same shape.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

# uniform(count, low, high): count draws.
Uniform = Callable[[Any, float, float], Any]


def build_augmentation(
    *, shift: float, rotation: float, scale: float, erase: float, gamma: float, seed: int
) -> "keras.layers.Layer":
    """A layer that gives every crop of a batch another view in training and changes nothing otherwise.

    Args:
        shift: largest shift along each axis, as a share of the side.
        rotation: standard deviation of the rotation, in degrees.
        scale: largest relative change of size.
        erase: probability that a rectangle (2 to 20 % of the crop) is blanked.
        gamma: largest relative bend of the grey curve.
        seed: of the layer's own generator.
    """
    import keras
    from keras import ops, random

    class RandomView(keras.layers.Layer):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(dtype="float32", **kwargs)
            self.generator = random.SeedGenerator(seed)

        def call(self, crops: Any, training: bool = False) -> Any:
            if not training:
                return crops
            angle = random.normal((ops.shape(crops)[0],), stddev=rotation * 3.14159265 / 180, seed=self.generator)
            crops = move(crops, angle, self.uniform, shift=shift, scale=scale)
            crops = bend_greys(crops, self.uniform, gamma=gamma)
            return blank_rectangle(crops, self.uniform, erase=erase)

        def uniform(self, count: Any, low: float, high: float) -> Any:
            return random.uniform((count,), low, high, seed=self.generator)

    return RandomView(name="random_view")


def move(crops: Any, angle: Any, uniform: Uniform, *, shift: float, scale: float) -> Any:
    """Mirror, rotate by angle ((n,), radians), scale and shift in one resampling."""
    from keras import ops

    count, side = ops.shape(crops)[0], crops.shape[1]
    zoom = 1.0 / (1.0 + uniform(count, -scale, scale))
    mirror = ops.where(uniform(count, 0.0, 1.0) < 0.5, -1.0, 1.0)
    cos, sin = ops.cos(angle) * zoom, ops.sin(angle) * zoom
    center = (side - 1) / 2
    dx = center + uniform(count, -shift, shift) * side
    dy = center + uniform(count, -shift, shift) * side
    # Output pixel (x, y) reads input pixel (a0·x + a1·y + a2, b0·x + b1·y + b2), about the crop's centre.
    a0, a1, b0, b1 = cos * mirror, -sin, sin * mirror, cos
    a2 = dx - center * (a0 + a1)
    b2 = dy - center * (b0 + b1)
    zeros = ops.zeros_like(a0)
    matrix = ops.stack([a0, a1, a2, b0, b1, b2, zeros, zeros], axis=1)
    return ops.image.affine_transform(crops, matrix, interpolation="bilinear", fill_mode="nearest")


def bend_greys(crops: Any, uniform: Uniform, *, gamma: float) -> Any:
    """A quadratic bend of the standardised greys: what is left of gamma once crops are standardised."""
    from keras import ops

    bend = ops.reshape(uniform(ops.shape(crops)[0], -gamma, gamma), (-1, 1, 1, 1))
    return crops + bend * (ops.square(ops.clip(crops, -3.0, 3.0)) - 1.0)


def blank_rectangle(crops: Any, uniform: Uniform, *, erase: float) -> Any:
    """Set a random rectangle to the crop's mean (after Zhong et al. 2017, Random Erasing), with probability erase."""
    from keras import ops

    count, side = ops.shape(crops)[0], crops.shape[1]
    area = uniform(count, 0.02, 0.2) * side * side
    ratio = ops.exp(uniform(count, -0.9, 0.9))
    height, width = ops.sqrt(area * ratio) / 2, ops.sqrt(area / ratio) / 2
    y, x = uniform(count, 0.0, side), uniform(count, 0.0, side)
    chosen = uniform(count, 0.0, 1.0) < erase
    line = ops.arange(side, dtype="float32")
    rows = ops.abs(line[None, :] - y[:, None]) < ops.where(chosen, height, -1.0)[:, None]
    columns = ops.abs(line[None, :] - x[:, None]) < width[:, None]
    hole = ops.logical_and(rows[:, :, None], columns[:, None, :])
    return ops.where(hole[..., None], 0.0, crops)

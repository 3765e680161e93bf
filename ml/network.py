"""The networks that can be trained, by name; each maps a standardised 48×48 crop to seven logits."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ml.labels import LABELS
from ml.preprocess import SIDE

if TYPE_CHECKING:
    import keras

# The layer whose output is pooled into one vector a face; a training head may be attached to it.
FEATURES = "features"
# The layer that gives the seven logits.
LOGITS = "label"


def build_network(name: str, *, dropout: float = 0.3, dtype: str = "float32") -> "keras.Model":
    """Build an untrained network.

    Args:
        name: one of NETWORKS.
        dropout: share of the pooled features dropped in training, 0 to 1.
        dtype: Keras dtype policy, "float32" or "mixed_bfloat16".

    Returns:
        a Keras model: float32 (n, 48, 48, 1) to float32 logits (n, 7).

    Raises:
        ValueError: unknown name.
    """
    import keras

    if name not in NETWORKS:
        raise ValueError(f"unknown network {name!r}; choose one of {', '.join(sorted(NETWORKS))}")
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        crops = keras.Input((SIDE, SIDE, 1), name="crops")
        features = NETWORKS[name](crops)
        dropped = keras.layers.Dropout(dropout)(features)
        logits = keras.layers.Dense(len(LABELS), dtype="float32", name=LOGITS)(dropped)
        return keras.Model(crops, logits, name=name)
    finally:
        keras.config.set_dtype_policy(previous)


def cast_network(network: "keras.Model", dtype: str) -> "keras.Model":
    """A copy of a network with the same weights that computes under another Keras dtype policy.

    Its logits, and their mean where several networks are joined, stay in single precision, as build_network has it.

    Args:
        dtype: "float32" or "mixed_bfloat16".
    """
    import keras

    kept = (keras.layers.InputLayer, keras.layers.Average)

    def cast(layer: "keras.Layer") -> "keras.Layer":
        settings = layer.get_config()
        if layer.name != LOGITS and not isinstance(layer, kept):
            settings["dtype"] = dtype
        return layer.__class__.from_config(settings)

    copy = keras.models.clone_model(network, clone_function=cast, recursive=True)
    copy.set_weights(network.get_weights())
    return copy


def _conv(x: "keras.KerasTensor", width: int, size: int = 3) -> "keras.KerasTensor":
    from keras import layers

    x = layers.Conv2D(width, size, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
    x = layers.BatchNormalization()(x)
    return layers.Activation("relu")(x)


def _vgg(widths: tuple[int, ...], depth: int) -> "Callable[[keras.KerasTensor], keras.KerasTensor]":
    """Blocks of 3×3 conv-BN-ReLU, halved in size between them, pooled at 6×6 (after Pramerdorfer & Kampel 2016)."""

    def build(x: "keras.KerasTensor") -> "keras.KerasTensor":
        from keras import layers

        for block, width in enumerate(widths):
            if block:
                x = layers.MaxPooling2D()(x)
            for _ in range(depth):
                x = _conv(x, width)
        return layers.GlobalAveragePooling2D(name=FEATURES)(x)

    return build


def _resnet(widths: tuple[int, ...]) -> "Callable[[keras.KerasTensor], keras.KerasTensor]":
    """A 3×3 stem and one basic residual block a size, its last scale starting at zero (after He et al. 2016)."""

    def build(x: "keras.KerasTensor") -> "keras.KerasTensor":
        from keras import layers

        x = _conv(x, widths[0])
        for block, width in enumerate(widths):
            if block:
                x = layers.MaxPooling2D()(x)
            y = _conv(x, width)
            y = layers.Conv2D(width, 3, padding="same", use_bias=False, kernel_initializer="he_normal")(y)
            y = layers.BatchNormalization(gamma_initializer="zeros")(y)
            if x.shape[-1] != width:
                x = layers.Conv2D(width, 1, use_bias=False, kernel_initializer="he_normal")(x)
                x = layers.BatchNormalization()(x)
            x = layers.Activation("relu")(layers.Add()([x, y]))
        return layers.GlobalAveragePooling2D(name=FEATURES)(x)

    return build


def _mini_xception(x: "keras.KerasTensor") -> "keras.KerasTensor":
    """Residual blocks of depthwise separable convolutions (after mini-XCEPTION, Arriaga, Valdenegro & Plöger 2017).

    Their last convolution gives the seven logits before pooling; here a dense layer behind the pooling does the same.
    """
    from keras import layers

    for width in (8, 8):
        x = _conv(x, width)
    for width in (16, 32, 64, 128):
        shortcut = layers.Conv2D(width, 1, strides=2, padding="same", use_bias=False)(x)
        shortcut = layers.BatchNormalization()(shortcut)
        x = layers.SeparableConv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.Activation("relu")(layers.BatchNormalization()(x))
        x = layers.SeparableConv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.Add()([layers.MaxPooling2D(3, strides=2, padding="same")(x), shortcut])
    return layers.GlobalAveragePooling2D(name=FEATURES)(x)


def _lenet(x: "keras.KerasTensor") -> "keras.KerasTensor":
    """LeNet-5 as it is taught on MNIST: two 5×5 convolutions, two dense layers (after LeCun et al. 1998)."""
    from keras import layers

    for width in (6, 16):
        x = layers.Conv2D(width, 5, activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Dense(120, activation="relu")(layers.Flatten()(x))
    return layers.Dense(84, activation="relu", name=FEATURES)(x)


NETWORKS: "dict[str, Callable[[keras.KerasTensor], keras.KerasTensor]]" = {
    "lenet": _lenet,
    "mini-xception": _mini_xception,
    "vgg-tiny": _vgg((8, 16, 32, 64), 1),
    "vgg-small": _vgg((32, 64, 128, 256), 2),
    "vgg-half": _vgg((32, 64, 128, 256), 3),
    "resnet-small": _resnet((32, 64, 128, 256)),
}

"""The same network twice: what Keras describes, built again as a PyTorch module, its weights copied over and back."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.network import FEATURES

if TYPE_CHECKING:
    import keras


class TorchNetwork(nn.Module):
    """A Keras network of ml.network, or several joined by ml.ensemble, as a PyTorch module with the same weights.

    Args:
        network: a functional Keras model of one input and one output; it stays as it is.

    Raises:
        ValueError: a layer, or a setting of one, that has no counterpart here.
    """

    def __init__(self, network: "keras.Model") -> None:
        super().__init__()
        described = network.get_config()
        self.keras_layers = {layer["name"]: network.get_layer(layer["name"]) for layer in described["layers"]}
        self.steps = [(layer["name"], tuple(_find_sources(layer["inbound_nodes"]))) for layer in described["layers"]]
        self.last = _first_name(described["output_layers"])
        made = {name: _translate(layer) for name, layer in self.keras_layers.items()}
        self.parts = nn.ModuleDict(made)
        pooled = self.keras_layers.get(FEATURES)
        # How many numbers the pooled features are; 0 where several networks are joined and there are no common ones.
        self.features = 0 if pooled is None else int(pooled.output.shape[-1])
        self.read_weights()
        self.to(memory_format=torch.channels_last)

    def forward(self, crops: Tensor) -> Tensor:
        """Logits (n, 7) of float32 crops (n, 1, 48, 48)."""
        return self.look(crops)[0]

    def look(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (n, 7) and the pooled features (n, width) of crops (n, 1, 48, 48); without features the logits."""
        found: dict[str, Tensor] = {}
        for name, sources in self.steps:
            found[name] = self.parts[name](*[found[source] for source in sources] or [crops])
        return found[self.last], found.get(FEATURES, found[self.last])

    @torch.no_grad()
    def read_weights(self) -> None:
        """Take over the weights that the Keras network has now."""
        for name, layer in self.keras_layers.items():
            part = self.parts[name]
            if isinstance(part, TorchNetwork):
                part.read_weights()
                continue
            for (tensor, to_torch, _), value in zip(_weights(part), layer.get_weights(), strict=True):
                tensor.copy_(to_torch(torch.from_numpy(value.copy())))

    @torch.no_grad()
    def write_weights(self) -> None:
        """Give the Keras network the weights that this one has now."""
        for name, layer in self.keras_layers.items():
            part = self.parts[name]
            if isinstance(part, TorchNetwork):
                part.write_weights()
            elif weights := list(_weights(part)):
                layer.set_weights([to_keras(tensor.detach()).numpy() for tensor, _, to_keras in weights])


class _Same(nn.Module):
    """Padding as TensorFlow has it for "same": of an odd number of pixels, the larger half at the end."""

    def __init__(self, size: int, stride: int, value: float) -> None:
        super().__init__()
        self.size, self.stride, self.value = size, stride, value

    def forward(self, x: Tensor) -> Tensor:
        missing = [max((-(-side // self.stride) - 1) * self.stride + self.size - side, 0) for side in x.shape[:1:-1]]
        if not any(missing):
            return x
        return functional.pad(x, [n for side in missing for n in (side // 2, side - side // 2)], value=self.value)


class _Flatten(nn.Module):
    """Rows, columns, channels: Keras' order."""

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(0, 2, 3, 1).flatten(1)


class _Pool(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(2, 3))


class _Add(nn.Module):
    def forward(self, *parts: Tensor) -> Tensor:
        return cast(Tensor, sum(parts[1:], parts[0]))


class _Average(nn.Module):
    def forward(self, *parts: Tensor) -> Tensor:
        return torch.stack(parts).mean(dim=0)


def _translate(layer: "keras.Layer") -> nn.Module:
    import keras

    if isinstance(layer, keras.Model):
        return TorchNetwork(layer)
    made = _MAKERS.get(type(layer).__name__)
    if made is None:
        raise ValueError(f"the layer {layer.name} ({type(layer).__name__}) cannot be trained with PyTorch")
    return made(layer)


def _make_conv(layer: Any) -> nn.Module:
    channels, size, stride = _kernel_shape(layer)[-2], layer.kernel_size[0], layer.strides[0]
    conv = nn.Conv2d(channels, layer.filters, size, stride, bias=layer.use_bias, padding=_padding(layer, size, stride))
    return nn.Sequential(*_padded(layer, size, stride, 0.0), conv, *_activation(layer))


def _make_separable(layer: Any) -> nn.Module:
    channels, size = _kernel_shape(layer)[-2], layer.kernel_size[0]
    if layer.depth_multiplier != 1 or layer.strides[0] != 1 or layer.use_bias:
        raise ValueError(f"the layer {layer.name} has settings that cannot be trained with PyTorch")
    deep = nn.Conv2d(channels, channels, size, bias=False, groups=channels, padding=_padding(layer, size, 1))
    return nn.Sequential(deep, nn.Conv2d(channels, layer.filters, 1, bias=False), *_activation(layer))


def _kernel_shape(layer: Any) -> tuple[int, ...]:
    return tuple(layer.weights[0].shape)


def _padding(layer: Any, size: int, stride: int) -> int:
    return size // 2 if layer.padding == "same" and stride == 1 and size % 2 else 0


def _padded(layer: Any, size: int, stride: int, value: float) -> list[nn.Module]:
    """Where PyTorch cannot pad as Keras does by itself."""
    return [_Same(size, stride, value)] if layer.padding == "same" and (stride > 1 or not size % 2) else []


def _make_pooling(layer: Any) -> nn.Module:
    size, stride = layer.pool_size[0], layer.strides[0]
    return nn.Sequential(*_padded(layer, size, stride, float("-inf")), nn.MaxPool2d(size, stride))


def _make_normalisation(layer: Any) -> nn.Module:
    return nn.BatchNorm2d(_kernel_shape(layer)[0], eps=layer.epsilon, momentum=1.0 - layer.momentum)


def _make_dense(layer: Any) -> nn.Module:
    return nn.Sequential(nn.Linear(*_kernel_shape(layer), bias=layer.use_bias), *_activation(layer))


def _activation(layer: Any) -> list[nn.Module]:
    name = layer.activation.__name__
    if name not in ("linear", "relu"):
        raise ValueError(f"the layer {layer.name} has the activation {name}, which cannot be trained with PyTorch")
    return [nn.ReLU(inplace=True)] if name == "relu" else []


_MAKERS: dict[str, Callable[[Any], nn.Module]] = {
    "InputLayer": lambda layer: nn.Identity(),
    "Conv2D": _make_conv,
    "SeparableConv2D": _make_separable,
    "BatchNormalization": _make_normalisation,
    "MaxPooling2D": _make_pooling,
    "Activation": lambda layer: nn.Sequential(*_activation(layer)),
    "Add": lambda layer: _Add(),
    "Average": lambda layer: _Average(),
    "GlobalAveragePooling2D": lambda layer: _Pool(),
    "Flatten": lambda layer: _Flatten(),
    "Dropout": lambda layer: nn.Dropout(layer.rate),
    "Dense": _make_dense,
}
_Turn = Callable[[Tensor], Tensor]


def _weights(part: nn.Module) -> Iterator[tuple[Tensor, _Turn, _Turn]]:
    """The tensors of a layer in Keras' order, each with the ways from Keras' layout and back."""
    for module in part.modules():
        if isinstance(module, nn.Conv2d):
            # Keras: rows, columns, channels in, out; one filter a channel: rows, columns, channels, 1.
            order, back = ((2, 3, 0, 1), (2, 3, 0, 1)) if module.groups > 1 else ((3, 2, 0, 1), (2, 3, 1, 0))
            yield module.weight, _permuting(order), _permuting(back)
        elif isinstance(module, nn.Linear):
            yield module.weight, torch.t, torch.t
        elif isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
                yield cast(Tensor, tensor), torch.clone, torch.clone
            continue
        else:
            continue
        if module.bias is not None:
            yield module.bias, torch.clone, torch.clone


def _permuting(order: tuple[int, ...]) -> _Turn:
    return lambda kernel: kernel.permute(order)


def _find_sources(nodes: Any) -> Iterator[str]:
    """The names of the layers whose outputs a layer reads, in order, out of its saved form."""
    if isinstance(nodes, dict) and nodes.get("class_name") == "__keras_tensor__":
        yield nodes["config"]["keras_history"][0]
    elif isinstance(nodes, dict):
        for value in nodes.values():
            yield from _find_sources(value)
    elif isinstance(nodes, list | tuple):
        for value in nodes:
            yield from _find_sources(value)


def _first_name(layers: Any) -> str:
    """Keras writes one output as [name, 0, 0], or as a list of one of these."""
    return layers if isinstance(layers, str) else _first_name(layers[0])

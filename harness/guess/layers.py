"""The layers that images go through in a method, found by reading it, and the shapes that they have on the way."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["ACTIVATIONS", "SHAPERS", "Layer", "after", "fits"]

ACTIVATIONS: Mapping[str, str] = {
    "Sigmoid": "sigmoid", "sigmoid": "sigmoid", "sigmoid_": "sigmoid", "Tanh": "tanh", "tanh": "tanh", "ReLU": "relu",
    "relu": "relu", "ReLU6": "relu", "Softplus": "softplus", "softplus": "softplus", "exp": "exp", "sqrt": "sqrt",
    "clamp": "clamp", "clip": "clamp", "hardtanh": "tanh", "Hardtanh": "tanh", "Hardsigmoid": "sigmoid",
}
"""Layers and functions that bound what goes through them, by one name for each."""

SHAPERS = frozenset({"view", "reshape", "flatten", "Flatten", "Unflatten", "squeeze", "unsqueeze", "View", "Reshape"})
"""What changes a shape and nothing else."""

SAME = frozenset({
    "LeakyReLU", "leaky_relu", "ELU", "elu", "GELU", "gelu", "SiLU", "silu", "PReLU", "SELU", "selu", "Mish",
    "Dropout", "dropout", "Dropout2d", "BatchNorm1d", "BatchNorm2d", "InstanceNorm2d", "GroupNorm", "LayerNorm",
    "Identity", "to", "float", "contiguous", "clone", "Softmax", "detach", "cuda", "cpu", "spectral_norm", "half",
    "arithmetic", *ACTIVATIONS,
})


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer or function that images go through.

    Attributes:
        name: of its class or function: "Linear", "relu", "view".
        given: what it is given, in order; UNKNOWN where that is not literal.
        named: what it is given by name.
        line: where it stands.

    """

    name: str
    given: tuple[Any, ...] = ()
    named: Mapping[str, Any] = field(default_factory=dict)
    line: int = 0

    def argument(self, place: int, *names: str, otherwise: Any = None) -> Any:
        """Give an argument by its place or one of its names."""
        if 0 <= place < len(self.given):
            return self.given[place]
        return next((self.named[name] for name in names if name in self.named), otherwise)

    @property
    def bound(self) -> str | None:
        """Name the bounding function that it is."""
        return ACTIVATIONS.get(self.name)


class _MismatchError(Exception):
    """The numbers of two layers do not fit."""


def after(layers: Sequence[Layer], shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """Give the shape (without the batch) of what comes out; None where layers do not fit or are not known.

    >>> after([Layer("Conv2d", (1, 8, 4, 4)), Layer("Flatten"), Layer("Linear", (392, 8))], (1, 28, 28))
    (8,)
    >>> after([Layer("Conv2d", (1, 8, 4, 4)), Layer("Flatten"), Layer("Linear", (392, 8))], (1, 32, 32)) is None
    True
    """
    known: tuple[int, ...] | None = shape
    try:
        for layer in layers:
            if known is not None:
                known = _through(layer, known)
    except _MismatchError:
        return None
    return known


def fits(layers: Sequence[Layer], shape: tuple[int, ...]) -> bool:
    """Say whether images of a shape go through layers, as far as these are known.

    >>> fits([Layer("Flatten"), Layer("Linear", (784, 20))], (1, 28, 28))
    True
    """
    try:
        for layer in layers:
            known = _through(layer, shape)
            if known is None:
                return True
            shape = known
    except _MismatchError:
        return False
    return True


def _through(layer: Layer, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """Give the shape after one layer; None where it cannot be known."""
    if layer.name in SAME:
        return shape
    if layer.name == "Linear":
        return _multiplied(layer, shape)
    if layer.name in {"Flatten", "flatten"}:
        return (math.prod(shape),)
    if layer.name in SHAPERS:
        return _reshaped(layer, shape)
    return _spatial(layer, shape) if len(shape) == 3 else None


def _multiplied(layer: Layer, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    inside, outside = layer.argument(0, "in_features"), layer.argument(1, "out_features")
    if not isinstance(inside, int) or not isinstance(outside, int):
        return None
    if shape[-1] != inside:
        raise _MismatchError
    return (*shape[:-1], outside)


def _reshaped(layer: Layer, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    if layer.name == "Unflatten":
        wanted = layer.argument(1, "unflattened_size")
    elif layer.given and isinstance(layer.given[0], tuple):
        wanted = layer.given[0][1:]
    else:
        wanted = tuple(layer.given[1:])
    if not isinstance(wanted, (tuple, list)) or not wanted or not all(isinstance(length, int) for length in wanted):
        return None
    wanted = tuple(wanted)
    if wanted.count(-1) == 1:
        rest = math.prod(length for length in wanted if length != -1)
        if not rest or math.prod(shape) % rest:
            raise _MismatchError
        wanted = tuple(math.prod(shape) // rest if length == -1 else length for length in wanted)
    if math.prod(wanted) != math.prod(shape):
        raise _MismatchError
    return wanted


def _spatial(layer: Layer, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """Give the shape after a convolution or pooling, by the formulas of their documentation in PyTorch."""
    channels, height, width = shape
    if layer.name in {"Conv2d", "ConvTranspose2d"}:
        inside, outside = layer.argument(0, "in_channels"), layer.argument(1, "out_channels")
        if isinstance(inside, int) and inside != channels:
            raise _MismatchError
        sizes = [_convolved(layer, side, axis) for axis, side in enumerate((height, width))]
        if not isinstance(outside, int) or None in sizes:
            return None
        return (outside, *(size for size in sizes if size is not None))
    if layer.name in {"MaxPool2d", "AvgPool2d", "max_pool2d", "avg_pool2d"}:
        at = 1 if layer.name.islower() else 0
        kernel = _pair(layer.argument(at, "kernel_size"), 0)
        stride = _pair(layer.argument(at + 1, "stride", otherwise=kernel), 0)
        if kernel is None or not stride:
            return None
        return channels, (height - kernel) // stride + 1, (width - kernel) // stride + 1
    if layer.name in {"Upsample", "UpsamplingNearest2d", "interpolate"}:
        scale = layer.named.get("scale_factor")
        return (channels, int(height * scale), int(width * scale)) if isinstance(scale, (int, float)) else None
    return None


def _convolved(layer: Layer, side: int, axis: int) -> int | None:
    kernel = _pair(layer.argument(2, "kernel_size"), axis)
    stride = _pair(layer.argument(3, "stride", otherwise=1), axis)
    padding = layer.argument(4, "padding", otherwise=0)
    if padding == "same":
        return side
    padding = _pair(padding, axis)
    extra = _pair(layer.argument(5, "output_padding", otherwise=0), axis) if layer.name == "ConvTranspose2d" else 0
    dilation = _pair(layer.named.get("dilation", 1), axis)
    if kernel is None or not stride or padding is None or extra is None or dilation is None:
        return None
    if layer.name == "Conv2d":
        size = (side + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    else:
        size = (side - 1) * stride - 2 * padding + dilation * (kernel - 1) + extra + 1
    if size < 1:
        raise _MismatchError
    return size


def _pair(value: Any, axis: int) -> int | None:
    if isinstance(value, (tuple, list)) and len(value) == 2:
        value = value[axis]
    return value if isinstance(value, int) else None

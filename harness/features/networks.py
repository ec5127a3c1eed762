"""The two small networks that perceptual measurements look through. Imported only where torch is needed.

Both give 64 linear features, normalised over the batch in training, and classify by one linear layer on top
of them: linear features cannot die as rectified ones do, so that the covariance a Fréchet distance needs has
full rank. They are built differently on purpose. What deceives one network, by chance or by intent, seldom
deceives a second one that sees differently.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

__all__ = ["FEATURES", "NETWORKS", "CounterJudge", "Judge", "Network", "for_inference", "multiply_adds"]

FEATURES = 64
CLASS_COUNT = 10


class Network(nn.Module):
    """A trunk that gives 64 features, and the linear layer that classifies by them."""

    def __init__(self, trunk: nn.Module, width: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.dropout = nn.Dropout(0.2)
        self.project = nn.Linear(width, FEATURES, bias=False)
        self.normalise: nn.Module = nn.BatchNorm1d(FEATURES)
        self.classify = nn.Linear(FEATURES, CLASS_COUNT)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Give features (N, 64) and class logits (N, 10) of images (N, 1, 28, 28) in [0, 1]."""
        hidden = self.trunk(images).flatten(1)
        features = self.normalise(self.project(self.dropout(hidden)))
        return features, self.classify(features)


class _Normalised(nn.Sequential):
    """A convolution whose output is normalised over the batch."""

    def __init__(self, inputs: int, outputs: int, size: int, *, stride: int = 1) -> None:
        convolution = nn.Conv2d(inputs, outputs, size, stride=stride, padding=size // 2, bias=False)
        super().__init__(convolution, nn.BatchNorm2d(outputs))

    def folded(self) -> nn.Conv2d:
        """Give the one convolution that does the same once training is over."""
        convolution, normalisation = self
        assert isinstance(convolution, nn.Conv2d)  # noqa: S101 - so it was made above
        assert isinstance(normalisation, nn.BatchNorm2d)  # noqa: S101 - likewise
        return fuse_conv_bn_eval(convolution, normalisation)


class Judge(Network):
    """Three strided 3x3 convolutions with rectified units, all of whose positions reach the features."""

    def __init__(self) -> None:
        trunk = nn.Sequential(
            _Normalised(1, 32, 3, stride=2), nn.ReLU(),
            _Normalised(32, 64, 3, stride=2), nn.ReLU(),
            _Normalised(64, 128, 3, stride=2), nn.ReLU(),
        )
        super().__init__(trunk, 128 * 4 * 4)


class _Residual(nn.Module):
    """Two 3x3 convolutions added to what came in (He et al. 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _Normalised(channels, channels, 3)
        self.second = _Normalised(channels, channels, 3)

    def forward(self, hidden: Tensor) -> Tensor:
        out: Tensor = nn.functional.silu(hidden + self.second(nn.functional.silu(self.first(hidden))))
        return out


class CounterJudge(Network):
    """Two strided 5x5 convolutions, one residual block, SiLU units, and averages over overlapping regions."""

    def __init__(self) -> None:
        trunk = nn.Sequential(
            _Normalised(1, 24, 5, stride=2), nn.SiLU(),
            _Normalised(24, 48, 5, stride=2), nn.SiLU(),
            _Residual(48), nn.AdaptiveAvgPool2d(4),
        )
        super().__init__(trunk, 48 * 4 * 4)


NETWORKS: dict[str, Callable[[], Network]] = {"judge": Judge, "counter": CounterJudge}


def multiply_adds(network: Network) -> int:
    """Count the multiplications, each with its addition, that the layers do for one image."""
    total = 0

    def count(layer: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        assert isinstance(layer.weight, Tensor)  # noqa: S101 - every layer that is hooked has weights
        total += output[0].numel() * layer.weight[0].numel()

    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    with torch.inference_mode():
        network.eval()(torch.zeros(1, 1, 28, 28))
    for hook in hooks:
        hook.remove()
    return total


def for_inference(network: Network) -> nn.Module:
    """Fold every normalisation, and the division of grey levels by 255, into the layer before or after it.

    The result takes images (N, 1, 28, 28) in [0, 255] and gives the same features and logits, three times
    faster.
    """
    network.eval().requires_grad_(requires_grad=False)
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, _Normalised):
                setattr(parent, name, child.folded())
    if isinstance(network.normalise, nn.BatchNorm1d):
        network.project = fuse_linear_bn_eval(network.project, network.normalise)
    network.normalise = nn.Identity()
    next(layer for layer in network.modules() if isinstance(layer, nn.Conv2d)).weight.div_(255)
    return network.to(memory_format=torch.channels_last)

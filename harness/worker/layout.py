"""Which order the numbers of convolutions lie in: channels last is about twice as fast on a CPU.

The values are the same up to rounding, and code that asks for shapes sees no difference. Code that asks for the order
itself, as `view` over several axes does, raises RuntimeError; it gets back the order it was written for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import nn

__all__ = ["channels_first", "channels_last"]


def channels_last(modules: Iterable[nn.Module]) -> bool:
    """Lay the kernels of two-dimensional convolutions channels last; say whether there were any."""
    found = False
    for kernel in _kernels(modules):
        kernel.data = kernel.data.contiguous(memory_format=torch.channels_last)
        found = True
    return found


def channels_first(modules: Iterable[nn.Module]) -> None:
    """Lay them in torch's usual order again."""
    for kernel in _kernels(modules):
        kernel.data = kernel.data.contiguous()


def _kernels(modules: Iterable[nn.Module]) -> Iterator[nn.Parameter]:
    """Find kernels that are parameters of their own: those that are computed, as by spectral norm, stay."""
    for module in modules:
        for part in module.modules():
            if isinstance(part, (nn.Conv2d, nn.ConvTranspose2d)):
                kernel = part._parameters.get("weight")
                if kernel is not None:
                    yield kernel

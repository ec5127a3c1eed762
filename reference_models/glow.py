"""Glow: the flow that mixes channels by invertible 1 x 1 convolutions.

RealNVP chooses by hand which variables stay and which change. Glow lets the flow learn it. Each of its steps
is a chain of three invertible maps, whose log determinants add up:

    activation norm       y = s x + b              h w sum log |s|         one s and b for each channel
    1 x 1 convolution     y = W x  at each place   h w log |det W|         a permutation that can be learned
    affine coupling       as in RealNVP            sum log scale           one half decides on the other

Papers:
    Kingma & Dhariwal, "Glow", 2018, https://arxiv.org/abs/1807.03039 (table 1 is the list above)
    Dinh et al., "Density estimation using Real NVP", 2017, https://arxiv.org/abs/1605.08803
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from realnvp import AffineCoupling, RealNVP, channel_mask

__all__ = ["ActNorm", "Glow", "InvertibleConvolution"]


class Glow(RealNVP):
    """Glow of two scales: steps on 14 x 14 x 4 variables, of which half go on to 7 x 7 x 8.

    Args:
        steps: steps of flow at each of the two scales.
        channels: feature maps in the coupling networks.
        epochs: how often `fit` sees every training image.
        margin: how far from 0 and 1 intensities are kept before the logit.

    """

    def __init__(self, *, steps: int = 8, channels: int = 48, epochs: int = 5, margin: float = 0.002) -> None:
        super().__init__(couplings=0, epochs=epochs, margin=margin)
        self.levels = nn.ModuleList([
            nn.ModuleList([
                layer for _ in range(steps)
                for layer in (
                    ActNorm(size), InvertibleConvolution(size),
                    AffineCoupling(channel_mask(size), coupling_network(size, channels)),
                )
            ])
            for size in (4, 8)
        ])

    @torch.no_grad()
    def prepare(self, images: Tensor) -> None:
        """Set the activation norms, too, by one pass of the first images."""
        super().prepare(images)
        self.to_latent(images)


class ActNorm(nn.Module):
    """Scale and shift each channel; at first such that training images leave it with mean 0 and variance 1.

    Batch norm makes an image's density depend on its batch. This has learned numbers instead.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.shift = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.ready: Tensor
        self.register_buffer("ready", torch.tensor(False))      # noqa: FBT003  # torch.tensor has no keyword

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Give y, of the shape of x, and log |det|, (N,)."""
        if self.training and not self.ready:
            self.initialise(x)
        height, width = x.shape[-2:]
        log_det = height * width * self.log_scale.sum()
        return x * torch.exp(self.log_scale) + self.shift, log_det.expand(len(x))

    def inverse(self, y: Tensor) -> Tensor:
        """Give the x of which y was made."""
        return (y - self.shift) * torch.exp(-self.log_scale)

    @torch.no_grad()
    def initialise(self, x: Tensor) -> None:
        """Set scale and shift by the statistics of a batch (section 3.1 of Glow)."""
        deviation, mean = torch.std_mean(x, dim=(0, 2, 3), keepdim=True)
        self.log_scale.copy_(-torch.log(deviation + 1e-6))
        self.shift.copy_(-mean / (deviation + 1e-6))
        self.ready.fill_(True)      # noqa: FBT003  # likewise


class InvertibleConvolution(nn.Module):
    """Mix the channels of each place by one matrix W, which begins as a random rotation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.linalg.qr(torch.randn(channels, channels))[0])

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Give y, of the shape of x, and log |det|, (N,)."""
        height, width = x.shape[-2:]
        log_det = height * width * torch.linalg.slogdet(self.weight)[1]
        return functional.conv2d(x, self.weight[:, :, None, None]), log_det.expand(len(x))

    def inverse(self, y: Tensor) -> Tensor:
        """Give the x of which y was made."""
        return functional.conv2d(y, torch.linalg.inv(self.weight)[:, :, None, None])


def coupling_network(size: int, channels: int) -> nn.Sequential:
    """Give the network of a coupling: (N, C, H, W) -> (N, 2 C, H, W); zero at first, as in the paper."""
    last = nn.Conv2d(channels, 2 * size, 3, padding=1)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)       # type: ignore[arg-type]  # it is there unless bias=False
    return nn.Sequential(
        nn.Conv2d(size, channels, 3, padding=1), nn.ReLU(),
        nn.Conv2d(channels, channels, 1), nn.ReLU(),
        last,
    )

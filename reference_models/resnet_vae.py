"""The variational autoencoder with residual networks.

A deeper network can compute more, but is harder to train. In a residual network each block only adds a
correction to what it was given, so that the gradient has a short way to every layer, and a block that has
nothing to add does no harm: it begins as the identity here. The model is `vae.py` all the same; its two
networks are exchanged once more.

Papers:
    Kingma & Welling, "Auto-Encoding Variational Bayes", 2014, https://arxiv.org/abs/1312.6114
    He et al., "Identity mappings in deep residual networks", 2016, https://arxiv.org/abs/1603.05027
    Bachlechner et al., "ReZero is all you need", 2021, https://arxiv.org/abs/2003.04887 (`strength`)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from training import Progress, train
from vae import VAE

__all__ = ["ResNetVAE", "ResidualBlock"]


class ResNetVAE(VAE):
    """A VAE whose encoder and decoder have residual blocks at 14 x 14 and at 7 x 7.

    Args:
        code_size: how many numbers a code has.
        channels: feature maps at 14 x 14; at 7 x 7 there are twice as many.
        beta: weight of the KL divergence; 1 is the ELBO.
        epochs: how often `fit` sees every training image.
        importance_samples: codes that `log_prob` draws for each image.

    """

    def __init__(
        self, *, code_size: int = 20, channels: int = 32, beta: float = 1.0, epochs: int = 10,
        importance_samples: int = 8,
    ) -> None:
        super().__init__(code_size=code_size, beta=beta, epochs=epochs, importance_samples=importance_samples)
        c = channels
        self.encoder = nn.Sequential(                                         # (N, 1, 28, 28)
            nn.Conv2d(1, c, 4, stride=2, padding=1), ResidualBlock(c),        # -> (N, c, 14, 14)
            nn.Conv2d(c, 2 * c, 4, stride=2, padding=1),                      # -> (N, 2c, 7, 7)
            ResidualBlock(2 * c), ResidualBlock(2 * c), nn.ReLU(),
            nn.Flatten(),                                                     # -> (N, 98 c)
            nn.Linear(98 * c, 2 * code_size),                                 # -> (N, 2 d)
        )
        self.decoder = nn.Sequential(                                         # (N, d)
            nn.Linear(code_size, 98 * c),                                     # -> (N, 98 c)
            nn.Unflatten(1, (2 * c, 7, 7)),                                   # -> (N, 2c, 7, 7)
            ResidualBlock(2 * c), ResidualBlock(2 * c),
            nn.ConvTranspose2d(2 * c, c, 4, stride=2, padding=1),             # -> (N, c, 14, 14)
            ResidualBlock(c), nn.ReLU(),
            nn.ConvTranspose2d(c, 1, 4, stride=2, padding=1),                 # -> (N, 1, 28, 28): logits
        )

    def fit(
        self, images: Tensor, labels: Tensor | None = None, *, seed: int, device: str = "cpu",
        deadline: float = math.inf, progress: Progress | None = None,
    ) -> None:
        """Train on images (N, 1, 28, 28), with steps that shrink towards the end; labels are not used."""
        del labels
        train(
            self, self.loss, images, epochs=self.epochs, batch_size=64, learning_rate=2e-3, anneal=True,
            seed=seed, device=device, deadline=deadline, progress=progress,
        )


class ResidualBlock(nn.Module):
    """Add a correction to the input: ReLU, 3 x 3 to half the channels, ReLU, 1 x 1 back to all of them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            nn.ReLU(), nn.Conv2d(channels, channels // 2, 3, padding=1),
            nn.ReLU(), nn.Conv2d(channels // 2, channels, 1),
        )
        self.strength = nn.Parameter(torch.zeros(()))       # 0: the block begins as the identity

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        y: Tensor = x + self.strength * self.change(x)
        return y

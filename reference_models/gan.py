"""The generative adversarial network with fully connected networks.

Two networks play against each other. The generator G turns noise z into an image; the discriminator D gives
the probability that an image is a real one. D is trained to tell real from made, G to be taken for real:

    D maximises   E_x [ log D(x) ] + E_z [ log(1 - D(G(z))) ]
    G maximises   E_z [ log D(G(z)) ]

The second line is the *non-saturating* loss. The game as first written has G minimise log(1 - D(G(z))), whose
gradient vanishes exactly where G needs it, while D still sees through everything (Goodfellow, section 3).
No likelihood is ever computed: a GAN can draw images but cannot say how probable one is.

Papers:
    Goodfellow et al., "Generative Adversarial Nets", 2014, https://arxiv.org/abs/1406.2661
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.contract import GenerativeModel, from_symmetric, to_symmetric

from adversarial import train_adversarially
from training import Progress

__all__ = ["GAN"]


class GAN(nn.Module, GenerativeModel):
    """Goodfellow's GAN: noise - 256 - 512 - 784 pixels against 784 pixels - 512 - 256 - one logit.

    Args:
        noise_size: how many numbers of noise the generator starts from.
        hidden: width of the narrower hidden layers; the wider ones have twice as many units.
        epochs: how often `fit` sees every training image.

    """

    def __init__(self, *, noise_size: int = 64, hidden: int = 256, epochs: int = 40) -> None:
        super().__init__()
        self.noise_size = noise_size
        self.epochs = epochs
        self.generator: nn.Module = nn.Sequential(
            nn.Linear(noise_size, hidden), nn.ReLU(),                               # (N, d) -> (N, h)
            nn.Linear(hidden, 2 * hidden), nn.BatchNorm1d(2 * hidden), nn.ReLU(),   # -> (N, 2 h)
            nn.Linear(2 * hidden, 784), nn.Tanh(),                                  # -> (N, 784) in [-1, 1]
            nn.Unflatten(1, (1, 28, 28)),                                           # -> (N, 1, 28, 28)
        )
        self.discriminator: nn.Module = nn.Sequential(
            nn.Flatten(),                                                           # -> (N, 784)
            nn.Linear(784, 2 * hidden), nn.LeakyReLU(0.2), nn.Dropout(0.3),         # -> (N, 2 h)
            nn.Linear(2 * hidden, hidden), nn.LeakyReLU(0.2), nn.Dropout(0.3),      # -> (N, h)
            nn.Linear(hidden, 1),                                                   # -> (N, 1): logit of D
        )

    # -- the game --------------------------------------------------------------------------------------

    def generate(self, count: int) -> Tensor:
        """Give G(z) for drawn noise: (count, 1, 28, 28) in [-1, 1]."""
        device = next(self.parameters()).device
        fake: Tensor = self.generator(torch.randn(count, self.noise_size, device=device))
        return fake

    def discriminator_loss(self, images: Tensor) -> Tensor:
        """Give -E [log D(x)] - E [log(1 - D(G(z)))] over a batch of images in [-1, 1].

        With D the logistic function of a logit a: -log D = softplus(-a) and -log(1 - D) = softplus(a).
        """
        with torch.no_grad():
            fake = self.generate(len(images))
        real_logits, fake_logits = self.discriminator(images), self.discriminator(fake)     # (B, 1) each
        return functional.softplus(-real_logits).mean() + functional.softplus(fake_logits).mean()

    def generator_loss(self, images: Tensor) -> Tensor:
        """Give the non-saturating loss -E [log D(G(z))] for as many fakes as the batch has images."""
        return functional.softplus(-self.discriminator(self.generate(len(images)))).mean()

    # -- the contract ----------------------------------------------------------------------------------

    def fit(
        self, images: Tensor, labels: Tensor | None = None, *, seed: int, device: str = "cpu",
        deadline: float = math.inf, progress: Progress | None = None,
    ) -> None:
        """Train on images (N, 1, 28, 28); labels are not used."""
        del labels
        train_adversarially(
            self, self.generator, self.discriminator, self.generator_loss, self.discriminator_loss,
            [to_symmetric(images)], epochs=self.epochs, batch_size=64, learning_rates=(2e-4, 2e-4),
            betas=(0.5, 0.999), seed=seed, device=device, deadline=deadline, progress=progress,
        )

    @torch.no_grad()
    def sample(self, count: int, *, labels: Tensor | None = None, seed: int) -> Tensor:
        """Draw noise and turn it into images (count, 1, 28, 28)."""
        del labels
        self.eval()         # batch normalisation with its standing statistics: no image depends on another
        random = torch.Generator().manual_seed(seed)        # on the CPU: every device draws the same noise
        noise = torch.randn(count, self.noise_size, generator=random)
        device = next(self.parameters()).device
        parts = torch.split(noise, self.batch_size)
        images: Tensor = from_symmetric(torch.cat([self.generator(part.to(device)) for part in parts]))
        return images

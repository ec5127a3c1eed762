"""The Wasserstein GAN with gradient penalty and consistency term: `wgan_gp.py` and one loss more.

The gradient penalty looks at places between real and made images. Where there are no made images, around the
real ones, it checks nothing, and those are the places that matter most early on. The consistency term checks
there: it looks at a real image twice, with dropout hiding another half of the critic each time, which is like
looking at two neighbours x' and x'' of the image, and asks that the critic's two answers be near each other:

    CT  =  E_x [ max( 0,  d(D(x'), D(x''))  +  0.1 d(D_(x'), D_(x''))  -  M' ) ]            (Wei, eq. 4)

D_ is the critic's layer before the last, and d the squared difference, averaged over the numbers of a layer
as in the authors' code. The critic minimises the loss of `wgan_gp.py` plus lambda_2 CT, with lambda_2 = 2.

Papers:
    Wei et al., "Improving the Improved Training of Wasserstein GANs: A Consistency Term and Its Dual Effect",
    2018, https://arxiv.org/abs/1803.01541
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from wgan_gp import WGANGP

__all__ = ["WGANCT"]


class WGANCT(WGANGP):
    """The WGAN-GP with dropout in its critic and a consistency term in the critic's loss.

    Args:
        noise_size: how many numbers of noise the generator starts from.
        channels: feature maps of the layers next to the image; the inner ones have twice as many.
        penalty: lambda, the weight of the gradient penalty.
        consistency: lambda_2, the weight of the consistency term.
        margin: M', the difference that is let pass.
        critic_steps: steps of the critic for each one of the generator; the paper takes 5.
        epochs: how often `fit` sees every training image; the critic's steps count.

    """

    def __init__(
        self, *, noise_size: int = 64, channels: int = 32, penalty: float = 10.0, consistency: float = 2.0,
        margin: float = 0.0, critic_steps: int = 2, epochs: int = 14,
    ) -> None:
        super().__init__(
            noise_size=noise_size, channels=channels, penalty=penalty, critic_steps=critic_steps,
            epochs=epochs,
        )
        self.consistency = consistency
        self.margin = margin

    def build_features(self, channels: int) -> nn.Sequential:
        """Build the critic up to its last layer, with dropout after each hidden layer, none before."""
        c = channels
        return nn.Sequential(
            nn.Conv2d(1, c, 4, stride=2, padding=1), nn.LeakyReLU(0.2), nn.Dropout(0.5),
            nn.Conv2d(c, 2 * c, 4, stride=2, padding=1), nn.LeakyReLU(0.2), nn.Dropout(0.5),
            nn.Flatten(),
        )

    def consistency_term(self, seen: Tensor, seen_again: Tensor) -> Tensor:
        """Give CT of real images whose last hidden layer (B, 98 c) was computed through two dropouts."""
        of_scores = (self.head(seen) - self.head(seen_again)).squeeze(1) ** 2           # (B,)
        of_layers = ((seen - seen_again) ** 2).mean(1)                                  # (B,)
        return torch.clamp(of_scores + 0.1 * of_layers - self.margin, min=0).mean()

    def critic_loss(self, images: Tensor) -> Tensor:
        """Give the loss of the WGAN-GP plus lambda_2 CT over a batch of images in [-1, 1]."""
        with torch.no_grad():
            fake = self.generate(len(images))
        seen, seen_again = self.features(images), self.features(images)                 # D_(x') and D_(x'')
        distance = self.head(seen).mean() - self.critic(fake).mean()
        penalty = ((self.gradient_lengths(images, fake) - 1) ** 2).mean()
        consistency = self.consistency_term(seen, seen_again)
        loss: Tensor = -distance + self.penalty * penalty + self.consistency * consistency
        return loss

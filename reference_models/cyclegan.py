"""CycleGAN: translation between two kinds of images without a single pair of them.

Of photographs x and line drawings y there are many, but no drawing *of* a given photograph. Two generators
G: x -> y and F: y -> x are trained against a discriminator for each kind. That alone would be met by any
drawing at all; what ties a drawing to its photograph is that it must lead back to it:

    L_GAN       (D_Y(G(x)) - 1)^2,  and likewise for F            looks like the other kind (least squares)
    L_cycle     | F(G(x)) - x |_1  +  | G(F(y)) - y |_1           leads back              (Zhu, eq. 2)
    L_identity  | G(y) - y |_1     +  | F(x) - x |_1              leaves alone what is already of the kind

    L  =  L_GAN(G) + L_GAN(F)  +  lambda L_cycle  +  lambda / 2  L_identity,   lambda = 10

Both kinds are made from one set of photographs, of which every other one is turned into a drawing, so that no
drawing has its photograph among the photographs: unpaired indeed.

Papers:
    Zhu et al., "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks", 2017,
    https://arxiv.org/abs/1703.10593
    Mao et al., "Least Squares Generative Adversarial Networks", 2017, https://arxiv.org/abs/1611.04076
    Shrivastava et al., "Learning from Simulated and Unsupervised Images through Adversarial Training", 2017,
    https://arxiv.org/abs/1612.07828 (the history of fakes)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.contract import GenerativeModel, from_symmetric, to_symmetric

from adversarial import train_adversarially
from training import Progress

__all__ = ["CycleGAN", "line_drawing"]

OTHER = {"drawing": "photograph", "photograph": "drawing"}


class CycleGAN(nn.Module, GenerativeModel):
    """Translators between photographs and line drawings of them.

    Args:
        channels: feature maps at the size of the image; there are twice as many further in.
        blocks: residual blocks of each translator.
        cycle: lambda, the weight of the cycle loss; the identity loss has half of it.
        epochs: how often `fit` sees every training image, as a photograph or as a drawing.

    """

    domains = ("photograph", "drawing")

    def __init__(self, *, channels: int = 16, blocks: int = 2, cycle: float = 10.0, epochs: int = 2) -> None:
        super().__init__()
        self.cycle = cycle
        self.epochs = epochs
        # Each is named after the kind of image that it makes or knows.
        self.generators = nn.ModuleDict({kind: build_translator(channels, blocks) for kind in OTHER})
        self.discriminators = nn.ModuleDict({kind: build_discriminator(2 * channels) for kind in OTHER})
        self.histories = {kind: History() for kind in OTHER}

    # -- the game --------------------------------------------------------------------------------------

    def generator_loss(self, photographs: Tensor, drawings: Tensor) -> Tensor:
        """Give L over a batch of photographs and as many drawings, all in [-1, 1]."""
        real = {"photograph": photographs, "drawing": drawings}
        losses = []
        for kind, other in OTHER.items():
            there, back = self.generators[kind], self.generators[other]
            fake = there(real[other])                                                   # (B, 1, 28, 28)
            losses.append(((self.discriminators[kind](fake) - 1) ** 2).mean())          # L_GAN
            losses.append(self.cycle * (back(fake) - real[other]).abs().mean())         # L_cycle
            losses.append(self.cycle / 2 * (there(real[kind]) - real[kind]).abs().mean())   # L_identity
        return torch.stack(losses).sum()

    def discriminator_loss(self, photographs: Tensor, drawings: Tensor) -> Tensor:
        """Give (D(real) - 1)^2 + D(fake)^2, halved, for both kinds together."""
        real = {"photograph": photographs, "drawing": drawings}
        losses = []
        for kind, other in OTHER.items():
            with torch.no_grad():
                fake = self.histories[kind].exchange(self.generators[kind](real[other]))
            discriminate = self.discriminators[kind]
            losses.append(((discriminate(real[kind]) - 1) ** 2).mean() + (discriminate(fake) ** 2).mean())
        return torch.stack(losses).sum() / 2

    # -- the contract ----------------------------------------------------------------------------------

    def fit(
        self, images: Tensor, labels: Tensor | None = None, *, seed: int, device: str = "cpu",
        deadline: float = math.inf, progress: Progress | None = None,
    ) -> None:
        """Train on photographs (N, 1, 28, 28); every other one is made a drawing. Labels are not used."""
        del labels
        pairs = len(images) // 2
        photographs, drawings = images[0::2][:pairs], line_drawing(images[1::2][:pairs])
        self.histories = {kind: History() for kind in OTHER}
        train_adversarially(
            self, self.generators, self.discriminators, self.generator_loss, self.discriminator_loss,
            [to_symmetric(photographs), to_symmetric(drawings)], epochs=self.epochs, batch_size=16,
            learning_rates=(4e-4, 2e-4), betas=(0.5, 0.999), seed=seed, device=device, deadline=deadline,
            progress=progress,
        )

    @torch.no_grad()
    def translate(self, images: Tensor, *, to: str) -> Tensor:
        """Make photographs (N, 1, 28, 28) `to="drawing"` ones, or drawings `to="photograph"` ones.

        Raises:
            ValueError: there is no such kind of image.

        """
        if to not in OTHER:
            raise ValueError(f"to is {to!r}, but images can be translated to {' or '.join(OTHER)}")
        self.eval()
        translated: Tensor = from_symmetric(self.generators[to](to_symmetric(images)))
        return translated


class Residual(nn.Module):
    """Adds to an image (N, c, h, w) what two convolutions make of it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect"),
            nn.InstanceNorm2d(channels), nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect"),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        h: Tensor = self.layers(x)
        return x + h


def build_translator(channels: int, blocks: int) -> nn.Sequential:
    """Build a network (N, 1, 28, 28) -> (N, 1, 28, 28) in [-1, 1] that keeps places: in, around, and out."""
    c = channels
    return nn.Sequential(
        nn.Conv2d(1, c, 5, padding=2, padding_mode="reflect"), nn.InstanceNorm2d(c), nn.ReLU(),
        nn.Conv2d(c, 2 * c, 4, stride=2, padding=1), nn.InstanceNorm2d(2 * c), nn.ReLU(),   # (N, 2c, 14, 14)
        *(Residual(2 * c) for _ in range(blocks)),
        nn.ConvTranspose2d(2 * c, c, 4, stride=2, padding=1), nn.InstanceNorm2d(c), nn.ReLU(),
        nn.Conv2d(c, 1, 5, padding=2, padding_mode="reflect"), nn.Tanh(),
    )


def build_discriminator(channels: int) -> nn.Sequential:
    """Build a network (N, 1, 28, 28) -> (N, 1, 7, 7) that judges overlapping patches: looks, not content."""
    c = channels
    return nn.Sequential(
        nn.Conv2d(1, c, 4, stride=2, padding=1), nn.LeakyReLU(0.2),                         # (N, c, 14, 14)
        nn.Conv2d(c, 2 * c, 4, stride=2, padding=1), nn.InstanceNorm2d(2 * c), nn.LeakyReLU(0.2),
        nn.Conv2d(2 * c, 1, 3, padding=1),                                                  # (N, 1, 7, 7)
    )


class History:
    """Fakes of earlier steps: half of what a discriminator sees, lest it forget what it caught before."""

    def __init__(self, size: int = 50) -> None:
        self.size = size
        self.kept = torch.empty(0)

    def exchange(self, fakes: Tensor) -> Tensor:
        """Keep new fakes (B, 1, 28, 28), and give as many, about half of them old ones."""
        if len(self.kept) < self.size:
            self.kept = torch.cat([self.kept.to(fakes), fakes])[: self.size]
            return fakes
        swap = torch.rand(len(fakes)) < 0.5
        places = torch.randperm(self.size)[: len(fakes)][swap[: self.size]]
        given = fakes.clone()
        given[swap] = self.kept[places]
        self.kept[places] = fakes[swap]
        return given


def line_drawing(images: Tensor) -> Tensor:
    """Draw the outlines of photographs (N, 1, 28, 28) in [0, 1]: bright lines on black, in [0, 1].

    How much brighter a pixel is than the darkest one next to it, doubled: lines one pixel wide along the
    inner side of every edge (the inner gradient of mathematical morphology).
    """
    darkest = -functional.max_pool2d(-images, 3, stride=1, padding=1)                       # erosion
    return (2 * (images - darkest)).clamp(0, 1)

"""The conditional generative adversarial network: one that draws what it is asked for.

Both networks of a GAN are told the class y of the image. The generator turns noise and class into an image;
the discriminator judges whether an image is a real one *of that class*, so that a fine shoe that was to be a
shirt is caught as well:

    min_G max_D   E_x [ log D(x | y) ] + E_z [ log(1 - D(G(z | y) | y)) ]                   (Mirza, eq. 2)

The generator's side is replaced by the non-saturating -log D(G(z | y) | y), as in `gan.py`. How a network is
told the class is free. Here the generator gets the class as ten more numbers of noise, one of them 1. The
discriminator gets it twice: as ten more channels of the image, one of them 1 everywhere, and as ten more
numbers before a hidden layer, in which what was seen and what was asked for meet.

Papers:
    Mirza & Osindero, "Conditional Generative Adversarial Nets", 2014, https://arxiv.org/abs/1411.1784
    Radford et al., DCGAN, 2016, https://arxiv.org/abs/1511.06434 (the rules that the networks follow)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.contract import GenerativeModel, from_symmetric, to_symmetric

from adversarial import train_adversarially
from training import Progress

__all__ = ["ConditionalGAN"]

CLASSES = 10


class ConditionalGAN(nn.Module, GenerativeModel):
    """A DCGAN whose generator and discriminator are both given the class.

    Args:
        noise_size: how many numbers of noise the generator starts from.
        channels: feature maps of the layers next to the image; the inner ones have twice as many.
        epochs: how often `fit` sees every training image.

    """

    conditional = True

    def __init__(self, *, noise_size: int = 64, channels: int = 32, epochs: int = 12) -> None:
        super().__init__()
        self.noise_size = noise_size
        self.epochs = epochs
        c = channels
        self.generator = nn.Sequential(
            nn.Linear(noise_size + CLASSES, 98 * c, bias=False),                        # -> (N, 98 c)
            nn.Unflatten(1, (2 * c, 7, 7)), nn.BatchNorm2d(2 * c), nn.ReLU(),           # -> (N, 2c, 7, 7)
            nn.ConvTranspose2d(2 * c, c, 4, stride=2, padding=1, bias=False),           # -> (N, c, 14, 14)
            nn.BatchNorm2d(c), nn.ReLU(),
            nn.ConvTranspose2d(c, 1, 4, stride=2, padding=1), nn.Tanh(),                # -> (N, 1, 28, 28)
        )
        self.features = nn.Sequential(
            nn.Conv2d(1 + CLASSES, c, 4, stride=2, padding=1), nn.LeakyReLU(0.2),       # -> (N, c, 14, 14)
            nn.Conv2d(c, 2 * c, 4, stride=2, padding=1, bias=False),                    # -> (N, 2c, 7, 7)
            nn.BatchNorm2d(2 * c), nn.LeakyReLU(0.2), nn.Flatten(),                     # -> (N, 98 c)
        )
        self.joint = nn.Sequential(
            nn.Linear(98 * c + CLASSES, 128), nn.LeakyReLU(0.2), nn.Linear(128, 1),     # -> (N, 1): logit
        )

    # -- the game --------------------------------------------------------------------------------------

    def generate(self, noise: Tensor, labels: Tensor) -> Tensor:
        """Give G(z | y), (N, 1, 28, 28) in [-1, 1], of noise (N, d) and labels (N,)."""
        classes = functional.one_hot(labels, CLASSES).to(noise)                         # (N, 10)
        fake: Tensor = self.generator(torch.cat([noise, classes], dim=1))
        return fake

    def discriminate(self, images: Tensor, labels: Tensor) -> Tensor:
        """Give the logits of D(x | y), (N, 1), of images (N, 1, 28, 28) in [-1, 1] and labels (N,)."""
        classes = functional.one_hot(labels, CLASSES).to(images)                        # (N, 10)
        planes = classes[:, :, None, None].expand(-1, -1, *images.shape[2:])            # (N, 10, 28, 28)
        features = self.features(torch.cat([images, planes], dim=1))                    # (N, 98 c)
        logits: Tensor = self.joint(torch.cat([features, classes], dim=1))
        return logits

    def draw_fakes(self, labels: Tensor) -> Tensor:
        """Give one image of each label, of noise drawn from torch's global generator."""
        return self.generate(torch.randn(len(labels), self.noise_size, device=labels.device), labels)

    def discriminator_loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Give -E [log D(x | y)] - E [log(1 - D(G(z | y) | y))]; softplus(-a) is -log D for a logit a."""
        with torch.no_grad():
            fake = self.draw_fakes(labels)
        real_logits, fake_logits = self.discriminate(images, labels), self.discriminate(fake, labels)
        return functional.softplus(-real_logits).mean() + functional.softplus(fake_logits).mean()

    def generator_loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Give the non-saturating loss -E [log D(G(z | y) | y)] for the labels of the batch."""
        del images
        return functional.softplus(-self.discriminate(self.draw_fakes(labels), labels)).mean()

    # -- the contract ----------------------------------------------------------------------------------

    def fit(
        self, images: Tensor, labels: Tensor, *, seed: int, device: str = "cpu",
        deadline: float = math.inf, progress: Progress | None = None,
    ) -> None:
        """Train on images (N, 1, 28, 28) and their labels (N,)."""
        train_adversarially(
            self, self.generator, nn.ModuleList([self.features, self.joint]), self.generator_loss,
            self.discriminator_loss, [to_symmetric(images), labels], epochs=self.epochs, batch_size=64,
            learning_rates=(2e-4, 2e-4), betas=(0.5, 0.999), seed=seed, device=device, deadline=deadline,
            progress=progress,
        )

    @torch.no_grad()
    def sample(self, count: int, *, labels: Tensor | None = None, seed: int) -> Tensor:
        """Draw an image (count, 1, 28, 28) of each label (count,); of any class where none are given."""
        self.eval()         # batch normalisation with its standing statistics: no image depends on another
        random = torch.Generator().manual_seed(seed)        # on the CPU: every device draws the same noise
        noise = torch.randn(count, self.noise_size, generator=random)
        if labels is None:
            labels = torch.randint(CLASSES, (count,), generator=random)
        device = next(self.parameters()).device
        parts = zip(torch.split(noise, self.batch_size), torch.split(labels, self.batch_size), strict=True)
        images: Tensor = from_symmetric(
            torch.cat([self.generate(z.to(device), y.to(device)) for z, y in parts]))
        return images

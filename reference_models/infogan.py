"""InfoGAN: a generative adversarial network whose codes mean something, though nobody told it what.

A GAN may use its noise in any tangled way. InfoGAN sets some of it apart as a code c, here one of ten
categories and two numbers in [-1, 1], and demands that the image G(z, c) still tell what c was. What it tells
is the mutual information I(c; G(z, c)), which nobody can compute, but any network Q that guesses the code
from the image bounds it from below:

    I(c; G(z, c))  >=  L_I(G, Q)  =  E [ log Q(c | G(z, c)) ]  +  H(c)                      (Chen, eq. 5)

    min_{G, Q} max_D   V(D, G)  -  lambda L_I(G, Q)                                         (Chen, eq. 6)

The ten categories then settle on the most telling difference between images, which for garments is much the
same as their class: found without a single label. Q shares all layers but the last with D.

Papers:
    Chen et al., "InfoGAN: Interpretable Representation Learning by Information Maximizing Generative
    Adversarial Nets", 2016, https://arxiv.org/abs/1606.03657
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.contract import GenerativeModel, from_symmetric, to_symmetric

from adversarial import train_adversarially
from training import Progress

__all__ = ["InfoGAN"]


class InfoGAN(nn.Module, GenerativeModel):
    """An InfoGAN with one categorical code and some continuous ones.

    Args:
        noise_size: how many numbers z has, the noise that may mean anything.
        categories: how many values the categorical code has.
        continuous: how many continuous codes there are, each uniform in [-1, 1].
        channels: feature maps of the layers next to the image; the inner ones have twice as many.
        weights: lambda, for the categorical and for the continuous codes.
        epochs: how often `fit` sees every training image.

    """

    def __init__(
        self, *, noise_size: int = 16, categories: int = 10, continuous: int = 2, channels: int = 32,
        weights: tuple[float, float] = (1.0, 0.1), epochs: int = 10,
    ) -> None:
        super().__init__()
        self.noise_size = noise_size
        self.categories = categories
        self.continuous = continuous
        self.weights = weights
        self.epochs = epochs
        c = channels
        self.generator = nn.Sequential(
            nn.Linear(noise_size + categories + continuous, 98 * c, bias=False),        # -> (N, 98 c)
            nn.Unflatten(1, (2 * c, 7, 7)), nn.BatchNorm2d(2 * c), nn.ReLU(),           # -> (N, 2c, 7, 7)
            nn.ConvTranspose2d(2 * c, c, 4, stride=2, padding=1, bias=False),           # -> (N, c, 14, 14)
            nn.BatchNorm2d(c), nn.ReLU(),
            nn.ConvTranspose2d(c, 1, 4, stride=2, padding=1), nn.Tanh(),                # -> (N, 1, 28, 28)
        )
        self.features = nn.Sequential(                                                  # shared by D and Q
            nn.Conv2d(1, c, 4, stride=2, padding=1), nn.LeakyReLU(0.2),                 # -> (N, c, 14, 14)
            nn.Conv2d(c, 2 * c, 4, stride=2, padding=1, bias=False),                    # -> (N, 2c, 7, 7)
            nn.BatchNorm2d(2 * c), nn.LeakyReLU(0.2), nn.Flatten(),                     # -> (N, 98 c)
        )
        self.discriminator = nn.Linear(98 * c, 1)                                       # -> (N, 1): logit
        self.recogniser = nn.Sequential(                                                # Q
            nn.Dropout(0.5), nn.Linear(98 * c, 128), nn.LeakyReLU(0.2),
            nn.Linear(128, categories + 2 * continuous),                                # -> (N, 10 + 2 + 2)
        )

    # -- the game --------------------------------------------------------------------------------------

    def draw_codes(self, count: int, *, random: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Draw codes from their prior: categories (count,) and continuous codes (count, continuous)."""
        category = torch.randint(self.categories, (count,), generator=random)
        return category, 2 * torch.rand(count, self.continuous, generator=random) - 1

    def generate(self, noise: Tensor, category: Tensor, continuous: Tensor) -> Tensor:
        """Give G(z, c), (N, 1, 28, 28) in [-1, 1]."""
        device = self.discriminator.weight.device
        # of the size of the noise, lest the noise alone decide what is drawn
        one_hot = math.sqrt(self.categories) * functional.one_hot(category, self.categories)
        fake: Tensor = self.generator(torch.cat([noise, one_hot, continuous], dim=1).to(device))
        return fake

    def recognise(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Give Q(c | x) of features (N, 98 c): logits of categories; mean and log variance of numbers."""
        logits, mean, log_variance = self.recogniser(features).split(
            [self.categories, self.continuous, self.continuous], dim=1)
        return logits, mean, log_variance.clamp(-6, 6)

    def information(self, features: Tensor, category: Tensor, continuous: Tensor) -> tuple[Tensor, Tensor]:
        """Give L_I in nats for the categorical and for the continuous codes that images were made of.

        H(c) is log 10 for ten categories, and log 2 for each number in [-1, 1].
        """
        logits, mean, log_variance = self.recognise(features)
        log_category = -functional.cross_entropy(logits, category.to(logits.device))    # E [log Q(category)]
        squares = (continuous.to(mean.device) - mean) ** 2 / log_variance.exp()         # of a Gaussian Q
        log_numbers = -0.5 * (squares + log_variance + math.log(2 * math.pi)).sum(1).mean()
        return log_category + math.log(self.categories), log_numbers + self.continuous * math.log(2)

    def bound(self, features: Tensor, category: Tensor, continuous: Tensor) -> Tensor:
        """Give lambda L_I, the sum over both kinds of codes."""
        of_category, of_numbers = self.information(features, category, continuous)
        return self.weights[0] * of_category + self.weights[1] * of_numbers

    def discriminator_loss(self, images: Tensor) -> Tensor:
        """Give -V(D, G) - lambda L_I: D and Q share their layers and are trained together."""
        codes = self.draw_codes(len(images))
        with torch.no_grad():
            fake = self.generate(torch.randn(len(images), self.noise_size), *codes)
        real_features, fake_features = self.features(images), self.features(fake)
        real_logits, fake_logits = self.discriminator(real_features), self.discriminator(fake_features)
        game = functional.softplus(-real_logits).mean() + functional.softplus(fake_logits).mean()
        return game - self.bound(fake_features, *codes)

    def generator_loss(self, images: Tensor) -> Tensor:
        """Give -E [log D(G(z, c))] - lambda L_I, the first part non-saturating as in `gan.py`."""
        codes = self.draw_codes(len(images))
        features = self.features(self.generate(torch.randn(len(images), self.noise_size), *codes))
        return functional.softplus(-self.discriminator(features)).mean() - self.bound(features, *codes)

    # -- the contract, and what the codes are good for ---------------------------------------------------

    def fit(
        self, images: Tensor, labels: Tensor | None = None, *, seed: int, device: str = "cpu",
        deadline: float = math.inf, progress: Progress | None = None,
    ) -> None:
        """Train on images (N, 1, 28, 28); labels are not used."""
        del labels
        train_adversarially(
            self, self.generator, nn.ModuleList([self.features, self.discriminator, self.recogniser]),
            self.generator_loss, self.discriminator_loss, [to_symmetric(images)], epochs=self.epochs,
            batch_size=64, learning_rates=(1e-3, 2e-4), betas=(0.5, 0.999), seed=seed, device=device,
            deadline=deadline, progress=progress,
        )

    @torch.no_grad()
    def sample(self, count: int, *, labels: Tensor | None = None, seed: int) -> Tensor:
        """Draw noise and codes and turn them into images (count, 1, 28, 28)."""
        del labels
        random = torch.Generator().manual_seed(seed)        # on the CPU: every device draws the same numbers
        noise = torch.randn(count, self.noise_size, generator=random)
        return self.draw(noise, *self.draw_codes(count, random=random))

    @torch.no_grad()
    def draw(self, noise: Tensor, category: Tensor, continuous: Tensor) -> Tensor:
        """Give the images (N, 1, 28, 28) in [0, 1] of chosen noise and codes, to see what a code does."""
        self.eval()         # batch normalisation with its standing statistics: no image depends on another
        parts = (torch.split(part, self.batch_size) for part in (noise, category, continuous))
        images: Tensor = from_symmetric(
            torch.cat([self.generate(*part) for part in zip(*parts, strict=True)]))
        return images

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Give Q's view of images: probabilities of the categories and means of the numbers, (N, 12)."""
        self.eval()
        logits, mean, _ = self.recognise(self.features(to_symmetric(images)))
        return torch.cat([logits.softmax(1), mean], dim=1)

    def purity(self, images: Tensor, labels: Tensor) -> float:
        """Give the share of images whose category's most frequent class is their own, in [0, 1].

        1 if every category holds images of one class only; the share of the largest class, here a tenth, if
        categories say nothing about classes.
        """
        codes = torch.cat([self.encode(part) for part in torch.split(images, self.batch_size)])
        category = codes[:, : self.categories].argmax(1)                                # (N,)
        counts = torch.zeros(self.categories, int(labels.max()) + 1)
        counts.index_put_((category.cpu(), labels.cpu()), torch.ones(len(labels)), accumulate=True)
        return float(counts.amax(1).sum() / len(labels))

    def report(self, images: Tensor, labels: Tensor) -> dict[str, float]:
        """Tell how pure the categories are."""
        return {"purity of the categories": self.purity(images, labels)}

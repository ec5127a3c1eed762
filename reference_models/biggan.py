"""BigGAN, scaled down to 28 x 28 grey images: what made GANs large, in a size for one processor core.

BigGAN is less one idea than a set of parts that hold each other up. All of them are here, at about a
thousandth of the paper's size:

    spectral normalisation   every weight matrix is divided by its largest singular value (Miyato)
    residual blocks          that double or halve the image, with a projection of it around them
    self-attention           every place looks at every other, in the 14 x 14 layers of both networks (Zhang)
    class-conditional        batch normalisation whose scale and shift come from the class, and from the part
    batch normalisation      of the noise that belongs to the block
    projection               the discriminator adds <embedding of y, features of x> to its answer (Miyato)
    hinge loss               D:  E [ max(0, 1 - D(x, y)) ] + E [ max(0, 1 + D(G(z, y), y)) ]
                             G: -E [ D(G(z, y), y) ]
    orthogonal               beta |W' W * (1 - I)|^2: the generator's filters are to be orthogonal, whatever
    regularisation           their lengths, which makes it smooth enough for truncation (Brock, eq. 3)
    truncation trick         noise drawn nearer to 0 than in training gives finer images of less variety
    weight average           of the generator, with standing statistics: see `adversarial.py`

Papers:
    Brock et al., "Large Scale GAN Training for High Fidelity Natural Image Synthesis", 2019,
    https://arxiv.org/abs/1809.11096
    Zhang et al., "Self-Attention Generative Adversarial Networks", 2019, https://arxiv.org/abs/1805.08318
    Miyato et al., "Spectral Normalization for GANs", 2018, https://arxiv.org/abs/1802.05957
    Miyato & Koyama, "cGANs with Projection Discriminator", 2018, https://arxiv.org/abs/1802.05637
"""

from __future__ import annotations

import math
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from harness.contract import GenerativeModel, from_symmetric, to_symmetric

from adversarial import train_adversarially
from training import Progress

__all__ = ["BigGAN", "orthogonality_penalty", "truncated_noise"]

CLASSES = 10
Layer = TypeVar("Layer", nn.Conv2d, nn.Linear, nn.Embedding)


def normalised(layer: Layer) -> Layer:
    """Draw orthogonal initial weights, and divide them by their largest singular value from now on."""
    nn.init.orthogonal_(layer.weight)
    spectral_norm(layer)        # changes the layer itself
    return layer


def convolution(inputs: int, outputs: int, size: int) -> nn.Conv2d:
    """Build a normalised convolution that keeps the size of the image."""
    return normalised(nn.Conv2d(inputs, outputs, size, padding=size // 2))


class ConditionalBatchNorm(nn.Module):
    """Batch normalisation whose scale and shift are linear in a condition (N, k)."""

    def __init__(self, channels: int, condition_size: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.scale = normalised(nn.Linear(condition_size, channels, bias=False))
        self.shift = normalised(nn.Linear(condition_size, channels, bias=False))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.scale(condition)[:, :, None, None], self.shift(condition)[:, :, None, None]
        out: Tensor = self.norm(x) * (1 + scale) + shift                        # (N, c, h, w)
        return out


class SelfAttention(nn.Module):
    """Adds to every place what it finds at others: softmax(Q K') V, with keys and values at half the size."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = convolution(channels, channels // 8, 1)
        self.key = convolution(channels, channels // 8, 1)
        self.value = convolution(channels, channels // 2, 1)
        self.output = convolution(channels // 2, channels, 1)
        self.weight = nn.Parameter(torch.zeros(()))     # the network starts as if there were no attention

    def forward(self, x: Tensor) -> Tensor:
        query = self.query(x).flatten(2)                                        # (N, c / 8, hw)
        key = functional.max_pool2d(self.key(x), 2).flatten(2)                  # (N, c / 8, hw / 4)
        value = functional.max_pool2d(self.value(x), 2).flatten(2)              # (N, c / 2, hw / 4)
        attention = (query.transpose(1, 2) @ key).softmax(dim=2)                # (N, hw, hw / 4)
        found = (value @ attention.transpose(1, 2)).unflatten(2, x.shape[2:])   # (N, c / 2, h, w)
        out: Tensor = x + self.weight * self.output(found)
        return out


class UpBlock(nn.Module):
    """A residual block of the generator, which doubles the image: (N, i, h, w) -> (N, o, 2 h, 2 w)."""

    def __init__(self, inputs: int, outputs: int, condition_size: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(
            [ConditionalBatchNorm(inputs, condition_size), ConditionalBatchNorm(outputs, condition_size)])
        self.first, self.second = convolution(inputs, outputs, 3), convolution(outputs, outputs, 3)
        self.around = convolution(inputs, outputs, 1)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        h = functional.interpolate(torch.relu(self.norms[0](x, condition)), scale_factor=2)
        h = self.second(torch.relu(self.norms[1](self.first(h), condition)))
        out: Tensor = h + functional.interpolate(self.around(x), scale_factor=2)
        return out


class DownBlock(nn.Module):
    """A residual block of the discriminator, (N, i, h, w) -> (N, o, h, w), which may halve the image."""

    def __init__(self, inputs: int, outputs: int, *, halve: bool = True, at_image: bool = False) -> None:
        super().__init__()
        self.at_image = at_image        # an image must not lose its dark half to a ReLU
        self.first, self.second = convolution(inputs, outputs, 3), convolution(outputs, outputs, 3)
        self.around = convolution(inputs, outputs, 1)
        self.shrink = nn.AvgPool2d(2) if halve else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        h = self.second(torch.relu(self.first(x if self.at_image else torch.relu(x))))
        out: Tensor = self.shrink(h) + self.around(self.shrink(x))
        return out


class Generator(nn.Module):
    """Noise (N, 3 k) and labels (N,) -> images (N, 1, 28, 28) in [-1, 1]."""

    def __init__(self, chunk: int, channels: int, embedding: int) -> None:
        super().__init__()
        c = channels
        self.embedding = nn.Embedding(CLASSES, embedding)       # one for all blocks
        self.first = normalised(nn.Linear(chunk, 4 * c * 49))
        self.blocks = nn.ModuleList(
            [UpBlock(4 * c, 2 * c, embedding + chunk), UpBlock(2 * c, c, embedding + chunk)])
        self.attention = SelfAttention(2 * c)
        self.last_norm = nn.BatchNorm2d(c)
        self.last = convolution(c, 1, 3)

    def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
        start, *chunks = noise.chunk(3, dim=1)                  # each block has noise of its own
        conditions = [torch.cat([self.embedding(labels), chunk], dim=1) for chunk in chunks]
        h = self.first(start).unflatten(1, (-1, 7, 7))          # (N, 4c, 7, 7)
        h = self.attention(self.blocks[0](h, conditions[0]))    # (N, 2c, 14, 14)
        h = self.blocks[1](h, conditions[1])                    # (N, c, 28, 28)
        return torch.tanh(self.last(torch.relu(self.last_norm(h))))


class Discriminator(nn.Module):
    """Images (N, 1, 28, 28) in [-1, 1] and labels (N,) -> how real they look (N,), on no particular scale."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        c = channels
        self.layers = nn.Sequential(
            DownBlock(1, c, at_image=True),                     # (N, c, 14, 14)
            SelfAttention(c),
            DownBlock(c, 2 * c),                                # (N, 2c, 7, 7)
            DownBlock(2 * c, 4 * c, halve=False), nn.ReLU(),    # (N, 4c, 7, 7)
        )
        self.embedding = normalised(nn.Embedding(CLASSES, 4 * c))
        self.head = normalised(nn.Linear(4 * c, 1))

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        features = self.layers(images).sum((2, 3))              # (N, 4c)
        projection = (self.embedding(labels) * features).sum(1)
        answer: Tensor = self.head(features).squeeze(1) + projection
        return answer


class BigGAN(nn.Module, GenerativeModel):
    """A small BigGAN.

    Args:
        noise_size: how many numbers of noise the generator starts from, a multiple of three.
        channels: feature maps at the size of the image; there are twice and four times as many further in.
        orthogonality: beta, the weight of the orthogonal regularisation.
        truncation: largest size of a number of noise in `sample`, where none is given; None for no limit.
        epochs: how often `fit` sees every training image.

    """

    conditional = True

    def __init__(
        self, *, noise_size: int = 48, channels: int = 16, orthogonality: float = 1e-4,
        truncation: float | None = None, epochs: int = 5,
    ) -> None:
        super().__init__()
        self.noise_size = noise_size
        self.orthogonality = orthogonality
        self.truncation = truncation
        self.epochs = epochs
        self.generator = Generator(noise_size // 3, channels, embedding=32)
        self.discriminator = Discriminator(channels)

    def draw_fakes(self, labels: Tensor) -> Tensor:
        """Give one image of each label, of noise drawn from torch's global generator."""
        fake: Tensor = self.generator(torch.randn(len(labels), self.noise_size, device=labels.device), labels)
        return fake

    def discriminator_loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Give the hinge loss: answers beyond 1 for real and -1 for made images are good enough."""
        with torch.no_grad():
            fake = self.draw_fakes(labels)
        real_answers, fake_answers = self.discriminator(images, labels), self.discriminator(fake, labels)
        return torch.relu(1 - real_answers).mean() + torch.relu(1 + fake_answers).mean()

    def generator_loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Give -E [ D(G(z, y), y) ] plus the orthogonal regularisation."""
        del images
        game: Tensor = -self.discriminator(self.draw_fakes(labels), labels).mean()
        return game + self.orthogonality * orthogonality_penalty(self.generator)

    def fit(
        self, images: Tensor, labels: Tensor, *, seed: int, device: str = "cpu",
        deadline: float = math.inf, progress: Progress | None = None,
    ) -> None:
        """Train on images (N, 1, 28, 28) and labels (N,); turn by turn, D with the longer steps (Zhang)."""
        train_adversarially(
            self, self.generator, self.discriminator, self.generator_loss, self.discriminator_loss,
            [to_symmetric(images), labels], epochs=self.epochs, batch_size=64, learning_rates=(2e-4, 8e-4),
            betas=(0.0, 0.999), seed=seed, device=device, deadline=deadline, progress=progress,
        )

    @torch.no_grad()
    def sample(
        self, count: int, *, labels: Tensor | None = None, seed: int, truncation: float | None = None,
    ) -> Tensor:
        """Draw an image (count, 1, 28, 28) of each label (count,); of any class where none are given."""
        self.eval()         # batch normalisation with its standing statistics: no image depends on another
        random = torch.Generator().manual_seed(seed)        # on the CPU: every device draws the same noise
        noise = truncated_noise(count, self.noise_size, truncation or self.truncation, random)
        if labels is None:
            labels = torch.randint(CLASSES, (count,), generator=random)
        device = next(self.parameters()).device
        parts = zip(torch.split(noise, self.batch_size), torch.split(labels, self.batch_size), strict=True)
        images: Tensor = from_symmetric(
            torch.cat([self.generator(z.to(device), y.to(device)) for z, y in parts]))
        return images


def truncated_noise(count: int, size: int, limit: float | None, random: torch.Generator) -> Tensor:
    """Draw (count, size) from a standard normal distribution, of which only [-limit, limit] is left.

    By the inverse of its distribution function; drawing again until all numbers fit gives the same.
    """
    if limit is None:
        return torch.randn(count, size, generator=random)
    uniform = 2 * torch.rand(count, size, generator=random) - 1
    return math.sqrt(2) * torch.erfinv(uniform * math.erf(limit / math.sqrt(2)))


def orthogonality_penalty(network: nn.Module) -> Tensor:
    """Give the sum over weight matrices of | W' W * (1 - I) |^2 (Brock, eq. 3); lengths are left free.

    A filter is a row. Where there are more filters than numbers in one, the columns are compared instead.
    """
    penalties = []
    for name, weight in network.named_parameters():
        if name.endswith("weight.original"):        # of every normalised layer, before normalisation
            rows = weight.flatten(1)
            gram = rows @ rows.T if len(rows) <= rows.shape[1] else rows.T @ rows
            penalties.append((gram - torch.diag(gram.diagonal())).square().sum())
    return torch.stack(penalties).sum()

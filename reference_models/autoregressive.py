"""The autoregressive model with gated causal convolutions (PixelCNN).

Any distribution of images is a product of distributions of single pixels, each given those before it in the
order of reading, line by line:

    log p(x)  =  sum_i  log p(x_i | x_1, ..., x_(i-1))

So one network that sees, at every pixel, only what was read before, gives the exact likelihood of a whole
image in a single pass. Drawing is slow by nature: pixel after pixel. What earlier pixels led to is kept here,
so that drawing an image costs the arithmetic of one pass and not of 784.

Papers:
    van den Oord et al., "Pixel recurrent neural networks", 2016, https://arxiv.org/abs/1601.06759 (the masks)
    van den Oord et al., "Conditional image generation with PixelCNN decoders", 2016,
        https://arxiv.org/abs/1606.05328 (the gate)
    Salimans et al., "PixelCNN++", 2017, https://arxiv.org/abs/1701.05517 (mixtures of logistics)
    Yu & Koltun, "Multi-scale context aggregation by dilated convolutions", 2016,
        https://arxiv.org/abs/1511.07122
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.contract import GenerativeModel

from training import Progress, Speed, bfloat16_is_fast, train

__all__ = ["Autoregressive", "CausalConvolution", "GatedBlock", "draw_level", "level_log_probability"]

HALF_LEVEL = 1 / 255
"""Half the distance of two grey levels, when 0 to 255 are mapped to [-1, 1]."""


class Autoregressive(nn.Module, GenerativeModel):
    """A PixelCNN: a causal convolution, gated residual blocks with dilation, a mixture for each pixel.

    The kernels reach up and to both sides, but the rightmost of what came before is seen only through
    several layers, if at all: the blind spot of the first PixelCNN, made small by wide kernels.

    Args:
        channels: feature maps.
        dilations: one gated block each; it looks this many pixels up, left and right.
        components: logistic distributions in the mixture of a pixel.
        epochs: how often `fit` sees every training image.

    """

    log_prob_kind = "exact"

    def __init__(
        self, *, channels: int = 32, dilations: tuple[int, ...] = (1, 2, 4, 1, 2), components: int = 5,
        epochs: int = 3,
    ) -> None:
        super().__init__()
        self.epochs = epochs
        self.first = CausalConvolution(1, channels, up=3, side=3, sees_itself=False)
        self.places = nn.Parameter(torch.zeros(1, channels, 28, 28))    # clothes are centred: places matter
        self.blocks = nn.ModuleList([GatedBlock(channels, dilation) for dilation in dilations])
        self.last = nn.Conv2d(channels, 3 * components, 1)      # weight, centre and width of each component

    # -- the model -------------------------------------------------------------------------------------

    def forward(self, x: Tensor) -> Tensor:
        """Give for images (N, 1, 28, 28) in [-1, 1] the mixtures (N, 3 M, 28, 28) of all pixels at once."""
        hidden = self.first(x) + self.places                    # (N, C, 28, 28)
        for block in self.blocks:
            hidden = block(hidden)
        mixture: Tensor = self.last(functional.relu(hidden))
        return mixture

    def level_log_prob(self, levels: Tensor) -> Tensor:
        """Give the log probability (N,) of grey levels (N, 1, 28, 28), whole numbers from 0 to 255."""
        x = _symmetric(levels)
        return level_log_probability(self(x).float(), x).sum((1, 2))

    def loss(self, images: Tensor) -> Tensor:
        """Give the mean negative log probability of a batch of images, in nats."""
        return -self.level_log_prob(_levels(images)).mean()

    # -- the contract ----------------------------------------------------------------------------------

    def fit(
        self, images: Tensor, labels: Tensor | None = None, *, seed: int, device: str = "cpu",
        deadline: float = math.inf, progress: Progress | None = None,
    ) -> None:
        """Train on images (N, 1, 28, 28); labels are not used."""
        del labels
        train(
            self, self.loss, images, epochs=self.epochs, batch_size=32, learning_rate=3e-3, anneal=True,
            clip=200.0, speed=Speed(bfloat16=bfloat16_is_fast(device), channels_last=True),
            seed=seed, device=device, deadline=deadline, progress=progress,
        )

    @torch.no_grad()
    def log_prob(self, images: Tensor) -> Tensor:
        """Give the exact log density (N,) in nats of images dequantised to [0, 1].

        The density is flat over the 1/256 of [0, 1] that belongs to a grey level: p(x) = 256 P(level of x)
        for every pixel. It integrates to one because the 256 probabilities add up to one.
        """
        return self.level_log_prob(_levels(images)) + images[0].numel() * math.log(256)

    @torch.no_grad()
    def sample(self, count: int, *, labels: Tensor | None = None, seed: int) -> Tensor:
        """Draw images (count, 1, 28, 28) pixel by pixel."""
        del labels
        generator = torch.Generator().manual_seed(seed)     # on the CPU: every device draws the same chances
        device = self.places.device
        sizes = [self.batch_size] * (count // self.batch_size) + [count % self.batch_size]
        return torch.cat([self._draw(size, generator, device) for size in sizes if size])

    def _draw(self, count: int, generator: torch.Generator, device: torch.device) -> Tensor:
        """Draw one batch; what each layer was given so far is kept, and only its new pixel computed."""
        blocks = cast("list[GatedBlock]", list(self.blocks))
        start = self.first.empty_ground(count, device)
        grounds = [block.convolution.empty_ground(count, device) for block in blocks]
        images = torch.zeros(count, 1, 28, 28, device=device)
        for row in range(28):
            for column in range(28):
                hidden = self.first.at(start, row, column) + self.places[:, :, row, column]     # (n, C)
                for block, ground in zip(blocks, grounds, strict=True):
                    block.convolution.put(ground, row, column, functional.relu(hidden))
                    convolved = block.convolution.at(ground, row, column)                       # (n, 2 C)
                    hidden = hidden + block.gate(convolved[:, :, None, None])[:, :, 0, 0]
                mixture = functional.linear(
                    functional.relu(hidden), self.last.weight[:, :, 0, 0], self.last.bias)      # (n, 3 M)
                level = draw_level(mixture, generator)                                          # (n,)
                images[:, 0, row, column] = level / 255
                self.first.put(start, row, column, _symmetric(level)[:, None])
        return images


class CausalConvolution(nn.Conv2d):
    """A convolution that sees `up` rows above and the pixel's own row up to the pixel or just before it.

    The kernel has up + 1 rows and 2 side + 1 columns; a mask sets to zero what would look ahead.
    """

    def __init__(
        self, inputs: int, outputs: int, *, up: int, side: int, dilation: int = 1, sees_itself: bool = True,
    ) -> None:
        super().__init__(inputs, outputs, (up + 1, 2 * side + 1), dilation=dilation)
        self.above, self.beside = up * dilation, side * dilation    # how far it looks, in pixels
        mask = torch.ones(1, 1, up + 1, 2 * side + 1)
        mask[:, :, -1, side + int(sees_itself):] = 0
        self.mask: Tensor
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H, W)."""
        x = functional.pad(x, (self.beside, self.beside, self.above, 0))
        return functional.conv2d(x, self.weight * self.mask, self.bias, dilation=self.dilation)

    # For drawing pixel by pixel, on a ground (28 + above, 28 + 2 beside, n, inputs) of what is known so far.

    def empty_ground(self, count: int, device: torch.device) -> Tensor:
        """Give the ground before the first pixel: zeros, as in the padding of `forward`."""
        return torch.zeros(28 + self.above, 28 + 2 * self.beside, count, self.in_channels, device=device)

    def put(self, ground: Tensor, row: int, column: int, values: Tensor) -> None:
        """Write the values (n, inputs) of a pixel."""
        ground[row + self.above, column + self.beside] = values

    def at(self, ground: Tensor, row: int, column: int) -> Tensor:
        """Give the convolution's outputs (n, outputs) at one pixel: its taps, one matrix product each."""
        step = self.dilation[0]
        outputs = [
            ground[row + r * step, column + c * step] @ self.weight[:, :, r, c].T
            for r, c in self.mask[0, 0].nonzero().tolist()
        ]
        return torch.stack(outputs).sum(0) + cast("Tensor", self.bias)


class GatedBlock(nn.Module):
    """A residual block: a causal convolution gives a signal and a gate for it, tanh(a) sigmoid(b)."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.convolution = CausalConvolution(channels, 2 * channels, up=1, side=1, dilation=dilation)
        self.out = nn.Conv2d(channels, channels, 1)

    def gate(self, convolved: Tensor) -> Tensor:
        """Map (N, 2 C, H, W) to (N, C, H, W)."""
        signal, gate = convolved.chunk(2, dim=1)
        gated: Tensor = self.out(torch.tanh(signal) * torch.sigmoid(gate))
        return gated

    def forward(self, hidden: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, H, W)."""
        return hidden + self.gate(self.convolution(functional.relu(hidden)))


def level_log_probability(mixture: Tensor, x: Tensor) -> Tensor:
    """Give the log probability (N, H, W) of grey levels x (N, 1, H, W), in [-1, 1], under (N, 3 M, H, W).

    A level has what a mixture of logistic distributions gives to the interval around it; the first level has
    everything below, too, and the last everything above (PixelCNN++, equation 2).
    """
    log_weights, centres, inverse_widths = _components(mixture)     # each (N, M, H, W)
    upper = (x - centres + HALF_LEVEL) * inverse_widths
    lower = (x - centres - HALF_LEVEL) * inverse_widths
    # sigmoid(u) - sigmoid(l) = sigmoid(u) sigmoid(-l) (1 - exp(l - u)), which does not cancel
    inside = torch.log(-torch.expm1(lower - upper))
    below = functional.logsigmoid(upper).masked_fill(x > 0.999, 0.0)
    above = functional.logsigmoid(-lower).masked_fill(x < -0.999, 0.0)
    log_probability = below + above + inside.masked_fill((x < -0.999) | (x > 0.999), 0.0)
    return torch.logsumexp(log_weights + log_probability, dim=1)


def draw_level(mixture: Tensor, generator: torch.Generator) -> Tensor:
    """Draw grey levels (n,), whole numbers from 0 to 255, from mixtures (n, 3 M)."""
    log_weights, centres, inverse_widths = _components(mixture)     # each (n, M)
    chance = torch.rand(2, len(mixture), generator=generator).clamp(1e-6, 1 - 1e-6).to(mixture)
    which = (log_weights.softmax(1).cumsum(1) < chance[:1].T).sum(1, keepdim=True)
    which = which.clamp(max=log_weights.shape[1] - 1)               # the sum may end a little under 1
    x = (centres.gather(1, which) + torch.logit(chance[1:].T) / inverse_widths.gather(1, which)).squeeze(1)
    return ((x + 1) * 127.5).round().clamp(0, 255)


def _components(mixture: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Give log weights, centres and inverse widths; the network's numbers are of the order of one."""
    weights, centres, widths = mixture.chunk(3, dim=1)
    return weights.log_softmax(1), centres, torch.exp((2 - widths).clamp(max=8))


def _levels(images: Tensor) -> Tensor:
    """Give the grey level, 0 to 255, of intensities in [0, 1]: of k / 255, and of (k + noise) / 256."""
    return (images * 256).floor().clamp(0, 255)


def _symmetric(levels: Tensor) -> Tensor:
    return levels / 127.5 - 1

"""The flow with affine coupling layers (RealNVP), whose coupling networks are small U-nets.

A flow is a chain of invertible maps that turns images into noise. As nothing is lost on the way, the density
of an image is known exactly, by the change of variables

    log p(x)  =  log N( f(x); 0, 1 )  +  log | det df/dx |

and an image is drawn by sending noise through the inverse. A coupling layer is a map whose inverse and
determinant cost nothing: one half of the variables, which a mask b selects, stays as it is and decides how
the other half is scaled and shifted,

    y  =  b x  +  (1 - b) ( x exp( s(b x) ) + t(b x) )          log | det dy/dx |  =  sum (1 - b) s(b x)

with networks s and t as complicated as one likes: they are never inverted.

Papers:
    Dinh et al., "Density estimation using Real NVP", 2017, https://arxiv.org/abs/1605.08803
    Theis et al., "A note on the evaluation of generative models", 2016, https://arxiv.org/abs/1511.01844
        (section 3.1: grey levels need noise before a density can be fitted to them)
    Ronneberger et al., "U-Net", 2015, https://arxiv.org/abs/1505.04597
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.contract import GenerativeModel

from training import Progress, Speed, bfloat16_is_fast, train

__all__ = [
    "AffineCoupling", "RealNVP", "UNet", "channel_mask", "checkerboard_mask", "dequantise", "grey_levels",
]


class RealNVP(nn.Module, GenerativeModel):
    """RealNVP of two scales: couplings on 14 x 14 x 4 variables, of which half go on to 7 x 7 x 8.

    Squeezing 2 x 2 pixels into 4 channels comes first, so that all networks are cheap; the checkerboard of
    the paper becomes a choice of two of these four channels. The paper's batch norm is left out.

    Args:
        couplings: coupling layers at each of the two scales.
        channels: feature maps of the U-nets at full size; half the size has twice as many.
        epochs: how often `fit` sees every training image.
        margin: how far from 0 and 1 intensities are kept before the logit; the alpha of the paper.

    """

    log_prob_kind = "exact"

    def __init__(
        self, *, couplings: int = 6, channels: int = 24, epochs: int = 5, margin: float = 0.002,
    ) -> None:
        super().__init__()
        self.epochs = epochs
        self.margin = margin
        self.centre: Tensor     # mean and standard deviation of the logits of training images
        self.spread: Tensor
        self.register_buffer("centre", torch.tensor(0.0))
        self.register_buffer("spread", torch.tensor(1.0))
        self.levels = nn.ModuleList([
            nn.ModuleList([
                AffineCoupling(mask, UNet(size, 2 * size, width=channels))
                for mask in _alternating_masks(size, couplings)
            ])
            for size in (4, 8)
        ])

    # -- the model -------------------------------------------------------------------------------------

    def to_latent(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Turn images (N, 1, H, W) within (0, 1) into noise (N, H W); also give log |det| of that, (N,)."""
        x, log_det = _logit(images, self.margin)
        x = (x - self.centre) / self.spread
        log_det = log_det - images[0].numel() * torch.log(self.spread)
        latents = []
        for level in self.levels:
            x = functional.pixel_unshuffle(x, 2)                    # (N, C, H, W) -> (N, 4C, H/2, W/2)
            for step in level:  # type: ignore[attr-defined]  # torch types the entries as plain modules
                x, more = step(x)
                log_det = log_det + more
            done, x = x.chunk(2, dim=1)                             # half of the variables are finished
            latents.append(done.flatten(1))
        latents.append(x.flatten(1))
        return torch.cat(latents, dim=1), log_det

    def from_latent(self, noise: Tensor) -> Tensor:
        """Turn noise (N, H W) into images (N, 1, H, W): `to_latent`, step by step backwards."""
        count, side = len(noise), math.isqrt(noise.shape[1])
        first, second, third = torch.tensor_split(noise, [side**2 // 2, side**2 * 3 // 4], dim=1)
        parts = [first.view(count, 2, side // 2, side // 2), second.view(count, 4, side // 4, side // 4)]
        x = third.view(count, 4, side // 4, side // 4)
        for level in reversed(self.levels):
            x = torch.cat([parts.pop(), x], dim=1)
            for step in reversed(level):  # type: ignore[call-overload]  # likewise
                x = step.inverse(x)
            x = functional.pixel_shuffle(x, 2)                      # (N, 4C, H/2, W/2) -> (N, C, H, W)
        x = torch.sigmoid(x * self.spread + self.centre)
        return (x - self.margin) / (1 - 2 * self.margin)        # a little outside [0, 1], at times

    def log_density(self, images: Tensor) -> Tensor:
        """Give log p(x), (N,) in nats, of dequantised images (N, 1, H, W): the change of variables."""
        noise, log_det = self.to_latent(images)
        return -0.5 * (noise**2 + math.log(2 * math.pi)).sum(1) + log_det

    def loss(self, images: Tensor) -> Tensor:
        """Give the mean negative log density of a batch of grey images, with fresh noise on each."""
        return -self.log_density(dequantise(images)).mean()

    # -- the contract ----------------------------------------------------------------------------------

    def fit(
        self, images: Tensor, labels: Tensor | None = None, *, seed: int, device: str = "cpu",
        deadline: float = math.inf, progress: Progress | None = None,
    ) -> None:
        """Train on images (N, 1, 28, 28); labels are not used."""
        del labels
        torch.manual_seed(seed)
        self.to(device).train().prepare(dequantise(images[:1000].to(device)))
        train(
            self, self.loss, images, epochs=self.epochs, batch_size=64, learning_rate=2e-3, anneal=True,
            clip=1000.0, speed=Speed(bfloat16=bfloat16_is_fast(device), channels_last=True),
            seed=seed, device=device, deadline=deadline, progress=progress,
        )

    @torch.no_grad()
    def prepare(self, images: Tensor) -> None:
        """Set what the first images decide: here only where the logits lie."""
        logits, _ = _logit(images, self.margin)
        self.centre.copy_(logits.mean())
        self.spread.copy_(logits.std())

    @torch.no_grad()
    def sample(self, count: int, *, labels: Tensor | None = None, seed: int) -> Tensor:
        """Draw noise and send it backwards through the flow; give images (count, 1, 28, 28)."""
        del labels
        generator = torch.Generator().manual_seed(seed)     # on the CPU: every device draws the same noise
        noise = torch.randn(count, 784, generator=generator)
        device = next(self.parameters()).device
        parts = torch.split(noise, self.batch_size)
        return torch.cat([grey_levels(self.from_latent(part.to(device))) / 255 for part in parts])

    @torch.no_grad()
    def log_prob(self, images: Tensor) -> Tensor:
        """Give the exact log density (N,) in nats of images dequantised to [0, 1]."""
        return self.log_density(images)


class AffineCoupling(nn.Module):
    """Scale and shift the variables that the mask leaves out, by what a network makes of the others.

    Args:
        mask: one number for each channel; 1 where it stays as it is, 0 where it is changed.
        network: maps (N, C, H, W) to (N, 2 C, H, W), the raw scales and the shifts.

    """

    def __init__(self, mask: Tensor, network: nn.Module) -> None:
        super().__init__()
        self.mask: Tensor
        self.register_buffer("mask", mask.view(1, -1, 1, 1), persistent=False)
        self.network = network
        self.reach = nn.Parameter(torch.full((1, len(mask), 1, 1), 2.0))    # no scale leaves +-reach

    def scale_and_shift(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Give s and t, of the shape of x; both are 0 where the mask keeps x as it is."""
        raw, t = self.network(self.mask * x).chunk(2, dim=1)
        return (1 - self.mask) * self.reach * torch.tanh(raw), (1 - self.mask) * t

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Give y, of the shape of x, and log |det|, (N,)."""
        s, t = self.scale_and_shift(x)
        return x * torch.exp(s) + t, s.sum((1, 2, 3))

    def inverse(self, y: Tensor) -> Tensor:
        """Give the x of which y was made: what was kept is the same in both, so s and t are, too."""
        s, t = self.scale_and_shift(y)
        return (y - t) * torch.exp(-s)


class UNet(nn.Module):
    """A small U-net: look at the whole at half the size, then decide at full size what to do where.

    It begins with a last layer of zeros, so that a flow begins as the identity.
    """

    def __init__(self, inputs: int, outputs: int, *, width: int) -> None:
        super().__init__()
        self.begin = nn.Conv2d(inputs, width, 3, padding=1)
        self.down = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.middle = nn.Conv2d(2 * width, 2 * width, 3, padding=1)
        self.end = nn.Conv2d(3 * width, outputs, 3, padding=1)
        nn.init.zeros_(self.end.weight)
        nn.init.zeros_(self.end.bias)   # type: ignore[arg-type]  # it is there unless bias=False

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H, W)."""
        fine = functional.relu(self.begin(x))                       # (N, width, H, W)
        coarse = functional.relu(self.down(fine))                   # (N, 2 width, H/2, W/2)
        coarse = functional.relu(self.middle(coarse))
        wide = functional.interpolate(coarse, size=fine.shape[-2:])     # (N, 2 width, H, W)
        end: Tensor = self.end(torch.cat([fine, wide], dim=1))
        return end


def dequantise(images: Tensor) -> Tensor:
    """Spread each of the 256 grey levels evenly over its 1/256 of [0, 1], by noise.

    Without it, a density could rise to infinity at the 256 values, and the better for it the loss would be.
    """
    levels = grey_levels(images)
    return (levels + torch.rand_like(levels)) / 256


def grey_levels(images: Tensor) -> Tensor:
    """Give the grey level, 0 to 255, of intensities in [0, 1]: of k / 255, and of (k + noise) / 256."""
    return (images * 256).floor().clamp(0, 255)


def checkerboard_mask(channels: int) -> Tensor:
    """Select, among channels that come from 2 x 2 pixels each, those of the diagonal: 1 0 0 1 1 0 0 1 ...

    On the picture before squeezing these are the black squares of a checkerboard.
    """
    return torch.tensor([1.0, 0.0, 0.0, 1.0]).repeat(channels // 4)


def channel_mask(channels: int) -> Tensor:
    """Select the first half of the channels."""
    return (torch.arange(channels) < channels // 2).float()


def _alternating_masks(channels: int, count: int) -> list[Tensor]:
    """Checkerboards for the first half of the layers, then halves of the channels; each then its opposite."""
    masks = [checkerboard_mask(channels) if k < count / 2 else channel_mask(channels) for k in range(count)]
    return [mask if k % 2 == 0 else 1 - mask for k, mask in enumerate(masks)]


def _logit(images: Tensor, margin: float) -> tuple[Tensor, Tensor]:
    """Stretch [0, 1] to the real line; also give log |det|, (N,)."""
    x = margin + (1 - 2 * margin) * images                          # the logit of 0 would be infinite
    # d logit(x) / dx = 1 / ( x (1 - x) )
    log_det = math.log(1 - 2 * margin) - torch.log(x) - torch.log1p(-x)
    return torch.logit(x), log_det.sum((1, 2, 3))

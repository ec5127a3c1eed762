"""The denoising diffusion model: images out of noise, by taking a little of the noise away many times.

Forwards, an image is drowned in Gaussian noise over T steps; nothing is learned there, all is known:

    q(x_t | x_0) = N( sqrt(a_t) x_0, (1 - a_t) I )          a_0 = 1 falls to a_T, almost 0: the noise schedule

Backwards, a network looks at x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) noise and says what is noise in it and what
is image. Ho asks it for the noise. But where nearly all is noise, naming it is easy and tells little of the
image; so here the network is asked for a mixture, from which both follow at every step (Salimans & Ho):

    v = sqrt(a_t) noise - sqrt(1 - a_t) x_0                 loss = E | v - network(x_t, t) |^2

    x_0 = sqrt(a_t) x_t - sqrt(1 - a_t) v                   noise = sqrt(1 - a_t) x_t + sqrt(a_t) v

With a guess of x_0 comes the next x_s of less noise, s < t. Going through all T steps with fresh noise at
each is Ho's sampler; without fresh noise most steps can be left out, and 25 are enough (DDIM).

Papers (a_t is their alpha with a bar):
    Ho et al., "Denoising Diffusion Probabilistic Models", 2020, https://arxiv.org/abs/2006.11239
    Song et al., "Denoising Diffusion Implicit Models", 2021, https://arxiv.org/abs/2010.02502 (`denoise`)
    Nichol & Dhariwal, "Improved DDPM", 2021, https://arxiv.org/abs/2102.09672 (the cosine schedule)
    Salimans & Ho, "Progressive Distillation", 2022, https://arxiv.org/abs/2202.00512 (v)
    Kingma et al., "Variational Diffusion Models", 2021, https://arxiv.org/abs/2107.00630 (`log_prob`)
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.contract import GenerativeModel, from_symmetric, to_symmetric

from training import Progress, Speed, bfloat16_is_fast, train

__all__ = ["DDPM", "UNet", "noise_schedule"]


class DDPM(nn.Module, GenerativeModel):
    """Ho's diffusion model with a small U-net.

    Args:
        channels: feature maps of the U-net at its finer resolution.
        steps: T, how finely the noise is graded.
        schedule: how a_t falls: "linear" as Ho, in variance added, or "cosine" as Nichol and Dhariwal.
        sampling_steps: how many of the T steps `sample` visits.
        bound_steps: how many of them `log_prob` visits; more bring the bound closer.
        epochs: how often `fit` sees every training image.

    """

    log_prob_kind = "bound"

    def __init__(
        self, *, channels: int = 32, steps: int = 1000, schedule: Literal["linear", "cosine"] = "cosine",
        sampling_steps: int = 25, bound_steps: int = 50, epochs: int = 20,
    ) -> None:
        super().__init__()
        self.steps = steps
        self.sampling_steps = sampling_steps
        self.bound_steps = bound_steps
        self.epochs = epochs
        self.network = UNet(channels).to(memory_format=torch.channels_last)
        self.signal: Tensor                                         # a_0 ... a_T: what is left of the image
        self.register_buffer("signal", noise_schedule(schedule, steps).float(), persistent=False)

    # -- the model -------------------------------------------------------------------------------------

    def drown(self, x: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """Give x_t (N, 1, 28, 28) of the images x in [-1, 1], for steps t (N,): a draw from q(x_t | x_0)."""
        a = self.signal[t].view(-1, 1, 1, 1)
        return a.sqrt() * x + (1 - a).sqrt() * noise

    def guess_image(self, x_t: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        """Give the network's guess of x_0 (N, 1, 28, 28), given x_t and steps t (N,)."""
        del labels
        return self.image_of(x_t, t, self.network(x_t, t / self.steps))

    def image_of(self, x_t: Tensor, t: Tensor, v: Tensor) -> Tensor:
        """Give the x_0 that x_t and v tell."""
        a = self.signal[t].view(-1, 1, 1, 1)
        return a.sqrt() * x_t - (1 - a).sqrt() * v

    def loss(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Give the mean squared error of v, at random steps."""
        del labels
        x_t, t, v = self.draw_noisy(to_symmetric(images))
        return functional.mse_loss(self.network(x_t, t / self.steps), v)

    def draw_noisy(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Draw a step t (N,) for each image, and noise; give x_t, t and v."""
        t = torch.randint(1, self.steps + 1, (len(x),), device=x.device)
        noise = torch.randn_like(x)
        a = self.signal[t].view(-1, 1, 1, 1)
        return self.drown(x, t, noise), t, a.sqrt() * noise - (1 - a).sqrt() * x

    def path(self, count: int, *, power: float = 1.0) -> list[int]:
        """Choose `count` of the T steps, from 1 to T; with a greater power, denser where noise is small."""
        if count >= self.steps:
            return list(range(1, self.steps + 1))
        places = torch.linspace(0, 1, count, dtype=torch.float64) ** power
        return sorted(set((1 + (self.steps - 1) * places).round().int().tolist()))

    @torch.no_grad()
    def denoise(
        self, x: Tensor, labels: Tensor | None = None, *, steps: int, eta: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Lead pure noise x (N, 1, 28, 28) to images in [-1, 1] in `steps` steps (Song, equations 12 and 16).

        With eta = 0 no fresh noise is drawn, and the image is a function of x: DDIM. With eta = 1 and all
        steps it is Ho's algorithm 2, which draws the most.
        """
        way = [0, *self.path(steps, power=0.75)]
        for s, t in zip(way[-2::-1], way[:0:-1], strict=True):      # from t = T down to s = 0
            step = torch.full((len(x),), t, device=x.device)
            image = self.guess_image(x, step, labels).clamp(-1, 1)
            a_s, a_t = self.signal[s], self.signal[t]
            noise = (x - a_t.sqrt() * image) / (1 - a_t).sqrt()     # that fits the image, which was clipped
            sigma = eta * ((1 - a_s) / (1 - a_t) * (1 - a_t / a_s)).sqrt()
            x = a_s.sqrt() * image + (1 - a_s - sigma**2).clamp(min=0).sqrt() * noise
            if eta > 0:
                x = x + sigma * torch.randn(x.shape, generator=generator).to(x)
        return x.clamp(-1, 1)

    def in_fast_arithmetic(self) -> torch.autocast:
        """Let the network multiply in bfloat16 where the machine is made for it; twice as fast to sample."""
        kind = self.signal.device.type
        return torch.autocast(kind, torch.bfloat16, enabled=bfloat16_is_fast(kind))

    # -- the contract ----------------------------------------------------------------------------------

    def fit(
        self, images: Tensor, labels: Tensor | None = None, *, seed: int, device: str = "cpu",
        deadline: float = math.inf, progress: Progress | None = None,
    ) -> None:
        """Train on images (N, 1, 28, 28); labels are used only by a conditional model."""
        train(
            self, self.loss, images, labels if self.conditional else None, epochs=self.epochs, batch_size=64,
            learning_rate=2e-3, anneal=True, clip=1.0, average=0.999, seed=seed, device=device,
            speed=Speed(bfloat16=bfloat16_is_fast(device), channels_last=True),
            deadline=deadline, progress=progress,
        )

    @torch.no_grad()
    def sample(self, count: int, *, labels: Tensor | None = None, seed: int) -> Tensor:
        """Draw noise and lead it to images (count, 1, 28, 28) by DDIM."""
        generator = torch.Generator().manual_seed(seed)     # on the CPU: every device draws the same noise
        noise = torch.randn(count, 1, 28, 28, generator=generator)
        parts = []
        for start in range(0, count, self.batch_size):
            part = slice(start, start + self.batch_size)
            asked = None if labels is None else labels[part].to(self.signal.device)
            with self.in_fast_arithmetic():
                made = self.denoise(noise[part].to(self.signal.device), asked, steps=self.sampling_steps)
            parts.append(made)
        images: Tensor = from_symmetric(torch.cat(parts))
        return images

    @torch.no_grad()
    def log_prob(self, images: Tensor) -> Tensor:
        """Give the variational bound (N,) in nats on the log density of images dequantised to [0, 1].

        log p(x)  >=  E_q [ log p(x | x_1) - sum_t KL( q(x_s | x_t, x) || p(x_s | x_t) ) ]
                      - KL( q(x_T | x) || N(0, I) )

        where s is the step before t. A chain that visits only some steps is a model like the whole one, and
        its bound holds; that is what is computed. Both distributions in the sum have the variance of q, so
        that a KL is (a_s / (1 - a_s) - a_t / (1 - a_t)) / 2 times the squared error of the guess of x
        (Kingma, equation 13). p(x | x_1) gives probabilities to the 256 grey values (Ho, equation 13), and
        its density is the same all over the 1/256 of a grey value. The noises are fixed and the same for
        every image, so that an image's number does not depend on its batch.
        """
        grey = (images * 256).floor().clamp(0, 255)
        x = grey / 127.5 - 1
        generator = torch.Generator().manual_seed(0)
        a = self.signal.double()
        ratio = a / (1 - a)                                 # of signal to noise
        way = self.path(self.bound_steps, power=3)
        end = a[self.steps]
        nats = ((end * x**2 - end - torch.log1p(-end)) / 2).sum((1, 2, 3))      # what x_T still knows of x
        for s, t in zip([0, *way[:-1]], way, strict=True):
            noise = torch.randn(1, 1, 28, 28, generator=generator).to(x)
            step = torch.full((len(x),), t, device=x.device)
            with self.in_fast_arithmetic():
                guess = self.guess_image(self.drown(x, step, noise), step).clamp(-1, 1)
            if s == 0:
                nats -= grey_log_probability(x, guess, (1 - self.signal[1]).sqrt()).sum((1, 2, 3))
            else:
                nats += (ratio[s] - ratio[t]) / 2 * ((x - guess) ** 2).sum((1, 2, 3))
        bound: Tensor = 784 * math.log(256) - nats
        return bound.float()


def noise_schedule(kind: Literal["linear", "cosine"], steps: int) -> Tensor:
    """Give a_0 = 1 ... a_T (T + 1,), float64: the share of the image's variance that is left at each step.

    "linear" adds variance 1e-4 in the first of 1000 steps and 0.02 in the last (Ho, section 4); "cosine" is
    Nichol and Dhariwal's equation 17, which destroys more evenly. Some of the image, 1e-4, is always left.
    """
    if kind == "linear":
        added = torch.linspace(1e-4, 0.02, steps, dtype=torch.float64) * 1000 / steps
    else:
        angle = (torch.arange(steps + 1, dtype=torch.float64) / steps + 0.008) / 1.008 * math.pi / 2
        level = torch.cos(angle) ** 2
        added = (1 - level[1:] / level[:-1]).clamp(max=0.999)
    left = torch.cat([torch.ones(1, dtype=torch.float64), torch.cumprod(1 - added, dim=0)])
    return left.clamp(min=1e-4)


def grey_log_probability(x: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    """Give the log probability of grey values under a Gaussian around `mean` that is cut into 256 bins.

    The bins of x in -1, -1 + 2/255 ... 1 reach 1/255 to both sides; the outermost reach to infinity.
    """
    below = torch.where(x < -0.999, -math.inf, (x - 1 / 255 - mean) / deviation)
    above = torch.where(x > 0.999, math.inf, (x + 1 / 255 - mean) / deviation)
    # In the tail both ends are 1 to float32's precision; mirrored, they are small numbers instead.
    mirrored = below > 0
    low, high = torch.where(mirrored, -above, below), torch.where(mirrored, -below, above)
    return torch.log((torch.special.ndtr(high) - torch.special.ndtr(low)).clamp(min=1e-30))


# -- the network ---------------------------------------------------------------------------------------


class UNet(nn.Module):
    """Sees v in a noisy image: down to 7 x 7 and 4 x 4 and up again, with a short cut at every size.

    Four neighbouring pixels are first laid on top of each other, which quarters the work of every layer.

    Args:
        channels: c, feature maps at 14 x 14; two and three times as many at the smaller sizes.
        classes: how many labels there are to condition on, "no label" included; 0 takes no labels.

    """

    def __init__(self, channels: int, *, classes: int = 0) -> None:
        super().__init__()
        c = channels
        self.time = TimeEmbedding(c)
        self.label = nn.Embedding(classes, 4 * c) if classes else None
        self.enter = nn.Conv2d(4, c, 3, padding=1)
        self.fine = Residual(c, c, 4 * c)
        self.down = nn.Conv2d(c, 2 * c, 3, stride=2, padding=1)
        self.middle = Residual(2 * c, 2 * c, 4 * c)
        self.further_down = nn.Conv2d(2 * c, 3 * c, 3, stride=2, padding=1)
        self.coarse = nn.ModuleList([Residual(3 * c, 3 * c, 4 * c) for _ in range(2)])
        self.attention = Attention(3 * c)
        self.up = nn.Conv2d(3 * c, 8 * c, 1)
        self.merge_middle = Residual(4 * c, 2 * c, 4 * c)
        self.further_up = nn.Conv2d(2 * c, 4 * c, 1)
        self.merge_fine = Residual(2 * c, c, 4 * c)
        self.leave = nn.Sequential(Norm(c), nn.SiLU(), nn.Conv2d(c, 4, 3, padding=1))

    def forward(self, x: Tensor, time: Tensor, labels: Tensor | None = None) -> Tensor:
        """Give v (N, 1, 28, 28) of x, for times (N,) from 0 to 1 and labels (N,)."""
        about = self.time(time)                                             # (N, 4c)
        if self.label is not None:
            about = about + self.label(labels)
        h = self.enter(functional.pixel_unshuffle(x, 2))                    # (N, 1, 28, 28) -> (N, c, 14, 14)
        fine = self.fine(h, about)
        middle = self.middle(self.down(fine), about)                        # -> (N, 2c, 7, 7)
        h = self.coarse[0](self.further_down(middle), about)                # -> (N, 3c, 4, 4)
        h = self.coarse[1](self.attention(h), about)
        h = functional.pixel_shuffle(self.up(h), 2)[:, :, :7, :7]           # -> (N, 2c, 7, 7)
        h = self.merge_middle(torch.cat([h, middle], dim=1), about)         # (N, 4c, 7, 7) -> (N, 2c, 7, 7)
        h = torch.cat([functional.pixel_shuffle(self.further_up(h), 2), fine], dim=1)   # -> (N, 2c, 14, 14)
        h = self.merge_fine(h, about)                                       # -> (N, c, 14, 14)
        return functional.pixel_shuffle(self.leave(h), 2)                   # -> (N, 1, 28, 28)


class TimeEmbedding(nn.Module):
    """Spreads a time from 0 to 1 over waves of many lengths, as positions are in a transformer."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        c = self.channels = channels
        self.layers = nn.Sequential(nn.Linear(2 * c, 4 * c), nn.SiLU(), nn.Linear(4 * c, 4 * c))

    def forward(self, time: Tensor) -> Tensor:
        """Give (N, 4c) of times (N,)."""
        frequencies = torch.exp(torch.linspace(0, math.log(1000), self.channels, device=time.device))
        angles = time[:, None] * frequencies                                # (N, c)
        about: Tensor = self.layers(torch.cat([angles.sin(), angles.cos()], dim=1))
        return about


class Residual(nn.Module):
    """Two convolutions beside a short cut; what is known of time and label scales and shifts the features."""

    def __init__(self, before: int, after: int, width: int) -> None:
        super().__init__()
        self.first = nn.Sequential(Norm(before), nn.SiLU(), nn.Conv2d(before, after, 3, padding=1))
        self.norm = Norm(after)
        self.about = nn.Linear(width, 2 * after)
        self.second = nn.Conv2d(after, after, 3, padding=1)
        nn.init.zeros_(self.second.weight)              # so that at first the block changes nothing
        self.short = nn.Conv2d(before, after, 1) if before != after else nn.Identity()

    def forward(self, x: Tensor, about: Tensor) -> Tensor:
        """Give (N, after, h, w) of x (N, before, h, w) and of what is known (N, width)."""
        scale, shift = self.about(functional.silu(about))[:, :, None, None].chunk(2, dim=1)
        h = self.norm(self.first(x)) * (1 + scale) + shift
        out: Tensor = self.short(x) + self.second(functional.silu(h))
        return out


class Attention(nn.Module):
    """Lets every place look at all others, beside a short cut (Vaswani et al. 2017)."""

    def __init__(self, channels: int, *, heads: int = 2) -> None:
        super().__init__()
        self.heads = heads
        self.norm = Norm(channels)
        self.ask = nn.Conv2d(channels, 3 * channels, 1)
        self.answer = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Give (N, c, h, w) of x (N, c, h, w)."""
        n, c, height, width = x.shape
        places = self.ask(self.norm(x)).flatten(2).unflatten(1, (3 * self.heads, -1))  # (N, 3 heads, d, h w)
        query, key, value = places.transpose(2, 3).chunk(3, dim=1)                  # each (N, heads, h w, d)
        # Written out: torch's fused attention is slower for so few places.
        weight = (query @ key.transpose(2, 3) / math.sqrt(c / self.heads)).softmax(3)
        seen = (weight @ value).transpose(2, 3)                                     # (N, heads, d, h w)
        out: Tensor = x + self.answer(seen.reshape(n, c, height, width))
        return out


class Norm(nn.Module):
    """Gives the features of every place mean 0 and variance 1.

    It stands where Ho has group normalisation, which also averages over the image: on a CPU that takes as
    long as the convolutions.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Give (N, c, h, w) of x (N, c, h, w); in the layout channels last nothing is moved."""
        out: Tensor = self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return out

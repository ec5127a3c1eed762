"""Guidance: a diffusion model that is asked for a class, and told how much to insist on it.

A diffusion model guesses the image x_0 in the noisy x_t, and so knows in which direction x_t gets likelier:

    gradient of log p(x_t) = ( sqrt(a_t) guess(x_t) - x_t ) / (1 - a_t)

To ask for class y, add what Bayes' rule says is missing, the gradient of log p(y | x_t); to insist, add it
several times over. There are two ways to it:

    classifier guidance       a second network, trained on noisy images, gives p(y | x_t) and its gradient:
                              guess(x_t) + s (1 - a_t) / sqrt(a_t) gradient of log p(y | x_t)
    classifier-free guidance  the model itself guesses with the label and without, for in training a tenth of
                              the labels are withheld; the difference of both guesses is that gradient:
                              (1 + w) guess(x_t, y) - w guess(x_t)

The more guidance, the surer the class and the fewer the kinds of images: `sweep` shows both.

Papers:
    Dhariwal & Nichol, "Diffusion Models Beat GANs", 2021, https://arxiv.org/abs/2105.05233 (algorithm 2)
    Ho & Salimans, "Classifier-Free Diffusion Guidance", 2022, https://arxiv.org/abs/2207.12598 (equation 6)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.contract import to_symmetric

from ddpm import DDPM, Residual, TimeEmbedding, UNet

__all__ = ["GuidancePoint", "GuidedDiffusion", "frechet_distance"]

Judge = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Gives features (N, f) and class probabilities (N, classes) of images (N, 1, 28, 28) in [0, 1]."""


@dataclass(frozen=True)
class GuidancePoint:
    """What one scale of guidance gives.

    Attributes:
        scale: the guidance, w or s.
        label_accuracy: the share of samples in which the judge sees the class that was asked for.
        frechet: the Fréchet distance of the samples' features to those of real images, over the variance of
            the latter: 0 is the same.
        spread: the variance of the samples' features within a class, over that of real images: below 1 there
            are fewer kinds of images than there should be.

    """

    scale: float
    label_accuracy: float
    frechet: float
    spread: float


class GuidedDiffusion(DDPM):
    """A diffusion model with labels, and both kinds of guidance.

    Args:
        guidance: which kind `sample` uses.
        scale: how much of it: w, where 0 is the conditional model as it is; or s, where 0 takes no notice of
            the label.
        withheld: how many of the labels the model does not get to see in training.
        classes: how many labels there are.
        channels: feature maps of the U-net at its finer resolution, and of the classifier.
        sampling_steps: how many of the 1000 steps `sample` visits.
        bound_steps: how many of them `log_prob` visits; it is that of the model without a label.
        epochs: how often `fit` sees every training image.

    """

    conditional = True

    def __init__(
        self, *, guidance: Literal["classifier_free", "classifier"] = "classifier_free", scale: float = 0.5,
        withheld: float = 0.1, classes: int = 10, channels: int = 32, sampling_steps: int = 25,
        bound_steps: int = 50, epochs: int = 20,
    ) -> None:
        super().__init__(
            channels=channels, sampling_steps=sampling_steps, bound_steps=bound_steps, epochs=epochs)
        self.guidance = guidance
        self.scale = scale
        self.withheld = withheld
        self.classes = classes                          # the label `classes` itself stands for "no label"
        self.network = UNet(channels, classes=classes + 1).to(memory_format=torch.channels_last)
        self.classifier = NoisyClassifier(channels, classes).to(memory_format=torch.channels_last)

    # -- the model -------------------------------------------------------------------------------------

    def loss(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Give the error of v, labels withheld at random, and the classifier's cross-entropy on the same x_t.

        The two networks share no weights, so that each is trained as if it were alone.
        """
        assert labels is not None  # noqa: S101 - `fit` of a conditional model is given labels
        x_t, t, v = self.draw_noisy(to_symmetric(images))
        hidden = torch.rand(len(labels), device=labels.device) < self.withheld
        seen = torch.where(hidden, self.classes, labels)
        cross_entropy = functional.cross_entropy(self.classifier(x_t, t / self.steps).float(), labels)
        return functional.mse_loss(self.network(x_t, t / self.steps, seen), v) + cross_entropy

    def guess_image(self, x_t: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        """Give the guess of x_0 (N, 1, 28, 28), guided towards the labels (N,) where there are any."""
        nothing = torch.full((len(x_t),), self.classes, device=x_t.device)
        without = self.image_of(x_t, t, self.network(x_t, t / self.steps, nothing))
        if labels is None:
            return without
        if self.guidance == "classifier":
            a = self.signal[t].view(-1, 1, 1, 1)
            return without + self.scale * (1 - a) / a.sqrt() * self.class_gradient(x_t, t, labels)
        with_label = self.image_of(x_t, t, self.network(x_t, t / self.steps, labels))
        return (1 + self.scale) * with_label - self.scale * without

    @torch.enable_grad()
    def class_gradient(self, x_t: Tensor, t: Tensor, labels: Tensor) -> Tensor:
        """Give the gradient of log p(y | x_t) by x_t, (N, 1, 28, 28)."""
        x_t = x_t.detach().requires_grad_()
        log_probability = functional.log_softmax(self.classifier(x_t, t / self.steps).float(), dim=1)
        chosen = log_probability.gather(1, labels[:, None]).sum()   # no image has a part in another's
        return torch.autograd.grad(chosen, x_t)[0]

    # -- the contract ----------------------------------------------------------------------------------

    @torch.no_grad()
    def sample(self, count: int, *, labels: Tensor | None = None, seed: int) -> Tensor:
        """Draw images (count, 1, 28, 28) of the classes asked for, or of all in equal shares, in turn."""
        if labels is None:
            labels = torch.arange(count) % self.classes
        return super().sample(count, labels=labels, seed=seed)

    # -- what guidance does ----------------------------------------------------------------------------

    def sweep(
        self, judge: Judge, images: Tensor, labels: Tensor, *, scales: Sequence[float] = (0, 0.5, 1, 2, 4),
        count: int = 1000, seed: int = 0,
    ) -> list[GuidancePoint]:
        """Sample with several scales of guidance, from the same noise, and let a judge look at the samples.

        Args:
            judge: gives features and class probabilities.
            images: real images (N, 1, 28, 28) to compare with.
            labels: their classes (N,).
            scales: of the guidance, tried one after another.
            count: images drawn for each scale; several for every feature.
            seed: of the noise.

        """
        real = judge(images)[0].double()
        variance, within = torch.cov(real.T).trace(), variance_within(real, labels)
        asked = torch.arange(count) % self.classes
        usual, points = self.scale, []
        for scale in scales:
            self.scale = scale
            features, probabilities = judge(self.sample(count, labels=asked, seed=seed))
            features = features.double()
            points.append(GuidancePoint(
                scale=scale,
                label_accuracy=(probabilities.argmax(1) == asked).double().mean().item(),
                frechet=(frechet_distance(real, features) / variance).item(),
                spread=(variance_within(features, asked) / within).item(),
            ))
        self.scale = usual
        return points


class NoisyClassifier(nn.Module):
    """Says which class a noisy image has, if that can still be told; it is asked for its gradient only."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        c = channels
        self.time = TimeEmbedding(c)
        self.enter = nn.Conv2d(4, c, 3, stride=2, padding=1)
        self.blocks = nn.ModuleList([Residual(c, 2 * c, 4 * c), Residual(2 * c, 2 * c, 4 * c)])
        self.leave = nn.Linear(2 * c, classes)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """Give logits (N, classes) of images (N, 1, 28, 28) at times (N,) from 0 to 1."""
        about = self.time(time)                                     # (N, 4c)
        h = self.enter(functional.pixel_unshuffle(x, 2))            # (N, 1, 28, 28) -> (N, c, 7, 7)
        for block in self.blocks:
            h = block(h, about)                                     # -> (N, 2c, 7, 7)
        logits: Tensor = self.leave(functional.silu(h).mean((2, 3)))
        return logits


def frechet_distance(first: Tensor, second: Tensor) -> Tensor:
    """Give the Fréchet distance of the Gaussians fitted to two sets of features (N, f) (Heusel et al. 2017).

    |m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^1/2; the eigenvalues of S1 S2 are those of A' S2 A, S1 = A A'.
    """
    s1, s2 = torch.cov(first.T), torch.cov(second.T)
    values, vectors = torch.linalg.eigh(s1)
    root = vectors * values.clamp(min=0).sqrt()
    common = torch.linalg.eigvalsh(root.T @ s2 @ root).clamp(min=0).sqrt().sum()
    distance: Tensor = (first.mean(0) - second.mean(0)).square().sum() + s1.trace() + s2.trace() - 2 * common
    return distance


def variance_within(features: Tensor, labels: Tensor) -> Tensor:
    """Give the variance of features (N, f) around the mean of their class, summed over features."""
    parts = [features[labels == label] for label in torch.unique(labels)]
    return torch.stack([part.var(0).sum() for part in parts if len(part) > 1]).mean()

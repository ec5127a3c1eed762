"""The variational autoencoder with fully connected networks.

A VAE explains an image x by a code z of few numbers. The prior p(z) is a standard normal, the decoder gives
p(x | z), and the encoder gives q(z | x), a Gaussian that stands in for the posterior, which nobody can
compute. Both networks are trained together to raise the evidence lower bound (ELBO) on log p(x):

    log p(x)  >=  E_q(z|x) [ log p(x | z) ]  -  KL( q(z | x) || p(z) )
                  how well x is rebuilt         what the code costs

Papers:
    Kingma & Welling, "Auto-Encoding Variational Bayes", 2014, https://arxiv.org/abs/1312.6114
    Higgins et al., "beta-VAE", 2017, https://openreview.net/forum?id=Sy2fzU9gl (the factor before the KL)
    Burda et al., "Importance Weighted Autoencoders", 2016, https://arxiv.org/abs/1509.00519 (`log_prob`)
    Loaiza-Ganem & Cunningham, "The continuous Bernoulli", 2019, https://arxiv.org/abs/1907.06845 (`log_prob`)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from harness.contract import GenerativeModel

from training import PLAIN, Progress, Speed, train

__all__ = ["VAE", "bernoulli_log_likelihood", "continuous_bernoulli_log_density", "gaussian_kl"]


class VAE(nn.Module, GenerativeModel):
    """Kingma and Welling's VAE: 784 pixels - 400 hidden units - 20 numbers - 400 hidden units - 784 pixels.

    Args:
        code_size: how many numbers a code has.
        hidden: width of the hidden layer on either side.
        beta: weight of the KL divergence; 1 is the ELBO, more makes codes simpler and images blurrier.
        epochs: how often `fit` sees every training image.
        importance_samples: codes that `log_prob` draws for each image; more bring the bound closer.

    """

    log_prob_kind = "bound"
    speed: Speed = PLAIN            # what `fit` may do to be faster

    def __init__(
        self, *, code_size: int = 20, hidden: int = 400, beta: float = 1.0, epochs: int = 10,
        importance_samples: int = 8,
    ) -> None:
        super().__init__()
        self.code_size = code_size
        self.beta = beta
        self.epochs = epochs
        self.importance_samples = importance_samples
        self.encoder: nn.Module = nn.Sequential(
            nn.Flatten(),                               # (N, 1, 28, 28) -> (N, 784)
            nn.Linear(784, hidden), nn.ReLU(),          # -> (N, hidden)
            nn.Linear(hidden, 2 * code_size),           # -> (N, 2 d): mean and log variance, side by side
        )
        self.decoder: nn.Module = nn.Sequential(        # gives logits: the loss wants them
            nn.Linear(code_size, hidden), nn.ReLU(),    # (N, d) -> (N, hidden)
            nn.Linear(hidden, 784),                     # -> (N, 784)
            nn.Unflatten(1, (1, 28, 28)),               # -> (N, 1, 28, 28)
        )

    # -- the model -------------------------------------------------------------------------------------

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Give mean and log variance of q(z | x), each (N, d)."""
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        return mean, log_variance

    def draw_code(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        """Draw z from q(z | x) so that gradients reach mean and variance: the reparametrisation trick.

        The chance is moved into a noise that no weight touches; z is a differentiable function of the rest.
        """
        noise = torch.randn_like(mean)                          # (N, d)
        return mean + torch.exp(0.5 * log_variance) * noise     # (N, d)

    def elbo(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Give the two terms of the ELBO in nats, each (N,): log p(x | z) for one drawn z, and the KL.

        p(x | z) is a Bernoulli distribution for every pixel. Grey values are taken for probabilities, as is
        custom: a fine loss, which pulls every pixel to its grey value, though no likelihood of grey images.
        """
        mean, log_variance = self.posterior(images)
        logits = self.decoder(self.draw_code(mean, log_variance))               # (N, 1, 28, 28)
        log_likelihood = bernoulli_log_likelihood(images, logits)
        return log_likelihood.sum((1, 2, 3)), gaussian_kl(mean, log_variance)

    def loss(self, images: Tensor) -> Tensor:
        """Give the mean negative ELBO of a batch; with beta other than 1, that of the beta-VAE."""
        log_likelihood, kl = self.elbo(images)
        return (self.beta * kl - log_likelihood).mean()

    # -- the contract ----------------------------------------------------------------------------------

    def fit(
        self, images: Tensor, labels: Tensor | None = None, *, seed: int, device: str = "cpu",
        deadline: float = math.inf, progress: Progress | None = None,
    ) -> None:
        """Train on images (N, 1, 28, 28), with the settings of the published hand-in; labels are not used."""
        del labels
        train(
            self, self.loss, images, epochs=self.epochs, batch_size=64, learning_rate=1e-3, weight_decay=1e-5,
            seed=seed, speed=self.speed, device=device, deadline=deadline, progress=progress,
        )

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Give the posterior means (N, d): the best single guess of each code, and no chance in it."""
        return self.posterior(images)[0]

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Give the images (N, 1, 28, 28) of codes (N, d): the mean of p(x | z), pixel by pixel."""
        return torch.sigmoid(self.decoder(codes))

    @torch.no_grad()
    def sample(self, count: int, *, labels: Tensor | None = None, seed: int) -> Tensor:
        """Draw codes from the prior and decode them to (count, 1, 28, 28)."""
        del labels
        generator = torch.Generator().manual_seed(seed)     # on the CPU: every device draws the same codes
        codes = torch.randn(count, self.code_size, generator=generator)
        device = next(self.parameters()).device
        return torch.cat([self.decode(part.to(device)) for part in torch.split(codes, self.batch_size)])

    @torch.no_grad()
    def report(self, images: Tensor, labels: Tensor) -> dict[str, float]:
        """Tell the mean ELBO in nats, with grey values for probabilities as in training, and its two terms."""
        del labels
        log_likelihood, kl = map(torch.cat, zip(*map(self.elbo, torch.split(images, self.batch_size)), strict=True))
        return {
            "ELBO": float((log_likelihood - kl).mean()), "log-likelihood of the ELBO": float(log_likelihood.mean()),
            "divergence of the ELBO": float(kl.mean()),
        }

    @torch.no_grad()
    def log_prob(self, images: Tensor) -> Tensor:
        """Give the importance-weighted bound (N,) in nats on the log density of images dequantised to [0, 1].

        log p(x)  >=  log 1/K sum_k  p(x | z_k) p(z_k) / q(z_k | x),  z_k drawn from q(z | x)  (Burda, eq. 8)

        It is the ELBO for K = 1 and grows with K, in expectation. The decoder's logits are read as those of
        the continuous Bernoulli distribution, which is a density on [0, 1], so that the number is one of a
        real, normalised model. The K noises are fixed and the same for every image, so that an image's number
        does not depend on the batch it is in.
        """
        mean, log_variance = self.posterior(images)
        generator = torch.Generator().manual_seed(0)
        noises = torch.randn(self.importance_samples, 1, self.code_size, generator=generator).to(mean)
        log_weights = []
        for noise in noises:                                                    # (1, d)
            codes = mean + torch.exp(0.5 * log_variance) * noise                # (N, d)
            log_likelihood = continuous_bernoulli_log_density(images, self.decoder(codes)).sum((1, 2, 3))
            # log p(z) - log q(z | x); both have d times log(2 pi) / 2, which cancels
            log_ratio = 0.5 * (noise**2 + log_variance - codes**2).sum(1)
            log_weights.append(log_likelihood + log_ratio)
        return torch.logsumexp(torch.stack(log_weights), dim=0) - math.log(self.importance_samples)


def bernoulli_log_likelihood(values: Tensor, logits: Tensor) -> Tensor:
    """Give x log p + (1 - x) log(1 - p) for each value x, where p = sigmoid(logit).

    It is x logit - log(1 + exp(logit)), which is minus torch's `binary_cross_entropy_with_logits`; but that
    calls log1p, which takes eight times as long on a CPU as the logarithm.
    """
    logits = logits.to(values.dtype)            # from bfloat16, if the network computed in that
    return values * logits - logits.clamp(min=0) - torch.log(1 + torch.exp(-logits.abs()))


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Give KL( N(mean, variance) || N(0, 1) ) in nats, summed over the numbers of a code: (N, d) -> (N,).

    Kingma & Welling, appendix B.
    """
    return -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(1)


def continuous_bernoulli_log_density(values: Tensor, logits: Tensor) -> Tensor:
    """Give the log density of the continuous Bernoulli distribution, for each value in [0, 1].

    It is proportional to exp(logit x). Integrating that over [0, 1] gives (exp(logit) - 1) / logit, so with
    h = logit / 2 the log density is (2 x - 1) h - log( sinh(h) / h ).
    """
    half = logits / 2
    size = half.abs().clamp(min=0.01)
    log_sinhc = torch.where(                                # log( sinh(h) / h )
        half.abs() < 0.01,
        half**2 / 6,                                        # its series, where the formula is 0 by 0
        size + torch.log1p(-torch.exp(-2 * size)) - torch.log(2 * size),
    )
    return (2 * values - 1) * half - log_sinhc

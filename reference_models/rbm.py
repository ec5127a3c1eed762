"""The restricted Boltzmann machine on binarised images.

An RBM has a layer of visible units v, the pixels, and one of hidden units h, all 0 or 1, and an energy

    E(v, h)  =  - b v  -  c h  -  v W h                 p(v, h)  =  exp( -E(v, h) ) / Z

There is no connection within a layer: given one layer, the units of the other are independent, and either
layer is drawn from the other at once (Gibbs sampling). The hidden units can be summed out exactly, which
leaves the free energy F(v), and the gradient of the likelihood is a difference of two gradients,

    - d log p(v)  =  d F(v)  -  E_v'~p [ d F(v') ]
                     on data    on the model's own images

whose second part needs images of the model. Persistent contrastive divergence keeps a set of chains that make
a few Gibbs steps for every step of the weights, and takes them for such images.

Papers:
    Smolensky, "Information processing in dynamical systems: foundations of harmony theory", 1986
    Tieleman, "Training restricted Boltzmann machines using approximations to the likelihood gradient", 2008,
        https://www.cs.toronto.edu/~tijmen/pcd/pcd.pdf
    Salakhutdinov & Murray, "On the quantitative analysis of deep belief networks", 2008,
        https://www.cs.toronto.edu/~rsalakhu/papers/dbn_ais.pdf (annealed importance sampling)
    Hinton, "A practical guide to training restricted Boltzmann machines", 2010,
        https://www.cs.toronto.edu/~hinton/absps/guideTR.pdf (the weights to begin with)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.contract import GenerativeModel

from training import Progress, train

__all__ = ["RBM"]


class RBM(nn.Module, GenerativeModel):
    """A Bernoulli RBM with as many hidden units as a code may have numbers.

    Grey values are taken for the probabilities of white pixels, and binarised anew in every step. Images given
    back are the means of the last Gibbs step, not its zeros and ones.

    Args:
        hidden: how many hidden units there are.
        chains: persistent chains, which is the size of a training batch, too.
        gibbs_steps: steps that every chain makes for one step of the weights.
        epochs: how often `fit` sees every training image.
        temperatures: steps of annealing by which `sample` comes to the model; for `log_prob` ten times as many.

    """

    log_prob_kind = "estimate"

    def __init__(
        self, *, hidden: int = 128, chains: int = 100, gibbs_steps: int = 2, epochs: int = 20,
        temperatures: int = 200,
    ) -> None:
        super().__init__()
        self.gibbs_steps, self.epochs, self.temperatures = gibbs_steps, epochs, temperatures
        self.weights = nn.Parameter(0.01 * torch.randn(784, hidden))        # W
        self.visible_bias = nn.Parameter(torch.zeros(784))                  # b
        self.hidden_bias = nn.Parameter(torch.zeros(hidden))                # c
        self.base_bias: Tensor      # of the model without hidden units, at which annealing begins
        self.register_buffer("base_bias", torch.zeros(784))
        self.chains: Tensor
        self.register_buffer("chains", torch.zeros(chains, 784), persistent=False)
        self.log_partition_known: Tensor | None = None
        self.register_load_state_dict_post_hook(lambda rbm, _: rbm.forget_log_partition())

    # -- the model -------------------------------------------------------------------------------------

    def hidden_given(self, visible: Tensor, heat: float = 1.0) -> Tensor:
        """Give p(h = 1 | v), (N, H), for v (N, 784)."""
        return torch.sigmoid(heat * (visible @ self.weights + self.hidden_bias))

    def visible_given(self, hidden: Tensor, heat: float = 1.0) -> Tensor:
        """Give p(v = 1 | h), (N, 784), for h (N, H)."""
        bias = heat * self.visible_bias + (1 - heat) * self.base_bias
        return torch.sigmoid(heat * (hidden @ self.weights.T) + bias)

    def gibbs_step(self, visible: Tensor, heat: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
        """Draw h given v, then v given h: (N, 784) -> (N, 784)."""
        hidden = _draw(self.hidden_given(visible, heat), generator)
        return _draw(self.visible_given(hidden, heat), generator)

    def free_energy(self, visible: Tensor, heat: float = 1.0) -> Tensor:
        """Give F(v) = - log sum_h exp( -E(v, h) ), (N,), for v (N, 784): the sum over h is a product.

        At heat 1 this is the model's, at heat 0 that of independent pixels; annealing goes from there to here.
        """
        bias = heat * self.visible_bias + (1 - heat) * self.base_bias
        return -visible @ bias - functional.softplus(heat * (visible @ self.weights + self.hidden_bias)).sum(1)

    def loss(self, images: Tensor) -> Tensor:
        """Let the chains go on, and give the difference whose gradient is that of the negative log likelihood.

        It is no measure of success: as data and chains come to look alike, it stays about 0.
        """
        data = torch.bernoulli(images.flatten(1))
        with torch.no_grad():
            for _ in range(self.gibbs_steps):
                self.chains.copy_(self.gibbs_step(self.chains))
        return self.free_energy(data).mean() - self.free_energy(self.chains).mean()

    @torch.no_grad()
    def anneal(self, count: int, steps: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw v (count, 784) by heating from independent pixels to the model; also give log weights (count,).

        The mean of the weights estimates Z over that of the independent pixels without bias, however few the
        steps; with more of them it varies less (annealed importance sampling).
        """
        visible = _draw(torch.sigmoid(self.base_bias).expand(count, -1), generator)
        log_weights = torch.zeros(count, device=visible.device)
        for step in range(steps):
            cool, warm = step / steps, (step + 1) / steps
            log_weights += self.free_energy(visible, cool) - self.free_energy(visible, warm)
            visible = self.gibbs_step(visible, warm, generator)
        return visible, log_weights

    def log_partition(self) -> Tensor:
        """Estimate log Z in nats, from 100 runs of annealing; kept until the weights change."""
        if self.log_partition_known is None:
            # at heat 0: 2 for each hidden unit, 1 + exp(b) for each pixel
            base = self.weights.shape[1] * math.log(2) + functional.softplus(self.base_bias).sum()
            _, log_weights = self.anneal(100, 10 * self.temperatures, torch.Generator().manual_seed(0))
            self.log_partition_known = base + torch.logsumexp(log_weights, 0) - math.log(len(log_weights))
        return self.log_partition_known

    def forget_log_partition(self) -> None:
        """Have it estimated anew when next it is needed: the weights have changed."""
        self.log_partition_known = None

    # -- the contract ----------------------------------------------------------------------------------

    def fit(
        self, images: Tensor, labels: Tensor | None = None, *, seed: int, device: str = "cpu",
        deadline: float = math.inf, progress: Progress | None = None,
    ) -> None:
        """Train on images (N, 1, 28, 28) by persistent contrastive divergence; labels are not used."""
        del labels
        shares = images.flatten(1).mean(0).clamp(0.01, 0.99)        # how often each pixel is white
        with torch.no_grad():
            self.base_bias.copy_(torch.logit(shares))
            self.visible_bias.copy_(torch.logit(shares))
            chances = torch.rand(self.chains.shape, generator=torch.Generator().manual_seed(seed))
            self.chains.copy_(chances < shares.cpu())
        train(
            self, self.loss, images, epochs=self.epochs, batch_size=len(self.chains), learning_rate=1e-3,
            anneal=True, seed=seed, device=device, deadline=deadline, progress=progress,
        )
        self.forget_log_partition()

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Give the codes (N, H): the probability of each hidden unit to be 1."""
        return self.hidden_given(images.flatten(1))

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Give the images (N, 1, 28, 28) of codes (N, H)."""
        return self.visible_given(codes).unflatten(1, (1, 28, 28))

    @torch.no_grad()
    def sample(self, count: int, *, labels: Tensor | None = None, seed: int) -> Tensor:
        """Draw images (count, 1, 28, 28) by annealing, each in a run of its own."""
        del labels
        generator = torch.Generator().manual_seed(seed)     # on the CPU: every device draws the same chances
        images = []
        for start in range(0, count, self.batch_size):
            size = min(self.batch_size, count - start)
            visible, _ = self.anneal(size, self.temperatures, generator)
            images.append(self.decode(_draw(self.hidden_given(visible), generator)))
        return torch.cat(images)

    @torch.no_grad()
    def log_prob(self, images: Tensor) -> Tensor:
        """Estimate the log density (N,) in nats of images dequantised to [0, 1].

        The model is one of zeros and ones b. A pixel that is 1 is shown as a grey value of density 2 x, one
        that is 0 as one of density 2 (1 - x), and so

            p(x)  =  sum_b p(b) prod 2 x^b (1 - x)^(1 - b)  =  2^784 E_b [ p(b) ],      b binarised from x,

        a density on [0, 1]. Its logarithm is at least 784 log 2 + E_b [ log p(b) ], what training raises; this
        is given, with the mean over 16 fixed binarisations, and with log Z estimated: an estimate, therefore.
        """
        generator = torch.Generator().manual_seed(0)
        thresholds = torch.rand(16, 1, 784, generator=generator).to(images)
        free_energies = [self.free_energy((images.flatten(1) > threshold).float()) for threshold in thresholds]
        return 784 * math.log(2) - torch.stack(free_energies).mean(0) - self.log_partition()


def _draw(probabilities: Tensor, generator: torch.Generator | None) -> Tensor:
    """Draw zeros and ones; from a generator of the CPU wherever the probabilities are."""
    if generator is None:
        return torch.bernoulli(probabilities)
    chances = torch.rand(probabilities.shape, generator=generator)
    return (chances.to(probabilities.device) < probabilities).float()

"""The restricted Boltzmann machine on binarised images.

An RBM has a layer of visible units v, the pixels, and one of hidden units h, all 0 or 1, and an energy

    E(v, h)  =  - b v  -  c h  -  v W h                 p(v, h)  =  exp( -E(v, h) ) / Z

There is no connection within a layer: given one layer, the units of the other are independent, and either
layer is drawn from the other at once (Gibbs sampling). The hidden units can be summed out exactly, which
leaves the free energy F(v), and the gradient of the likelihood is a difference of two gradients,

    - d log p(v)  =  d F(v)  -  E_v'~p [ d F(v') ]
                     on data    on the model's own images

whose second part needs images of the model. Persistent contrastive divergence keeps a set of chains that make
a Gibbs step or a few for every step of the weights, and takes them for such images. The chains can follow the
model only while it changes slowly, hence plain gradient steps, which shrink to nothing.

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

from training import Clock, Progress, shuffled

__all__ = ["RBM"]


class RBM(nn.Module, GenerativeModel):
    """A Bernoulli RBM with as many hidden units as a code may have numbers.

    Grey values are taken for the probabilities of white pixels, and binarised anew in every step. Images
    given back are the means of the last Gibbs step, not its zeros and ones.

    Args:
        hidden: how many hidden units there are.
        chains: persistent chains; they are saved with the weights, and `sample` goes on from them.
        gibbs_steps: steps that every chain makes for one step of the weights.
        epochs: how often `fit` sees every training image.
        sampling_steps: Gibbs steps from a saved chain to an image of `sample`.
        temperatures: steps of annealing by which `log_prob` estimates log Z.

    """

    log_prob_kind = "estimate"
    learning_rate = 0.2
    images_in_a_step = 100

    def __init__(
        self, *, hidden: int = 128, chains: int = 200, gibbs_steps: int = 1, epochs: int = 50,
        sampling_steps: int = 50, temperatures: int = 5000,
    ) -> None:
        super().__init__()
        self.gibbs_steps, self.epochs = gibbs_steps, epochs
        self.sampling_steps, self.temperatures = sampling_steps, temperatures
        self.weights = nn.Parameter(0.01 * torch.randn(784, hidden))        # W
        self.visible_bias = nn.Parameter(torch.zeros(784))                  # b
        self.hidden_bias = nn.Parameter(torch.zeros(hidden))                # c
        self.base_bias: Tensor      # of the model without hidden units, at which annealing begins
        self.register_buffer("base_bias", torch.zeros(784))
        self.chains: Tensor         # zeros and ones
        self.register_buffer("chains", torch.zeros(chains, 784))
        self.log_partition_known: Tensor | None = None
        self.register_load_state_dict_post_hook(  # type: ignore[no-untyped-call]  # torch has not annotated it
            lambda rbm, _: rbm.forget_log_partition())

    # -- the model -------------------------------------------------------------------------------------

    def hidden_given(self, visible: Tensor, beta: float = 1.0) -> Tensor:
        """Give p(h = 1 | v), (N, H), for v (N, 784)."""
        return torch.sigmoid(beta * (visible @ self.weights + self.hidden_bias))

    def visible_given(self, hidden: Tensor, beta: float = 1.0) -> Tensor:
        """Give p(v = 1 | h), (N, 784), for h (N, H)."""
        bias = beta * self.visible_bias + (1 - beta) * self.base_bias
        return torch.sigmoid(beta * (hidden @ self.weights.T) + bias)

    def gibbs_step(
        self, visible: Tensor, beta: float = 1.0, *, generator: torch.Generator | None = None,
    ) -> Tensor:
        """Draw h given v, then v given h: (N, 784) -> (N, 784)."""
        hidden = _draw(self.hidden_given(visible, beta), generator)
        return _draw(self.visible_given(hidden, beta), generator)

    def free_energy(self, visible: Tensor, beta: float = 1.0) -> Tensor:
        """Give F(v) = - log sum_h exp( -E(v, h) ), (N,), for v (N, 784): the sum over h is a product.

        At the inverse temperature beta = 1 this is the model itself, at 0 one of independent pixels.
        """
        bias = beta * self.visible_bias + (1 - beta) * self.base_bias
        from_hidden = functional.softplus(beta * (visible @ self.weights + self.hidden_bias)).sum(1)
        return -visible @ bias - from_hidden

    def loss(self, images: Tensor) -> Tensor:
        """Let the chains go on; give the difference whose gradient is that of the negative log likelihood.

        It is no measure of success: data and chains come to look alike, and it stays near 0.
        """
        data = torch.bernoulli(images.flatten(1))                           # binarised
        with torch.no_grad():
            for _ in range(self.gibbs_steps):
                self.chains.copy_(self.gibbs_step(self.chains))
        return self.free_energy(data).mean() - self.free_energy(self.chains).mean()

    @torch.no_grad()
    def anneal(self, count: int, steps: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw v (count, 784) by cooling independent pixels to the model; also give log weights (count,).

        The mean of the weights estimates Z over the Z of beta 0, without bias however few the steps; the
        more, the less it varies (annealed importance sampling).
        """
        visible = _draw(torch.sigmoid(self.base_bias).expand(count, -1), generator)
        log_weights = torch.zeros(count, device=visible.device)
        for step in range(steps):
            warm, cool = step / steps, (step + 1) / steps
            log_weights += self.free_energy(visible, warm) - self.free_energy(visible, cool)
            visible = self.gibbs_step(visible, cool, generator=generator)
        return visible, log_weights

    def log_partition(self) -> Tensor:
        """Estimate log Z in nats, from 100 runs of annealing; kept until the weights change."""
        if self.log_partition_known is None:
            # at beta 0: 2 for each hidden unit, 1 + exp(b) for each pixel
            base = self.weights.shape[1] * math.log(2) + functional.softplus(self.base_bias).sum()
            _, log_weights = self.anneal(100, self.temperatures, torch.Generator().manual_seed(0))
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
        torch.manual_seed(seed)
        self.to(device).train()
        images = images.to(device)
        self.begin(images)
        order, clock = torch.Generator().manual_seed(seed), Clock(deadline)
        steps, step = self.epochs * math.ceil(len(images) / self.images_in_a_step), 0
        for epoch in range(1, self.epochs + 1):
            total, before = torch.zeros((), device=device), step
            batches = shuffled(len(images), self.images_in_a_step, order=order, clock=clock, device=device)
            for batch in batches:
                total += self.descend(images[batch], self.learning_rate * (1 - step / steps))
                step += 1
            if step == before:
                break
            if progress is not None:
                progress(epoch, self.epochs, float(total) / (step - before))
        self.forget_log_partition()
        self.eval()

    @torch.no_grad()
    def begin(self, images: Tensor) -> None:
        """Let the biases, and by them the chains, know how often each pixel is white."""
        shares = images.flatten(1).mean(0).clamp(0.01, 0.99)                # (784,)
        self.base_bias.copy_(torch.logit(shares))
        self.visible_bias.copy_(torch.logit(shares))
        self.chains.copy_(torch.bernoulli(shares.expand_as(self.chains)))

    def descend(self, images: Tensor, rate: float) -> Tensor:
        """Take a plain step down the gradient, and give the loss before it."""
        value = self.loss(images)
        weights = list(self.parameters())
        with torch.no_grad():
            for weight, gradient in zip(weights, torch.autograd.grad(value, weights), strict=True):
                weight.sub_(rate * gradient)
        return value.detach()

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Give the codes (N, H): the probability of each hidden unit to be 1."""
        return self.hidden_given(images.flatten(1))

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Give the images (N, 1, 28, 28) of codes (N, H)."""
        return self.visible_given(codes).view(-1, 1, 28, 28)

    @torch.no_grad()
    def sample(self, count: int, *, labels: Tensor | None = None, seed: int) -> Tensor:
        """Draw images (count, 1, 28, 28): the mean of p(v | h) after some more Gibbs steps of the chains."""
        del labels
        generator = torch.Generator().manual_seed(seed)     # on the CPU: every device draws the same chances
        images = []
        for start in range(0, count, self.batch_size):
            size = min(self.batch_size, count - start)
            visible = self.chains[torch.randint(len(self.chains), (size,), generator=generator)]
            for _ in range(self.sampling_steps):
                visible = self.gibbs_step(visible, generator=generator)
            images.append(self.decode(_draw(self.hidden_given(visible), generator)))
        return torch.cat(images)

    @torch.no_grad()
    def log_prob(self, images: Tensor) -> Tensor:
        """Estimate the log density (N,) in nats of images dequantised to [0, 1].

        The model is one of zeros and ones b. A pixel that is 1 is shown as a grey value of density 2 x, one
        that is 0 as one of density 2 (1 - x), and so

            p(x)  =  sum_b p(b) prod 2 x^b (1 - x)^(1 - b)  =  2^784 E_b [ p(b) ],      b binarised from x,

        a density on [0, 1]. Its logarithm is at least 784 log 2 + E_b [ log p(b) ], what training raises;
        this is given, with the mean over 16 fixed binarisations and with log Z estimated: an estimate.
        """
        generator = torch.Generator().manual_seed(0)
        thresholds = torch.rand(16, 1, 784, generator=generator).to(images)
        pixels = images.flatten(1)
        free_energies = [self.free_energy((pixels > threshold).float()) for threshold in thresholds]
        return 784 * math.log(2) - torch.stack(free_energies).mean(0) - self.log_partition()


def _draw(probabilities: Tensor, generator: torch.Generator | None) -> Tensor:
    """Draw zeros and ones; from a generator of the CPU wherever the probabilities are."""
    if generator is None:
        return torch.bernoulli(probabilities)
    chances = torch.rand(probabilities.shape, generator=generator)
    return (chances.to(probabilities.device) < probabilities).float()

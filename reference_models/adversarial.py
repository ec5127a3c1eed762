"""The training loop that the adversarial models share: two networks, two optimisers, turn by turn.

A generative adversarial network is no minimisation but a game. The generator makes images out of noise, the
critic (or discriminator) tells them from real ones, and each of the two is trained on its own loss while the
other stands still. What the losses are is for each model to say; how one takes turns is always the same.

The generator's weights circle around where the game would end instead of reaching it, so what is kept is
their running average, which lies nearer to the middle of the circle than any of its points.

Papers:
    Goodfellow et al., "Generative Adversarial Nets", 2014, https://arxiv.org/abs/1406.2661 (algorithm 1)
    Yazici et al., "The Unusual Effectiveness of Averaging in GAN Training", 2019,
    https://arxiv.org/abs/1806.04498
    Brock et al., "Large Scale GAN Training", 2019, https://arxiv.org/abs/1809.11096 (standing statistics)
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from training import Average, Clock, Progress, shuffled

__all__ = ["Loss", "train_adversarially"]

Loss = Callable[..., Tensor]
"""Gives a mean loss, a scalar, of a batch: called with the same rows of each of the data's tensors."""

STANDING_BATCHES = 16       # batches that the statistics of batch normalisation are taken over


def train_adversarially(
    model: nn.Module,
    generator: nn.Module,
    critic: nn.Module,
    generator_loss: Loss,
    critic_loss: Loss,
    data: Sequence[Tensor],
    *,
    epochs: int,
    seed: int,
    batch_size: int = 64,
    critic_steps: int = 1,
    learning_rates: tuple[float, float] = (2e-4, 2e-4),
    betas: tuple[float, float] = (0.5, 0.999),
    average: float = 0.999,
    device: str = "cpu",
    deadline: float = math.inf,
    progress: Progress | None = None,
) -> list[tuple[float, float]]:
    """Let generator and critic take turns on shuffled batches of `data`, each with its own Adam.

    Args:
        model: holds both networks; it is moved to `device` and left there in evaluation mode, its generator
            with the averaged weights.
        generator: the weights that `generator_loss` is minimised over.
        critic: the weights that `critic_loss` is minimised over.
        generator_loss: what the generator wants to be small.
        critic_loss: what the critic wants to be small.
        data: tensors (N, ...) that are shuffled together, images and labels say.
        epochs: how often every row is seen, if the time suffices.
        seed: of the order of the rows, and of whatever the losses draw from torch's global generator.
        batch_size: rows in a step.
        critic_steps: steps of the critic for each one of the generator.
        learning_rates: Adam's step sizes for generator and critic.
        betas: Adam's decay rates of both moments; a first one of 0.9, as usual elsewhere, makes games swing.
        average: how much of the averaged weights is kept in a step; 0 keeps the last weights instead.
        device: "cpu" or "cuda".
        deadline: when to have returned, on the clock of time.monotonic().
        progress: told about every finished epoch, with the mean loss of the critic.

    Returns:
        The mean losses (generator, critic) of every epoch.

    """
    torch.manual_seed(seed)
    order = torch.Generator().manual_seed(seed)
    model.to(device).train()
    data = [part.to(device) for part in data]
    players = [
        _Player(network, loss, rate, betas)
        for network, loss, rate in zip(
            (generator, critic), (generator_loss, critic_loss), learning_rates, strict=True)
    ]
    averaged = Average(generator, average)
    # a part of the time is kept for the standing statistics
    clock = Clock(deadline, reserve=0.03 * max(deadline - time.monotonic(), 0) if deadline < math.inf else 0)
    history: list[tuple[float, float]] = []
    turn = 0
    for epoch in range(1, epochs + 1):
        for rows in shuffled(len(data[0]), batch_size, order=order, clock=clock, device=device):
            batch = [part[rows] for part in data]
            players[1].step(batch)
            turn += 1
            if turn % critic_steps == 0:
                players[0].step(batch)
                averaged.update()
        if players[1].steps == 0:
            break
        history.append((players[0].mean_loss(), players[1].mean_loss()))
        if progress is not None:
            progress(epoch, epochs, history[-1][1])
    if averaged.steps:
        _hand_over(averaged)
        _take_standing_statistics(generator, generator_loss, data, batch_size, deadline)
    model.eval()
    return history


class _Player:
    """One side of the game: a network, its loss and its optimiser."""

    def __init__(self, network: nn.Module, loss: Loss, rate: float, betas: tuple[float, float]) -> None:
        self.weights = [weight for weight in network.parameters() if weight.requires_grad]
        self.loss = loss
        self.optimiser = torch.optim.Adam(self.weights, lr=rate, betas=betas, fused=True)
        self.total, self.steps = torch.zeros(()), 0

    def step(self, batch: Sequence[Tensor]) -> None:
        self.optimiser.zero_grad(set_to_none=True)
        value = self.loss(*batch)
        # The loss leads through the other player's network too; only our own weights are asked for.
        value.backward(inputs=self.weights)  # type: ignore[no-untyped-call]  # torch has not annotated it
        self.optimiser.step()
        self.total = self.total.to(value.device) + value.detach()   # read once an epoch, not at every step
        self.steps += 1

    def mean_loss(self) -> float:
        """Give the mean loss since the last call."""
        mean = float(self.total) / max(self.steps, 1)
        self.total, self.steps = torch.zeros(()), 0
        return mean


@torch.no_grad()
def _hand_over(average: Average) -> None:
    """Leave the averaged weights in the network."""
    for weight, mean in zip(average.weights, average.means, strict=True):
        weight.copy_(mean)


@torch.no_grad()
def _take_standing_statistics(
    generator: nn.Module, loss: Loss, data: Sequence[Tensor], batch_size: int, deadline: float,
) -> None:
    """Take the statistics of the generator's batch normalisations anew, for its averaged weights.

    The loss is asked only because it runs the generator in training mode; its value is of no interest.
    """
    layers = [layer for layer in generator.modules() if isinstance(layer, _BatchNorm)]
    if not layers:
        return
    usual = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = None               # torch's way to ask for a plain mean over all batches
        layer.reset_running_stats()
    for number in range(min(STANDING_BATCHES, math.ceil(len(data[0]) / batch_size))):
        if number > 0 and time.monotonic() >= deadline:
            break
        first = number * batch_size % max(len(data[0]) - batch_size, 1)
        loss(*(part[first : first + batch_size] for part in data))
    for layer, momentum in zip(layers, usual, strict=True):
        layer.momentum = momentum

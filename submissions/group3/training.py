"""The training loop that the reference models share.

Three habits save what the usual Dataset, DataLoader and plain Adam spend beside the arithmetic, at equal
results: the images stay in one tensor and a batch is one indexing operation; the optimiser updates all
weights in one fused pass; and the loss is added up where it is computed and read once an epoch, so that no
step waits for a number.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

__all__ = ["Progress", "train"]

Progress = Callable[[int, int, float], None]
"""Called after every epoch with the epoch (from 1), the number of epochs and the mean loss of the epoch."""


def train(
    model: nn.Module,
    loss: Callable[[Tensor], Tensor],
    images: Tensor,
    *,
    epochs: int,
    seed: int,
    batch_size: int = 64,
    learning_rate: float = 1e-3,
    weight_decay: float = 0.0,
    device: str = "cpu",
    deadline: float = math.inf,
    progress: Progress | None = None,
) -> list[float]:
    """Minimise `loss` over shuffled batches of `images` by Adam (Kingma & Ba, 2015).

    Args:
        model: what is trained; it is moved to `device` and left there in evaluation mode.
        loss: gives the mean loss, a scalar, of a batch (B, ...) of images.
        images: all training images (N, ...), kept whole on `device`.
        epochs: how often every image is seen, if the time suffices.
        seed: of the order of the images, and of whatever the loss draws from torch's global generator.
        batch_size: images in a step.
        learning_rate: Adam's step size.
        weight_decay: Adam's own, which adds this much of the weights to the gradient.
        device: "cpu" or "cuda".
        deadline: when to have returned, on the clock of time.monotonic().
        progress: told about every finished epoch.

    Returns:
        The mean loss of every epoch; that of the last one over the steps that there was time for.

    """
    torch.manual_seed(seed)
    order = torch.Generator().manual_seed(seed)
    model.to(device).train()
    images = images.to(device)
    optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate, weight_decay=weight_decay, fused=True)
    clock = _Clock(deadline)
    history: list[float] = []
    for epoch in range(1, epochs + 1):
        total, steps = torch.zeros((), device=device), 0
        for batch in torch.split(torch.randperm(len(images), generator=order).to(device), batch_size):
            if not clock.allows_another_step():
                break
            optimiser.zero_grad(set_to_none=True)
            value = loss(images[batch])
            value.backward()  # type: ignore[no-untyped-call]  # torch has not annotated it
            optimiser.step()
            total += value.detach()
            steps += 1
        if steps == 0:
            break
        history.append(float(total) / steps)
        if progress is not None:
            progress(epoch, epochs, history[-1])
    model.eval()
    return history


class _Clock:
    """Knows whether one more step, if it takes as long as the longest so far, would still end in time."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.last = time.monotonic()
        self.longest = 0.0

    def allows_another_step(self) -> bool:
        now = time.monotonic()
        self.longest = max(self.longest, now - self.last)
        self.last = now
        return now + self.longest < self.deadline

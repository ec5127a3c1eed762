"""The training loop that the reference models share.

Four habits save what the usual Dataset, DataLoader and plain Adam spend beside the arithmetic, at equal
results: the images stay in one tensor and a batch is one indexing operation; the optimiser updates all
weights in one fused pass; the loss is added up where it is computed and read once an epoch, so that no step
waits for a number; and the memory of one step is kept for the next. Where the machine is made for it, `Speed`
saves arithmetic and memory traffic too.

A model that one loss trains calls `train`. One that takes turns, as a GAN does, makes its own steps and has
its batches from `shuffled`, which knows the deadline by a `Clock`.

Papers:
    Kingma & Ba, "Adam", 2015, https://arxiv.org/abs/1412.6980
    Polyak & Juditsky, "Acceleration of stochastic approximation by averaging", 1992 (the average of weights)
    Loshchilov & Hutter, "SGDR", 2017, https://arxiv.org/abs/1608.03983 (the cosine by which steps shrink)
"""

from __future__ import annotations

import ctypes
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

__all__ = [
    "PLAIN", "Average", "Clock", "Progress", "Speed", "bfloat16_is_fast", "keep_freed_memory", "shuffled",
    "train",
]

Progress = Callable[[int, int, float], None]
"""Called after every epoch with the epoch (from 1), the number of epochs and the mean loss of the epoch."""


@dataclass(frozen=True)
class Speed:
    """What makes a step faster without changing what it computes, beyond the rounding of bfloat16.

    Attributes:
        bfloat16: multiply matrices and convolve with 8 bits of mantissa, but keep the weights in float32;
            pays where `bfloat16_is_fast`.
        channels_last: keep the numbers of one pixel side by side, as fast convolutions want them.
        compiled: let torch.compile fuse what lies between the matrix products. It takes up to a minute at
            first and needs a C++ compiler, so it is not done where less than five minutes are left.

    """

    bfloat16: bool = False
    channels_last: bool = False
    compiled: bool = False


PLAIN = Speed()


def train(
    model: nn.Module,
    loss: Callable[..., Tensor],
    images: Tensor,
    labels: Tensor | None = None,
    *,
    epochs: int,
    seed: int,
    batch_size: int = 64,
    learning_rate: float = 1e-3,
    weight_decay: float = 0.0,
    anneal: bool = False,
    clip: float = math.inf,
    average: float = 0.0,
    held_out: int = 0,
    checkpoint: Path | None = None,
    speed: Speed = PLAIN,
    device: str = "cpu",
    deadline: float = math.inf,
    progress: Progress | None = None,
) -> list[float]:
    """Minimise `loss` over shuffled batches of `images` by Adam, and leave the best model there was time for.

    The best is the one with the lowest loss on images held out; where none are, the last. If the loss stops
    being a number, training ends with the weights of the epoch before.

    Args:
        model: what is trained; it is moved to `device` and left there in evaluation mode.
        loss: gives the mean loss, a scalar, of a batch (B, ...) of images, and of its labels where given.
        images: all training images (N, ...), kept whole on `device`.
        labels: their classes (N,), for a loss that takes them.
        epochs: how often every image is seen, if the time suffices.
        seed: of the order of the images, and of whatever the loss draws from torch's global generator.
        batch_size: images in a step.
        learning_rate: Adam's step size.
        weight_decay: Adam's own, which adds this much of the weights to the gradient.
        anneal: let the step size fall to nothing by the end, along half a cosine. The end is that of the last
            epoch; where the time will not suffice for it, the deadline.
        clip: the greatest length a gradient may have; a longer one is shortened to it.
        average: how much of the exponential average of the weights stays in every step, such as 0.999; it is
            this average that is left in the model. 0 leaves the last weights.
        held_out: how many images, the last ones, to keep out of training and to choose the best epoch by.
        checkpoint: a safetensors file for the best model so far, written after every epoch that gives one.
        speed: what may be done to be faster.
        device: "cpu" or "cuda".
        deadline: when to have returned, on the clock of time.monotonic().
        progress: told about every finished epoch.

    Returns:
        The mean loss of every epoch; that of the last one over the steps that there was time for.

    """
    torch.manual_seed(seed)
    keep_freed_memory()
    model.to(device).train()
    data = [part.to(device) for part in (images, labels) if part is not None]
    kept = len(images) - held_out
    step = _Step(
        model, loss, learning_rate=learning_rate, weight_decay=weight_decay, clip=clip, average=average,
        batch_size=batch_size, speed=speed, deadline=deadline,
        pace=_Pace(epochs * math.ceil(kept / batch_size), deadline) if anneal else None,
    )
    best = _Best(step, [part[kept:] for part in data], seed=seed, checkpoint=checkpoint, deadline=deadline)
    order, clock = torch.Generator().manual_seed(seed), Clock(deadline, reserve=best.seconds)
    history: list[float] = []
    for epoch in range(1, epochs + 1):
        total, steps = torch.zeros((), device=device), 0
        for batch in shuffled(kept, batch_size, order=order, clock=clock, device=device):
            total += step([part[batch] for part in data])
            steps += 1
        if steps == 0:
            break
        history.append(float(total) / steps)
        if progress is not None:
            progress(epoch, epochs, history[-1])
        if not math.isfinite(history[-1]):
            break
        best.look()
    best.restore()
    model.eval()
    return history


def shuffled(
    count: int, batch_size: int, *, order: torch.Generator, clock: Clock, device: str = "cpu",
) -> Iterator[Tensor]:
    """Give the indices 0 to count - 1 in a new order, batch by batch, until the time is over."""
    for batch in torch.split(torch.randperm(count, generator=order).to(device), batch_size):
        if not clock.allows_another_step():
            return
        yield batch


class Clock:
    """Knows whether one more step would still end in time, if it takes as long as the slow ones before it.

    The longest step counts, but fades: one that compiled the model does not count for ever.
    """

    def __init__(self, deadline: float, *, reserve: float = 0.0) -> None:
        self.deadline = deadline - reserve
        self.last = time.monotonic()
        self.longest = 0.0

    def allows_another_step(self) -> bool:
        """Say whether there is time for one more step; to be asked before each."""
        now = time.monotonic()
        self.longest = max(0.99 * self.longest, now - self.last)
        self.last = now
        return now + self.longest < self.deadline


class _Pace:
    """Knows which share of the training is over, by steps; by the clock where that is ahead of them."""

    def __init__(self, steps: int, deadline: float) -> None:
        self.steps, self.deadline = steps, deadline
        self.taken, self.started = 0, deadline

    def tick(self) -> float:
        """Count one more step, and give the share, from 0 to 1, of what was over before it."""
        share = self.taken / self.steps
        self.taken += 1
        if self.deadline < math.inf:
            now = time.monotonic()
            if self.taken == 50:    # the first steps are slow: they compile, and allocate memory
                self.started = now
            share = max(share, (now - self.started) / max(self.deadline - self.started, 1e-9))
        return min(share, 1.0)


class Average:
    """Keeps an exponential average of a model's weights, which wanders less than the weights do.

    At first it forgets faster, so that it never drags the untrained weights along.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights: list[Tensor] = [weight for weight in model.parameters() if weight.requires_grad]
        self.means = [weight.detach().clone() for weight in self.weights]
        self.steps = 0

    @torch.no_grad()
    def update(self) -> None:
        """Take the weights of one more step into the average."""
        self.steps += 1
        keep = min(self.decay, self.steps / (self.steps + 9))
        torch._foreach_lerp_(self.means, self.weights, 1 - keep)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Put the average into the model for a while."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    @torch.no_grad()
    def _exchange(self) -> None:
        for weight, mean in zip(self.weights, self.means, strict=True):
            kept = weight.clone()
            weight.copy_(mean)
            mean.copy_(kept)


class _Step:
    """Moves the weights once, by the gradient of the loss of one batch."""

    def __init__(
        self, model: nn.Module, loss: Callable[..., Tensor], *, learning_rate: float, weight_decay: float,
        clip: float, average: float, batch_size: int, speed: Speed, deadline: float, pace: _Pace | None,
    ) -> None:
        if speed.channels_last:
            model.to(memory_format=torch.channels_last)
        self.model, self.loss, self.batch_size = model, loss, batch_size
        self.learning_rate, self.pace, self.clip = learning_rate, pace, clip
        self.weights = [weight for weight in model.parameters() if weight.requires_grad]
        self.optimiser = torch.optim.Adam(
            self.weights, lr=learning_rate, weight_decay=weight_decay, fused=True)
        self.average = Average(model, average) if average else None
        self.bfloat16 = speed.bfloat16
        compiled = speed.compiled and deadline - time.monotonic() > 300
        self.fast_loss = torch.compile(loss, dynamic=False) if compiled else loss

    def value(self, batch: Sequence[Tensor]) -> Tensor:
        """Give the loss of a batch; a last and smaller one would have to be compiled for itself."""
        loss = self.fast_loss if len(batch[0]) == self.batch_size and self.model.training else self.loss
        with torch.autocast(batch[0].device.type, torch.bfloat16, enabled=self.bfloat16):
            return loss(*batch)

    def __call__(self, batch: Sequence[Tensor]) -> Tensor:
        """Take the step, and give the loss before it without waiting for its number."""
        self.optimiser.zero_grad(set_to_none=True)
        value = self.value(batch)
        value.backward()  # type: ignore[no-untyped-call]  # torch has not annotated it
        if self.clip < math.inf:
            nn.utils.clip_grad_norm_(self.weights, self.clip)
        if self.pace:
            share = self.pace.tick()
            self.optimiser.param_groups[0]["lr"] = self.learning_rate * (1 + math.cos(math.pi * share)) / 2
        self.optimiser.step()
        if self.average:
            self.average.update()
        return value.detach()


class _Best:
    """Remembers the weights of the best epoch so far."""

    def __init__(
        self, step: _Step, held_out: Sequence[Tensor], *, seed: int, checkpoint: Path | None, deadline: float,
    ) -> None:
        self.step, self.held_out, self.seed, self.checkpoint = step, held_out, seed, checkpoint
        self.loss, self.seconds = math.inf, 0.0
        self._remember()
        if len(held_out[0]) and time.monotonic() < deadline:
            started = time.monotonic()
            self.loss = self._held_out_loss()
            self.seconds = 1.5 * (time.monotonic() - started)   # what is kept free for looking at the end

    def look(self) -> None:
        """Remember the weights as they are, unless they do worse on the images held out than earlier ones."""
        if self.step.average is None:
            self._compare()
        else:
            with self.step.average.applied():
                self._compare()

    def restore(self) -> None:
        """Give the model the best weights back."""
        self.step.model.load_state_dict(self.state)

    def _compare(self) -> None:
        loss = self._held_out_loss()
        if loss <= self.loss:
            self.loss = loss
            self._remember()
            self._write()

    def _remember(self) -> None:
        self.state = {name: value.detach().clone() for name, value in self.step.model.state_dict().items()}

    @torch.no_grad()
    def _held_out_loss(self) -> float:
        """Give the mean loss on the images held out, always with the same chance in it; 0 where none are."""
        count, total = len(self.held_out[0]), 0.0
        if count == 0:
            return 0.0
        self.step.model.eval()
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            for part in torch.split(torch.arange(count), 500):
                total += float(self.step.value([tensor[part] for tensor in self.held_out])) * len(part)
        self.step.model.train()
        return total / count

    def _write(self) -> None:
        """Write the checkpoint whole or not at all: a run that is ended meanwhile leaves the one before."""
        if self.checkpoint is not None:
            from safetensors.torch import save_file

            aside = self.checkpoint.with_name(f".{self.checkpoint.name}.new")
            save_file({name: value.contiguous() for name, value in self.state.items()}, aside)
            aside.replace(self.checkpoint)


def keep_freed_memory() -> None:
    """Have the C library keep the memory that a step frees for the next step, instead of giving it back.

    Otherwise every large tensor is new memory, which the kernel hands out page by page: up to a third of the
    time of a step of convolutions on a CPU. Only glibc is told; other libraries keep memory by themselves.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(-3, 32 << 20)       # M_MMAP_THRESHOLD: from which size on memory is mapped by itself
            mallopt(-1, 1 << 30)        # M_TRIM_THRESHOLD: how much free memory to keep


def bfloat16_is_fast(device: str = "cpu") -> bool:
    """Say whether the device multiplies bfloat16 in hardware; elsewhere float32 is faster."""
    if torch.device(device).type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16") or able.get("bf16"))

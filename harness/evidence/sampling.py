"""Drawing samples: as many as the budget wants, or as the time allows; and whether the seed counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.evidence.plan import derive
from harness.evidence.talk import Talk
from harness.limits import Budget

__all__ = ["REPEATED", "Samples", "asked_labels", "draw"]

REPEATED = 64
"""How many samples are drawn again by the same seed, and by another one."""

_CLASSES = 10
_SIZES = (2_500, 500, REPEATED)     # of a request: the largest that takes a quarter of the time for all


@dataclass(slots=True, kw_only=True)
class Samples:
    """Samples (n, 28, 28) float32; see `Evidence`."""

    images: np.ndarray | None = None
    labels: np.ndarray | None = None
    repeated: np.ndarray | None = None
    other: np.ndarray | None = None


def asked_labels(count: int) -> np.ndarray:
    """Give the classes (count,) int64 that samples are asked for: all in turn."""
    return np.arange(count, dtype=np.int64) % _CLASSES


def draw(talk: Talk, budget: Budget, seed: int, *, conditional: bool) -> Samples:
    """Draw samples until there are enough, or the time for them is over, each request by a seed of its own.

    The first few are drawn in a request of their own, so that the same request can be made again: a model may
    rightly give other images where another number of them is asked for.
    """
    few = min(REPEATED, budget.samples)
    talk.meter.plan(budget.samples + 2 * few)
    talk.stage("drawing samples")
    labels = asked_labels(budget.samples)
    first_seed = derive(seed, "sample", 0)
    spent = 0.0

    def request(start: int, count: int, by: int) -> np.ndarray | None:
        nonlocal spent
        arrays = {"labels": labels[start:start + count]} if conditional else {}
        options = {"count": count, "seed": by}
        images = talk.images("sample", count, arrays, options)
        spent += talk.spent.get("sample", 0.0)
        if images is not None:
            talk.meter.done(count)
        return images

    first = request(0, few, first_seed)
    if first is None:
        return Samples()
    quickest = talk.spent["sample"]
    repeated = request(0, few, first_seed)
    quickest = min(quickest, talk.spent["sample"])
    other = request(0, few, derive(seed, "sample", "other"))
    size = _request_size(min(quickest, talk.spent["sample"]) / few, budget.samples_seconds)
    images = np.empty((budget.samples, 28, 28), dtype=np.float32)
    images[:few] = first
    done = few
    while done < budget.samples and spent < budget.samples_seconds:
        count = min(size, budget.samples - done)
        part = request(done, count, derive(seed, "sample", done))
        if part is None:
            break
        images[done:done + count] = part
        done += count
    return Samples(
        images=images[:done], labels=labels[:done] if conditional else None, repeated=repeated, other=other)


def _request_size(seconds_each: float, seconds: float) -> int:
    """Choose from few sizes, so that a repeated grade makes the same requests though timed differently."""
    return next((size for size in _SIZES if size * seconds_each <= seconds / 4), _SIZES[-1])

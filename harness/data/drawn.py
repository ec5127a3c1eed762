"""`garments`, drawn by the program: a stand-in where the real data cannot be had."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from harness.data.bags import bag
from harness.data.dataset import CLASSES, Dataset, Split, hash_of
from harness.data.drawing import SIZE, Array, Brush
from harness.data.fabric import grained
from harness.data.shoes import ankle_boot, sandal, sneaker
from harness.data.tops import COAT, DRESS, PULLOVER, SHIRT, T_SHIRT, top, trouser

__all__ = ["garments"]

PAINTERS: tuple[Callable[[Brush], Array], ...] = (
    partial(top, cut=T_SHIRT),
    trouser,
    partial(top, cut=PULLOVER),
    partial(top, cut=DRESS),
    partial(top, cut=COAT),
    sandal,
    partial(top, cut=SHIRT),
    sneaker,
    bag,
    ankle_boot,
)
"""For each class, in the order of `CLASSES`: draws as many images (n, 28, 28), in [0, 1], as a brush has."""


def garments(*, seed: int = 0, train: int = 12_000, test: int = 2_000) -> Dataset:
    """Draw ten classes of garments, the classes of Fashion-MNIST in their order, each as large as the others.

    They look like clothes and are about as hard to tell apart as the real ones, but they are not
    photographs: no number measured on them says anything about Fashion-MNIST.

    Args:
        seed: the same seed gives the same images.
        train: how many training images.
        test: how many test images.

    """
    splits = [_draw(np.random.default_rng([seed, part]), count) for part, count in enumerate((train, test))]
    return Dataset(name="garments", train=splits[0], test=splits[1], hash=hash_of(*splits), stand_in=True)


def _draw(rng: np.random.Generator, count: int) -> Split:
    """Draw one split, its classes in random order and equal in number."""
    labels = rng.permutation(np.arange(count) % len(CLASSES)).astype(np.uint8)
    images = np.empty((count, SIZE, SIZE), dtype=np.uint8)
    for label, painter in enumerate(PAINTERS):
        brush = Brush(rng, int((labels == label).sum()))
        drawn = np.clip(grained(brush, painter(brush)), 0, 1)
        images[labels == label] = np.rint(drawn * 255).astype(np.uint8)
    return Split(images, labels)

"""What is asked once more in another way, to see whether a model is what it seems: moved images, other batches.

Nobody can have trained on the moved images: which way each one moves follows from the seed of the grade.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["LEVELS", "REBATCHED", "Moved", "coarse", "moved", "rebatched"]

REBATCHED = 300
"""How many test images are asked about again in another order: a number that leaves every batch with other company."""

LEVELS = 256
"""To how many levels each number of a code is rounded, to see whether an image hides in its digits."""

STEPS = ((-1, 0), (1, 0), (0, -1), (0, 1))     # up, down, left, right


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Moved:
    """Images moved by one pixel: as hard as those they were made of, and new to every model.

    Attributes:
        place: which ones of the images of their split that are reconstructed, (n,) ascending.
        images: (n, 28, 28) uint8.
        reconstructions: (n, 28, 28) float32; None while they have not been asked for.

    """

    place: np.ndarray
    images: np.ndarray
    reconstructions: np.ndarray | None = None


def moved(images: np.ndarray, count: int, seed: int) -> Moved:
    """Choose up to `count` of images (N, h, w) and move each by one pixel, up, down, left or right as chance has it.

    The row or column that comes in is the one that stood at the edge, so that what is cut off there stays cut off.
    """
    rng = np.random.default_rng(seed)
    place = np.sort(rng.permutation(len(images))[:count])
    padded = np.pad(images[place], ((0, 0), (1, 1), (1, 1)), mode="edge")
    height, width = images.shape[1:]
    out = np.empty_like(images[place])
    direction = rng.integers(len(STEPS), size=len(place))
    for number, (down, right) in enumerate(STEPS):
        rows = direction == number
        out[rows] = padded[rows, 1 - down:1 - down + height, 1 - right:1 - right + width]
    return Moved(place=place, images=out)


def rebatched(count: int, seed: int) -> np.ndarray:
    """Choose up to `REBATCHED` of `count` positions, in random order."""
    return np.random.default_rng(seed).permutation(count)[:REBATCHED]


def coarse(codes: np.ndarray) -> np.ndarray:
    """Round each number of codes (N, d) float32 to one of `LEVELS` between its least and its greatest.

    Nothing that varies smoothly with its code is changed by that. Whole numbers below 1024 stay as they are: they are
    the entries of a codebook, and hide nothing.
    """
    low, high = codes.min(axis=0), codes.max(axis=0)
    step = (high - low) / np.float32(LEVELS - 1)
    rounded = low + np.rint((codes - low) / np.where(step > 0, step, 1)) * step
    entries = (codes == np.rint(codes)).all(axis=0) & (low >= 0) & (high < 4 * LEVELS)
    return np.where(entries, codes, rounded).astype(np.float32)

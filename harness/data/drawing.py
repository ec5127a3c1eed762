"""Drawing many small grey images at once: shapes by signed distance, cloth by noise and stripes.

Every function works on n images together. Lengths are in pixels, x to the right and y down, the middle of
the first pixel at 0.5; a signed distance is negative inside. What is the same for all rows or columns has an
axis of length 1 there, so that it is broadcast. Where a number differs from image to image it is an array
(n, 1, 1).
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "SIZE",
    "Array",
    "Brush",
    "Mask",
    "X",
    "Y",
    "box",
    "cover",
    "curve",
    "line",
    "outside",
    "paint",
    "polygon",
    "ring",
    "union",
]

SIZE = 28
Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Y: Array = np.arange(0.5, SIZE, dtype=np.float64).reshape(1, SIZE, 1)
X: Array = np.arange(0.5, SIZE, dtype=np.float64).reshape(1, 1, SIZE)


class Brush:
    """The random choices of n images, each an array (n, 1, 1)."""

    def __init__(self, rng: np.random.Generator, count: int) -> None:
        self.rng = rng
        self.count = count

    def between(self, low: float, high: float) -> Array:
        """Draw uniformly from [low, high]."""
        return self.rng.uniform(low, high, (self.count, 1, 1))

    def about(self, mean: float, deviation: float) -> Array:
        """Draw from a normal distribution, cut off at two standard deviations."""
        return mean + deviation * np.clip(self.rng.standard_normal((self.count, 1, 1)), -2, 2)

    def chance(self, share: float) -> Mask:
        """Draw True in this share of the images."""
        return self.rng.random((self.count, 1, 1)) < share

    def choice(self, *shares: float) -> NDArray[np.int64]:
        """Draw 0, 1, 2, ... with these probabilities."""
        return self.rng.choice(len(shares), size=(self.count, 1, 1), p=np.array(shares) / sum(shares))

    def clouds(self, cells: int) -> Array:
        """Draw smooth noise (n, 28, 28) of unit variance, about `cells` patches wide."""
        grid = self.rng.standard_normal((self.count, cells + 1, cells + 1))
        position = (np.arange(SIZE) + 0.5) / SIZE * cells
        weights = np.clip(1 - np.abs(position[:, None] - np.arange(cells + 1)), 0, None)
        weights /= np.linalg.norm(weights, axis=1, keepdims=True)
        return np.asarray(weights @ grid @ weights.T)

    def grain(self) -> Array:
        """Draw noise (n, 28, 28) that differs from pixel to pixel, of unit variance."""
        return self.rng.standard_normal((self.count, SIZE, SIZE))

    def stripes(self, across: Array, shortest: float, longest: float) -> Array:
        """Draw soft stripes in [-1, 1] of a random period, counted along a field such as X or Y."""
        phase = 2 * np.pi * (across / self.between(shortest, longest) + self.between(0, 1))
        return np.clip(self.between(1, 3) * np.sin(phase), -1, 1)


def cover(distance: Array) -> Array:
    """Turn signed distance into the share of a pixel that is inside."""
    return np.clip(0.5 - distance, 0, 1)


def paint(image: Array, distance: Array, tone: Array | float) -> Array:
    """Lay a shape of this tone (grey value in [0, 1]) over the images."""
    share = cover(distance)
    return image + share * (tone - image)


def union(*distances: Array) -> Array:
    """Join shapes."""
    out = distances[0]
    for distance in distances[1:]:
        out = np.minimum(out, distance)
    return out


def outside(distance: Array, hole: Array) -> Array:
    """Cut a shape out of another."""
    return np.maximum(distance, -hole)


def box(left: Array, top: Array, right: Array, bottom: Array) -> Array:
    """Give the distance to upright rectangles."""
    return np.maximum(np.maximum(left - X, X - right), np.maximum(top - Y, Y - bottom))


def polygon(*corners: tuple[Array, Array], x: Array = X) -> Array:
    """Give the distance to convex polygons whose corners (x, y) go round clockwise as seen on the screen.

    `x` may be another field than X: the distance from a middle line, say, to draw a pair of mirrored shapes.
    """
    out = np.full((1, 1, 1), -np.inf)
    for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
        dx, dy = x1 - x0, y1 - y0
        length = np.sqrt(dx * dx + dy * dy) + 1e-9
        out = np.maximum(out, (dy * (x - x0) - dx * (Y - y0)) / length)
    return out


def line(
    x0: Array, y0: Array, x1: Array, y1: Array, width: Array | float
) -> Array:
    """Give the distance to strokes of this width with round ends."""
    dx, dy = x1 - x0, y1 - y0
    share = np.clip(((X - x0) * dx + (Y - y0) * dy) / (dx * dx + dy * dy + 1e-9), 0, 1)
    return np.sqrt((X - x0 - share * dx) ** 2 + (Y - y0 - share * dy) ** 2) - width / 2


def ring(x: Array, y: Array, across: Array, up: Array, width: Array) -> Array:
    """Give the distance (nearly) to the upper half of elliptic rings, as handles are."""
    radius = np.sqrt(((X - x) / across) ** 2 + ((Y - y) / up) ** 2)
    distance: Array = np.abs(radius - 1) * np.minimum(across, up) - width / 2
    return np.maximum(distance, Y - y)


def curve(axis: Array, *knots: tuple[Array, Array]) -> Array:
    """Interpolate smoothly between knots (position, value) along X or Y, constant beyond the ends."""
    out = knots[0][1] + 0 * axis
    for (start, before), (end, after) in itertools.pairwise(knots):
        share = np.clip((axis - start) / np.maximum(end - start, 1e-9), 0, 1)
        out = out + (after - before) * share * share * (3 - 2 * share)
    return out

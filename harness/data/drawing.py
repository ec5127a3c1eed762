"""Drawing many small grey images at once: shapes by signed distance, cloth by noise and stripes.

Every function works on n images together. Lengths are in pixels, x to the right and y down, the middle of
the first pixel at 0.5; a signed distance is negative inside. What is the same for all rows or columns has an
axis of length 1 there, so that it is broadcast. Where a number differs from image to image it is an array
(n, 1, 1).
"""

from __future__ import annotations

import itertools

import numpy as np

__all__ = [
    "SIZE",
    "Brush",
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
Y = (np.arange(SIZE) + 0.5).reshape(1, SIZE, 1)
X = (np.arange(SIZE) + 0.5).reshape(1, 1, SIZE)


class Brush:
    """The random choices of n images, each an array (n, 1, 1)."""

    def __init__(self, rng: np.random.Generator, count: int) -> None:
        self.rng = rng
        self.count = count

    def between(self, low: float, high: float) -> np.ndarray:
        """Draw uniformly from [low, high]."""
        return self.rng.uniform(low, high, (self.count, 1, 1))

    def about(self, mean: float, deviation: float) -> np.ndarray:
        """Draw from a normal distribution, cut off at two standard deviations."""
        return mean + deviation * np.clip(self.rng.standard_normal((self.count, 1, 1)), -2, 2)

    def chance(self, share: float) -> np.ndarray:
        """Draw True in this share of the images."""
        return self.rng.random((self.count, 1, 1)) < share

    def choice(self, *shares: float) -> np.ndarray:
        """Draw 0, 1, 2, ... with these probabilities."""
        return self.rng.choice(len(shares), size=(self.count, 1, 1), p=np.array(shares) / sum(shares))

    def clouds(self, cells: int) -> np.ndarray:
        """Draw smooth noise (n, 28, 28) of unit variance, about `cells` patches wide."""
        grid = self.rng.standard_normal((self.count, cells + 1, cells + 1))
        position = (np.arange(SIZE) + 0.5) / SIZE * cells
        weights = np.clip(1 - np.abs(position[:, None] - np.arange(cells + 1)), 0, None)
        weights /= np.linalg.norm(weights, axis=1, keepdims=True)
        return np.asarray(weights @ grid @ weights.T)

    def grain(self) -> np.ndarray:
        """Draw noise (n, 28, 28) that differs from pixel to pixel, of unit variance."""
        return self.rng.standard_normal((self.count, SIZE, SIZE))

    def stripes(self, across: np.ndarray, shortest: float, longest: float) -> np.ndarray:
        """Draw soft stripes in [-1, 1] of a random period, counted along a field such as X or Y."""
        phase = 2 * np.pi * (across / self.between(shortest, longest) + self.between(0, 1))
        return np.clip(self.between(1, 3) * np.sin(phase), -1, 1)


def cover(distance: np.ndarray) -> np.ndarray:
    """Turn signed distance into the share of a pixel that is inside."""
    return np.clip(0.5 - distance, 0, 1)


def paint(image: np.ndarray, distance: np.ndarray, tone: np.ndarray | float) -> np.ndarray:
    """Lay a shape of this tone (grey value in [0, 1]) over the images."""
    share = cover(distance)
    return image + share * (tone - image)


def union(*distances: np.ndarray) -> np.ndarray:
    """Join shapes."""
    out = distances[0]
    for distance in distances[1:]:
        out = np.minimum(out, distance)
    return out


def outside(distance: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Cut a shape out of another."""
    return np.maximum(distance, -hole)


def box(left: np.ndarray, top: np.ndarray, right: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """Give the distance to upright rectangles."""
    return np.maximum(np.maximum(left - X, X - right), np.maximum(top - Y, Y - bottom))


def polygon(*corners: tuple[np.ndarray, np.ndarray], x: np.ndarray = X) -> np.ndarray:
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
    x0: np.ndarray, y0: np.ndarray, x1: np.ndarray, y1: np.ndarray, width: np.ndarray | float
) -> np.ndarray:
    """Give the distance to strokes of this width with round ends."""
    dx, dy = x1 - x0, y1 - y0
    share = np.clip(((X - x0) * dx + (Y - y0) * dy) / (dx * dx + dy * dy + 1e-9), 0, 1)
    return np.sqrt((X - x0 - share * dx) ** 2 + (Y - y0 - share * dy) ** 2) - width / 2


def ring(x: np.ndarray, y: np.ndarray, across: np.ndarray, up: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Give the distance (nearly) to the upper half of elliptic rings, as handles are."""
    radius = np.sqrt(((X - x) / across) ** 2 + ((Y - y) / up) ** 2)
    return np.maximum(np.abs(radius - 1) * np.minimum(across, up) - width / 2, Y - y)


def curve(axis: np.ndarray, *knots: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Interpolate smoothly between knots (position, value) along X or Y, constant beyond the ends."""
    out = knots[0][1] + 0 * axis
    for (start, before), (end, after) in itertools.pairwise(knots):
        share = np.clip((axis - start) / np.maximum(end - start, 1e-9), 0, 1)
        out = out + (after - before) * share * share * (3 - 2 * share)
    return out

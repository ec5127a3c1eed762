"""Formulas for lines of images: how evenly, directly and believably they lead from one end to the other.

A line is a row of images decoded between two codes, seen through features: arrays (lines, points, f). Every
function gives one number for each line, so that intervals can be drawn over lines.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = [
    "Shape",
    "class_switches",
    "contrast_dip",
    "cross_fade",
    "line_shape",
    "middle_points",
    "path_length",
    "spread",
    "third_class",
]


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """Steps of n lines in feature space.

    Attributes:
        steps: (n, points - 1) Euclidean lengths of the steps.
        distance: (n,) Euclidean distance of the ends.

    """

    steps: np.ndarray
    distance: np.ndarray

    @property
    def length(self) -> np.ndarray:
        """The length of each line, (n,)."""
        total: np.ndarray = self.steps.sum(axis=1)
        return total

    @property
    def variation(self) -> np.ndarray:
        """The coefficient of variation of each line's steps, (n,): 0 even, and where nothing moves."""
        found: np.ndarray = self.steps.std(axis=1) / _or_one(self.steps.mean(axis=1))
        return found

    @property
    def shares(self) -> np.ndarray:
        """Each step as a share of its line's length, (n, points - 1); equal shares where nothing moves."""
        length = self.length[:, None]
        found: np.ndarray = np.where(length > 0.0, self.steps / _or_one(length), 1.0 / self.steps.shape[1])
        return found


def line_shape(features: np.ndarray) -> Shape:
    """Measure the steps of lines (n, points, f) in features."""
    steps = np.diff(features.astype(np.float64), axis=1)
    ends = features[:, -1].astype(np.float64) - features[:, 0]
    return Shape(np.sqrt(np.square(steps).sum(axis=2)), np.sqrt(np.square(ends).sum(axis=1)))


def middle_points(points: int) -> np.ndarray:
    """Give the positions on a line of so many points that lie in its middle third: 4, 5, 6 of 0..10."""
    share = np.arange(points) / (points - 1)
    return np.flatnonzero((share >= 1.0 / 3.0) & (share <= 2.0 / 3.0))


def contrast_dip(images: np.ndarray) -> np.ndarray:
    """Give how much contrast the middle of lines (n, points, h, w) loses: (n,), 0 none, 1 all.

    Against the mean of its ends; contrast is the standard deviation of an image's pixels.
    """
    middle = images.shape[1] // 2
    contrast = images[:, [0, middle, -1]].std(axis=(2, 3), dtype=np.float64)
    ends = (contrast[:, 0] + contrast[:, 2]) / 2.0
    return np.where(ends > 0.0, 1.0 - contrast[:, 1] / _or_one(ends), 0.0)


def third_class(predicted: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Give the share of each line's points (n, points) that show neither class, first (n,) nor second."""
    found: np.ndarray = ((predicted != first[:, None]) & (predicted != second[:, None])).mean(axis=1)
    return found


def class_switches(predicted: np.ndarray) -> np.ndarray:
    """Give how often the predicted class changes on the way along each line (n, points): (n,)."""
    found: np.ndarray = (np.diff(predicted.astype(np.int64), axis=1) != 0).sum(axis=1)
    return found


def cross_fade(first: np.ndarray, second: np.ndarray, *, points: int) -> np.ndarray:
    """Fade images (n, h, w) in [0, 1] into others pixel by pixel: (n, points, h, w) float32."""
    share = np.linspace(0.0, 1.0, points, dtype=np.float32)[:, None, None]
    faded: np.ndarray = first[:, None] * (1.0 - share) + second[:, None] * share
    return faded


def path_length(first: np.ndarray, second: np.ndarray, *, epsilon: float, scale: float) -> np.ndarray:
    """Give the squared speed of each short step between features (n, f), in squared spreads: (n,).

    Perceptual path length (Karras et al. 2019, equation 2) with the judge's features in place of VGG's, and
    over their squared spread `scale`²: |f(t + epsilon) - f(t)|² / (epsilon scale)². Independent pairs of
    test images are 2 apart.
    """
    gaps = first.astype(np.float64) - second
    found: np.ndarray = np.square(gaps).sum(axis=1) / (epsilon * scale) ** 2
    return found


def spread(features: np.ndarray) -> float:
    """Give the root of the trace of the covariance of features (n, f): how far images lie from their mean."""
    return float(np.sqrt(features.var(axis=0, dtype=np.float64).sum()))


def _or_one(values: np.ndarray) -> np.ndarray:
    """Put 1 where a divisor is 0."""
    return np.where(values > 0.0, values, 1.0)

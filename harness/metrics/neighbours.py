"""Neighbours in feature space: precision, recall, density and coverage in one pass.

Ties decide these measures: a sample that repeats a real image lies exactly on the edge of a ball of
radius 0. Two ways of adding up one distance differ in the last bit, and so may one way at two places of a
matrix product. Features are therefore rounded to a grid first, fine enough to lose next to nothing of
float32 and coarse enough that every product and every sum is a whole number below 2^53: float64 then
computes each distance without any error, whatever the order of the sums, the number of threads or the
library.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from harness.metrics.k_nearest import k_nearest

__all__ = ["Manifolds", "compare_manifolds", "on_grid", "squared_distances"]

ROWS = 250
"""Rows of distances that are worked on at once: 20 MB against 10,000 others."""


@dataclass(frozen=True, slots=True, eq=False)
class Manifolds:
    """How two sets of features lie in each other's neighbourhoods, image by image.

    Attributes:
        precise: (n,) bool: the sample lies within the k-th neighbour's distance of some real image.
        recalled: (m,) bool: the real image lies within the k-th neighbour's distance of some sample.
        density: (n,) float64: number of real neighbourhoods that hold the sample, over their k.
        covered: (m,) bool: the real image's neighbourhood holds at least one sample.

    """

    precise: np.ndarray
    recalled: np.ndarray
    density: np.ndarray
    covered: np.ndarray


def on_grid(*sets: np.ndarray) -> list[np.ndarray]:
    """Shift and scale sets of features (n_i, f) together to whole numbers, as float64.

    The grid has 2^b steps to either side with f 2^(2 b + 2) <= 2^53: b = 22 at 64 features, a step of a
    four-millionth of the largest deviation from the mean of the first set.
    """
    centre = sets[0].mean(axis=0, dtype=np.float64)
    largest = max(float(np.abs(features - centre).max(initial=0.0)) for features in sets)
    steps = 2.0 ** ((53 - 2 - int(np.ceil(np.log2(sets[0].shape[1])))) // 2)
    scale = steps / largest if largest > 0 else 1.0
    return [np.rint((features - centre) * scale) for features in sets]


def squared_distances(first: np.ndarray, second: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Give the squared distances of some rows of `first` to all of `second` at a time, exactly.

    Args:
        first: (n, f) whole numbers, from `on_grid`.
        second: (m, f) whole numbers, from the same call.

    Yields:
        Which rows of `first`, and their distances (rows, m). The array is used again for the next rows.

    """
    # |x|² + |y|² - 2 x·y as one product, (-2 x, |x|², 1) · (y, 1, |y|²), whose partial sums are whole too.
    left = np.column_stack([-2.0 * first, np.square(first).sum(axis=1), np.ones(len(first))])
    right = np.vstack([second.T, np.ones(len(second)), np.square(second).sum(axis=1)])
    out = np.empty((min(ROWS, len(first)), len(second)))
    for start in range(0, len(first), ROWS):
        part = left[start:start + ROWS]
        yield slice(start, start + len(part)), np.matmul(part, right, out=out[:len(part)])


def compare_manifolds(
    real: np.ndarray, samples: np.ndarray, *, recall_k: int = 3, coverage_k: int = 5,
) -> Manifolds:
    """Compare samples with real images by their neighbourhoods in feature space.

    A neighbourhood is the closed ball up to the k-th nearest other image of the same set: k = 3 for
    precision and recall (Kynkäänniemi et al. 2019, section 2), 5 for density and coverage (Naeem et al.
    2020, section 3).

    Args:
        real: features (m, f).
        samples: features (n, f).
        recall_k: k of precision and recall.
        coverage_k: k of density and coverage.

    """
    reals, others = on_grid(real, samples)
    recall_k, coverage_k = min(recall_k, len(reals) - 1, len(others) - 1), min(coverage_k, len(reals) - 1)
    real_radii = _radii(reals, (recall_k, coverage_k))
    sample_radii = _radii(others, (recall_k,))[0]
    precise, density = np.zeros(len(others), bool), np.zeros(len(others))
    recalled, covered = np.zeros(len(reals), bool), np.zeros(len(reals), bool)
    for rows, distances in squared_distances(reals, others):
        precise |= (distances <= real_radii[0][rows, None]).any(axis=0)
        recalled[rows] = (distances <= sample_radii).any(axis=1)
        within = distances <= real_radii[1][rows, None]
        density += within.sum(axis=0)
        covered[rows] = within.any(axis=1)
    return Manifolds(precise, recalled, density / max(coverage_k, 1), covered)


def _radii(features: np.ndarray, orders: tuple[int, ...]) -> np.ndarray:
    """Give the squared distance (orders, n) of each image to its k-th nearest other, for each k."""
    squared = np.zeros((len(features), max(orders) + 1))       # at place 0 the image itself, at exactly 0
    if max(orders) > 0:
        squared[:, 1:] = k_nearest(features, features, k=max(orders), leave_out_own=True)[0]
    return squared[:, list(orders)].T

"""The Fréchet distance between Gaussians fitted to features, from means and covariances of blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.metrics.intervals import blocks, jackknife

__all__ = ["FrechetDistance", "Moments", "block_moments", "frechet", "frechet_distance", "gather"]


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Sufficient statistics of features: how many, their mean (f,), and their scatter (f, f), all float64.

    The scatter is the sum of outer products of the deviations from the mean.
    """

    count: int
    mean: np.ndarray
    scatter: np.ndarray

    @property
    def covariance(self) -> np.ndarray:
        """The unbiased covariance (f, f)."""
        return self.scatter / max(self.count - 1, 1)


@dataclass(frozen=True, slots=True)
class FrechetDistance:
    """A Fréchet distance, and the same over the trace of the real covariance; each with its interval."""

    value: float
    relative: float
    interval: tuple[float, float] | None
    relative_interval: tuple[float, float] | None


def block_moments(features: np.ndarray, *, number: int = 10) -> list[Moments]:
    """Give the moments of consecutive blocks of features (n, f)."""
    found = []
    for block in blocks(len(features), number):
        part = features[block].astype(np.float64)
        mean = part.mean(axis=0)
        part -= mean
        found.append(Moments(len(part), mean, part.T @ part))
    return found


def gather(parts: Sequence[Moments]) -> Moments:
    """Give the moments of several blocks together (Chan, Golub and LeVeque 1979, equation 2.1)."""
    count = sum(part.count for part in parts)
    mean = np.sum([part.count * part.mean for part in parts], axis=0) / count
    shifts = np.stack([part.mean - mean for part in parts])
    weights = np.array([part.count for part in parts], np.float64)
    scatter = np.sum([part.scatter for part in parts], axis=0) + (shifts.T * weights) @ shifts
    return Moments(count, mean, scatter)


def frechet_distance(real: Moments, other: Moments) -> float:
    """Give |m1 - m2|² + tr S1 + tr S2 - 2 tr (S1^½ S2 S1^½)^½ (Heusel et al. 2017).

    With any factor S1 = A Aᵀ the last trace is the sum of the roots of the eigenvalues of Aᵀ S2 A, a
    symmetric matrix: no root of a matrix is taken and no imaginary part has to be thrown away.
    """
    first, second = real.covariance, other.covariance
    try:
        factor = np.linalg.cholesky(first)
    except np.linalg.LinAlgError:   # a feature that is constant, or fewer images than features
        eigenvalues, vectors = np.linalg.eigh(first)
        factor = vectors * np.sqrt(np.maximum(eigenvalues, 0.0))
    product = np.linalg.eigvalsh(factor.T @ second @ factor)
    roots = np.sqrt(np.maximum(product, 0.0)).sum()
    shift = np.square(real.mean - other.mean).sum()
    # Rounding may leave a distance of nothing at -1e-15.
    return max(float(shift + np.trace(first) + np.trace(second) - 2.0 * roots), 0.0)


def frechet(real: np.ndarray, other: np.ndarray, *, paired: bool = False) -> FrechetDistance:
    """Measure the Fréchet distance of features (n, f) to real ones (m, f), with jackknife intervals.

    The interval is over draws of the other images while the real ones stay, as when a model is asked for
    new samples; with `paired`, where image by image belongs together, over both.
    """
    parts, real_parts = block_moments(other), block_moments(real)
    whole = gather(real_parts)
    trace = float(np.trace(whole.covariance)) or 1.0
    value = frechet_distance(whole, gather(parts))
    without = []
    for place in range(len(parts) if len(parts) > 1 else 0):
        rest = gather([*parts[:place], *parts[place + 1:]])
        reals = gather([*real_parts[:place], *real_parts[place + 1:]]) if paired else whole
        without.append(frechet_distance(reals, rest))
    interval = jackknife(value, without)
    return FrechetDistance(
        value, value / trace, interval,
        None if interval is None else (interval[0] / trace, interval[1] / trace),
    )

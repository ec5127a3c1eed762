"""Principal components of the training images: the best that a linear code of the same size can do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.metrics.pixels import as_float

__all__ = ["PrincipalComponents", "principal_components"]

AT_ONCE = 5_000


@dataclass(frozen=True, slots=True, eq=False)
class PrincipalComponents:
    """The mean (p,) and an orthonormal basis (p, k) of images of p pixels, float32, the widest first."""

    mean: np.ndarray
    basis: np.ndarray

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Give the codes (n, k) float32 of images (n, h, w), uint8 or float in [0, 1]."""
        parts = [
            (as_float(images[start:start + AT_ONCE]).reshape(-1, len(self.mean)) - self.mean) @ self.basis
            for start in range(0, len(images), AT_ONCE)
        ]
        return np.concatenate(parts)

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """Give what the code keeps of images (n, h, w): float32 of that shape, cut off at 0 and 1."""
        flat = self.encode(images) @ self.basis.T + self.mean
        kept: np.ndarray = np.clip(flat, 0.0, 1.0).reshape(images.shape)
        return kept


def principal_components(images: np.ndarray, *, size: int) -> PrincipalComponents:
    """Fit `size` principal components to images (n, h, w), uint8 or float in [0, 1]."""
    pixels = int(np.prod(images.shape[1:]))
    total, scatter = np.zeros(pixels), np.zeros((pixels, pixels))
    # Around half grey, not around 0: float32 products lose less that way.
    for start in range(0, len(images), AT_ONCE):
        part = as_float(images[start:start + AT_ONCE]).reshape(-1, pixels) - np.float32(0.5)
        total += part.sum(axis=0, dtype=np.float64)
        scatter += part.T @ part
    mean = total / len(images)
    covariance = scatter / len(images) - np.outer(mean, mean)
    _, vectors = np.linalg.eigh(covariance)
    basis = vectors[:, ::-1][:, :size]
    return PrincipalComponents((mean + 0.5).astype(np.float32), np.ascontiguousarray(basis, np.float32))

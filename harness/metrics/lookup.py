"""Which images lie closer than some distance to any of very many others, pixel by pixel and exactly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from harness.metrics.linear import PrincipalComponents, principal_components
from harness.metrics.pixels import as_float

__all__ = ["PixelLookup", "mirrored", "shifted"]

COMPONENTS = 64
TREE_COMPONENTS = 12
"""A tree over more components has fewer candidates and takes longer to walk; 12 is the best of 6, 8, 12,
16."""

FITTED = 5_000
"""Images that the components are fitted to. Any orthonormal basis gives right answers, a good one gives
them fast."""

QUERIES = 250
ROWS = 1_000
PAIRS = 20_000
SLACK = 0.01
"""The bounds are computed in float32: the radius is widened by more than its error, never narrowed."""


class PixelLookup:
    """Images (m, h, w) uint8, prepared for finding which of them lie within a small radius of others.

    From coarse to fine. A projection to orthonormal components never makes a distance larger, so whatever
    lies within the radius lies within it in the first components, too: a tree over 12 of them gives some
    hundred candidates of 60,000, all 64 and the length of the rest a few, and these are compared pixel by
    pixel in whole numbers. Nothing within the radius is missed.
    """

    def __init__(self, images: np.ndarray) -> None:
        self.images = images
        some = images[:: max(1, len(images) // FITTED)]
        pixels = int(np.prod(images.shape[1:]))
        self.components: PrincipalComponents = principal_components(some, size=min(COMPONENTS, pixels))
        self.codes = self._encode(images)
        self.tree = _tree(self.codes[:, :TREE_COMPONENTS])

    def closer_than(self, radius: float, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find the nearest image to each query (n, h, w) uint8, where one is closer than `radius`.

        Args:
            radius: Euclidean distance between images with intensities in [0, 1].
            queries: (n, h, w) uint8.

        Returns:
            Index (n,) int64, -1 where there is none; distance (n,) float64, infinite where there is none.

        """
        index, squared = np.full(len(queries), -1), np.full(len(queries), np.inf)
        limit = (radius * 255.0) ** 2
        for rows, columns in self._candidates(radius, queries):
            difference = queries[rows].astype(np.int32) - self.images[columns]
            exact = np.square(difference).sum(axis=(1, 2)).astype(np.float64)
            order = np.argsort(-exact, kind="stable")   # the nearest is written last
            order = order[exact[order] < np.minimum(limit, squared[rows[order]])]
            index[rows[order]], squared[rows[order]] = columns[order], exact[order]
        return index, np.sqrt(squared) / 255.0

    def _candidates(self, radius: float, queries: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Give pairs of a query and an image that may be within the radius, some at a time."""
        codes = self._encode(queries)
        for start in range(0, len(queries), QUERIES):
            part = codes[start:start + QUERIES]
            near = self.tree.query_ball_point(
                part[:, :TREE_COMPONENTS], radius + SLACK, workers=-1, return_sorted=False)
            rows = np.repeat(np.arange(len(part)), [len(found) for found in near])
            columns = np.concatenate([np.asarray(found, np.int64) for found in near])
            for first in range(0, len(rows), PAIRS):
                some, others = rows[first:first + PAIRS], columns[first:first + PAIRS]
                bound = np.square(part[some] - self.codes[others]).sum(axis=1)
                kept = bound < (radius + SLACK) ** 2
                if kept.any():
                    yield start + some[kept], others[kept]

    def _encode(self, images: np.ndarray) -> np.ndarray:
        """Give the components of images and, as one more number, the length of what they leave out."""
        mean, basis = self.components.mean, self.components.basis
        codes = np.empty((len(images), basis.shape[1] + 1), np.float32)
        for start in range(0, len(images), ROWS):
            part = as_float(images[start:start + ROWS]).reshape(-1, len(mean)) - mean
            kept = part @ basis
            rest = np.einsum("np,np->n", part, part) - np.einsum("nk,nk->n", kept, kept)
            codes[start:start + ROWS, :-1] = kept
            codes[start:start + ROWS, -1] = np.sqrt(np.maximum(rest, 0.0))
        return codes


def mirrored(images: np.ndarray) -> np.ndarray:
    """Mirror images (n, h, w) left to right."""
    return images[:, :, ::-1]


def shifted(images: np.ndarray) -> list[np.ndarray]:
    """Shift images (n, h, w) by one pixel to each of four sides; the border that comes in is repeated."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)), mode="edge")
    height, width = images.shape[1:]
    return [
        padded[:, down:down + height, right:right + width]
        for down, right in ((0, 1), (2, 1), (1, 0), (1, 2))
    ]


def _tree(points: np.ndarray) -> Any:
    from scipy.spatial import cKDTree

    return cKDTree(points)

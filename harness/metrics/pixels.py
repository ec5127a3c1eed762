"""Errors of images beside their originals, pixel by pixel: one number for each image."""

from __future__ import annotations

from functools import cache

import numpy as np

__all__ = [
    "BCE_CLIP",
    "MSE_FLOOR",
    "PIXEL_ERRORS",
    "as_float",
    "mean_squared_error",
    "nearest_by_pixels",
    "pixel_errors",
    "ssim",
]

PIXEL_ERRORS = ("mse", "mae", "psnr", "bce", "ssim")
"""The columns of `pixel_errors`."""

BCE_CLIP = 2.0**-20
"""The cross-entropy is infinite where a model is certain and wrong: intensities stay this far from 0 and 1.

About a millionth, and a power of two: float32 holds 1 - 2^-20 exactly.
"""

MSE_FLOOR = 1e-10
"""A perfect image has an infinite signal-to-noise ratio; the squared error counts as at least this (100
dB)."""

AT_ONCE = 250
"""Images that are worked on at once: their arrays fit the processor's cache."""


def as_float(images: np.ndarray) -> np.ndarray:
    """Give images as float32 in [0, 1]; uint8 is divided by 255."""
    if images.dtype == np.uint8:
        return images.astype(np.float32) / np.float32(255.0)
    return np.asarray(images, np.float32)


def mean_squared_error(originals: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Give the mean squared error per pixel of each of n images (n, height, width): (n,) float64."""
    found = np.empty(len(images))
    for start in range(0, len(images), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        difference = as_float(originals[part]) - as_float(images[part])
        found[part] = np.square(difference).mean(axis=(1, 2), dtype=np.float64)
    return found


def pixel_errors(originals: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Compare n images with their originals.

    Args:
        originals: (n, height, width), uint8 or float32 in [0, 1].
        images: likewise.

    Returns:
        (n, 5) float64, the columns of `PIXEL_ERRORS`: mean squared and mean absolute error per pixel; peak
        signal-to-noise ratio in dB, -10 log10 of the squared error; binary cross-entropy in nats, summed over
        pixels; structural similarity.

    """
    found = np.empty((len(images), len(PIXEL_ERRORS)))
    for start in range(0, len(images), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        x, y = as_float(originals[part]), as_float(images[part])
        difference = x - y
        squared = np.square(difference).mean(axis=(1, 2), dtype=np.float64)
        found[part, 0] = squared
        found[part, 1] = np.abs(difference).mean(axis=(1, 2), dtype=np.float64)
        found[part, 2] = -10.0 * np.log10(np.maximum(squared, MSE_FLOOR))
        found[part, 3] = _cross_entropy(x, y)
        found[part, 4] = _ssim(x, y)
    return found


def ssim(originals: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Give the structural similarity of each image to its original (Wang et al. 2004): (n,) float64.

    Gaussian window of 11x11 pixels with sigma 1.5, population covariances, data range 1, K1 = 0.01, K2 =
    0.03, averaged over the places where the window lies inside the image; as scikit-image computes it
    with `gaussian_weights=True, use_sample_covariance=False`. Implementations that pad the image give
    other numbers.
    """
    found = np.empty(len(images))
    for start in range(0, len(images), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        found[part] = _ssim(as_float(originals[part]), as_float(images[part]))
    return found


def _cross_entropy(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    y = np.clip(y, np.float32(BCE_CLIP), np.float32(1.0 - BCE_CLIP))
    # -(x log y + (1 - x) log(1 - y)), with one product fewer.
    other = np.log1p(-y)
    total: np.ndarray = -(x * (np.log(y) - other) + other).sum(axis=(1, 2), dtype=np.float64)
    return total


def _ssim(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    mean_x, mean_y = _blur(x), _blur(y)
    product, square_x, square_y = mean_x * mean_y, np.square(mean_x), np.square(mean_y)
    covariance = _blur(x * y) - product
    variances = _blur(np.square(x) + np.square(y)) - (square_x + square_y)
    c1, c2 = np.float32(0.01**2), np.float32(0.03**2)
    above = (2 * product + c1) * (2 * covariance + c2)
    below = (square_x + square_y + c1) * (variances + c2)
    mean: np.ndarray = (above / below).mean(axis=(1, 2), dtype=np.float64)
    return mean


def _blur(images: np.ndarray) -> np.ndarray:
    """Filter (n, h, w) with the Gaussian window where it fits: (n, w - 10, h - 10), transposed.

    A separable filter is a product with a banded matrix from the right, once for each axis. A transposed
    map has the same mean.
    """
    across = images @ _window(images.shape[2])
    blurred: np.ndarray = np.ascontiguousarray(across.transpose(0, 2, 1)) @ _window(images.shape[1])
    return blurred


@cache
def _window(size: int) -> np.ndarray:
    """Give the banded matrix (size, size - 10) whose columns are the window at each place."""
    weights = np.exp(-0.5 * np.square(np.arange(-5, 6) / 1.5))
    weights /= weights.sum()
    matrix = np.zeros((size, size - 10), np.float32)
    for place in range(size - 10):
        matrix[place:place + 11, place] = weights
    return matrix


def nearest_by_pixels(queries: np.ndarray, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the nearest of the images (m, h, w) uint8 to each query (n, h, w) uint8 by squared error.

    Returns:
        Index (n,) int64 and mean squared error per pixel (n,) float64, on the scale of [0, 1].

    """
    flat = as_float(queries).reshape(len(queries), -1)
    best, index = np.full(len(flat), np.inf, np.float32), np.zeros(len(flat), np.int64)
    for start in range(0, len(images), 5_000):
        part = as_float(images[start:start + 5_000]).reshape(-1, flat.shape[1])
        distances = np.square(part).sum(axis=1) - np.float32(2.0) * (flat @ part.T)
        place = distances.argmin(axis=1)
        found = distances[np.arange(len(flat)), place]
        closer = found < best
        best[closer], index[closer] = found[closer], start + place[closer]
    return index, mean_squared_error(queries, images[index])

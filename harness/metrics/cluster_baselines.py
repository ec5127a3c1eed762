"""Codes that nobody had to learn: what the cluster scores of a model are read against."""

from __future__ import annotations

import numpy as np

from harness.metrics.linear import principal_components
from harness.metrics.pixels import as_float

__all__ = ["BASELINES", "baseline_codes", "untrained_encoder"]

BASELINES = ("raw pixels", "PCA", "random projection", "untrained encoder", "random codes")
"""All but the raw pixels have as many numbers as the model's codes."""

AT_ONCE = 1_000


def baseline_codes(
    name: str, train: np.ndarray, test: np.ndarray, *, size: int, seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Encode training and test images (n, 28, 28) by one of `BASELINES`: codes (n, size) of each, float32.

    Raw pixels have 784 numbers, as uint8 where the images are, and PCA never more than there are pixels.
    """
    if name == "raw pixels":
        return train.reshape(len(train), -1), test.reshape(len(test), -1)
    if name == "PCA":
        components = principal_components(train, size=min(size, train[0].size))
        return components.encode(train), components.encode(test)
    rng = np.random.default_rng(seed)
    if name == "random projection":
        matrix = rng.normal(size=(train[0].size, size)).astype(np.float32) / np.float32(size**0.5)
        return _project(train, matrix), _project(test, matrix)
    if name == "untrained encoder":
        return untrained_encoder(train, size=size, seed=seed), untrained_encoder(test, size=size, seed=seed)
    return (
        rng.normal(size=(len(train), size)).astype(np.float32),
        rng.normal(size=(len(test), size)).astype(np.float32),
    )


def untrained_encoder(images: np.ndarray, *, size: int, seed: int) -> np.ndarray:
    """Encode images (n, 28, 28) by a small convolutional network as it is before any training: (n, size).

    Two convolutions (3x3, stride 2, 16 and 32 channels, ReLU) and a linear layer, their weights normal with
    variance 2 / fan-in (He et al. 2015).
    """
    import torch
    from torch.nn.functional import conv2d, linear, relu

    generator = torch.Generator().manual_seed(seed)

    def weights(*shape: int) -> torch.Tensor:
        fan_in = int(np.prod(shape[1:]))
        return torch.randn(*shape, generator=generator).mul((2.0 / fan_in) ** 0.5)

    first, second, last = weights(16, 1, 3, 3), weights(32, 16, 3, 3), weights(size, 32 * 7 * 7)
    found = []
    for start in range(0, len(images), AT_ONCE):
        hidden = torch.from_numpy(as_float(images[start:start + AT_ONCE]))[:, None]
        hidden = relu(conv2d(hidden, first, stride=2, padding=1))
        hidden = relu(conv2d(hidden, second, stride=2, padding=1))
        found.append(linear(hidden.flatten(1), last).numpy())
    return np.concatenate(found)


def _project(images: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    flat = images.reshape(len(images), -1)
    return np.concatenate([
        as_float(flat[start:start + AT_ONCE]) @ matrix for start in range(0, len(flat), AT_ONCE)
    ])

"""Inception-v3 through torch-fidelity, for figures that can be set beside those of papers."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["inception_features"]

BATCH = 50
NAME = "inception-v3-compat"


def inception_features(images: np.ndarray, weights: Path) -> np.ndarray:
    """Look at grey images as torch-fidelity's Inception-v3 does: three equal channels, enlarged to 299x299.

    Slow without a GPU (about 6 billion multiply-adds an image), so that it is done only on request.

    Args:
        images: (N, 28, 28), uint8 or float in [0, 1] (rounded to 8 bits).
        weights: torch-fidelity's weights file, weights-inception-2015-12-05-6726825d.pth.

    Returns:
        Features (N, 2048) float32, from before the classifier (Heusel et al. 2017).

    Raises:
        UserError: the file is missing or does not hold the weights of Inception-v3.

    """
    import torch

    network = _load(weights)
    if images.dtype != np.uint8:
        images = np.clip(np.rint(np.asarray(images, dtype=np.float32) * 255), 0, 255).astype(np.uint8)
    out = np.empty((len(images), 2048), dtype=np.float32)
    with torch.inference_mode():
        for start in range(0, len(images), BATCH):
            batch = torch.from_numpy(images[start : start + BATCH].copy())[:, None].expand(-1, 3, -1, -1)
            out[start : start + BATCH] = network(batch)[0].numpy()
    return out


def _load(weights: Path) -> Callable[[Tensor], tuple[Tensor, ...]]:
    import torch
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    remedy = "give torch-fidelity's weights-inception-2015-12-05-6726825d.pth"
    if not weights.is_file():
        raise UserError(f"There is no Inception weights file {weights}: {remedy}.")
    try:
        # torch-fidelity unpickles without restraint: first the way of reading that runs no code.
        torch.load(weights, map_location="cpu", weights_only=True)
        network: Callable[[Tensor], tuple[Tensor, ...]] = FeatureExtractorInceptionV3(
            NAME, ["2048"], feature_extractor_weights_path=str(weights)
        )
    except (OSError, EOFError, RuntimeError, TypeError, AttributeError, pickle.UnpicklingError) as error:
        raise UserError(f"{weights} does not hold the weights of Inception-v3: {remedy}.") from error
    return network

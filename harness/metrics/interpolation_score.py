"""One number for an interpolation, which neither a cross-fade nor snapping nor a constant can win."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Reference", "interpolation_score"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What the score is measured against, on lines between classes; distances in spreads of the features.

    Attributes:
        evenness: (1 - step variation) / detour of the cross-fade.
        middle: distance of the cross-fade's middle third from the nearest training image.
        real: the same of real test images, the ends of the cross-fade.
        mean_image: mean distance of a test image from the mean training image.

    """

    evenness: float
    middle: float
    real: float
    mean_image: float


def interpolation_score(parts: np.ndarray, reference: Reference) -> tuple[np.ndarray, np.ndarray]:
    """Combine evenness, realism and fidelity of the ends against the cross-fade into one number in [0, 1].

    Each part is 0 for what must not pay and 1 for the best that can be asked; the score is their geometric
    mean, so that no part can stand in for another:

    - evenness: (1 - step variation) / detour, relative to the cross-fade's and at most 1. Snapping to the
      nearest training image has a variation over 1 and so 0; snapping in the plane of principal components
      0.1; a decoder that does not move gets 0, although nothing is smoother.
    - realism: (cross-fade - line) / (cross-fade - real images), of the distances of the middle third to the
      nearest training image. Double exposures are what an interpolation has to beat: they have 0, and so
      has what is linear in the pixels (principal components).
    - fidelity: 1 - distance of the ends from the test images they stand for, over the distance of the mean
      image from them. A constant and an untrained decoder have 0.

    Only lines between two classes count: within a class even the cross-fade is nearly as near to real
    images as real images are.

    Args:
        parts: (..., 5) means over lines: variation of the steps, length, distance of the ends; distance of
            the middle from real images, distance of the ends from their test images.
        reference: what the cross-fade, real images and the mean image have.

    Returns:
        The score (...), and its three parts (..., 3) in the order above.

    """
    variation, length, distance, middle, end_error = np.moveaxis(np.asarray(parts, np.float64), -1, 0)
    directness = distance / np.where(length > 0.0, length, 1.0)
    evenness = np.maximum(1.0 - variation, 0.0) * directness / max(reference.evenness, 1e-9)
    realism = (reference.middle - middle) / max(reference.middle - reference.real, 1e-9)
    fidelity = 1.0 - end_error / reference.mean_image
    each = np.clip(np.stack([evenness, realism, fidelity], axis=-1), 0.0, 1.0)
    return np.cbrt(each.prod(axis=-1)), each

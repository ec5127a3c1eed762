"""Bags: handbags, totes, clutches and satchels."""

from __future__ import annotations

import numpy as np

from harness.data.drawing import SIZE, Array, Brush, X, Y, box, curve, outside, paint, ring
from harness.data.fabric import cloth, seam

__all__ = ["bag"]


def bag(brush: Brush) -> Array:
    """Draw handbags, totes, clutches and satchels: a body, perhaps handles, a flap and a clasp."""
    middle = 14 + brush.about(0, 0.4)
    half = np.where(brush.chance(0.7), brush.between(10.5, 13.4), brush.between(8.0, 11.0))
    crown = np.where(brush.chance(0.72), brush.between(8.5, 13.0), brush.between(3.5, 8.5))
    base = np.where(brush.chance(0.7), brush.between(24.5, 27.5), brush.between(20.5, 24.5))
    side = np.abs(X - middle)
    shape = curve(
        Y,
        (crown, half * brush.between(0.74, 1.0)),
        (crown + (base - crown) * brush.between(0.1, 0.9), half),
        (base, half * brush.between(0.86, 1.0)),
    )
    body = np.maximum(side - shape, np.maximum(crown - Y, Y - base))
    corner = brush.between(0, 2.2)
    body = np.maximum(body, (side - shape + np.maximum(crown - Y, Y - base) + corner) / np.sqrt(2))
    fabric = cloth(brush, plain=0.66, x=X - middle)
    image = np.zeros((brush.count, SIZE, SIZE))
    span, up = half * brush.between(0.35, 0.8), np.maximum(crown - brush.between(0.6, 3.0), 2.0)
    handle = outside(ring(middle, crown + 0.6, span, up, brush.between(0.8, 2.0)), body)
    carried = paint(image, handle, np.clip(fabric * brush.between(0.6, 1.2), 0.08, 1))
    image = np.where(brush.chance(0.68), carried, image)
    image = paint(image, body, seam(fabric, body, brush.between(0.0, 0.5)))
    edge = crown + (base - crown) * brush.between(0.15, 0.65)
    flap = np.where(brush.chance(0.5), np.abs(Y - edge - 0 * X), np.abs(Y - edge + 1.5 * (side / half) ** 2))
    image = np.where(
        brush.chance(0.55), image * (1 - brush.between(0.2, 0.6) * np.clip(1 - flap, 0, 1)), image
    )
    clasp = box(
        middle - brush.between(0.7, 2.2),
        edge - 1.0,
        middle + brush.between(0.7, 2.2),
        edge + brush.between(0.6, 2.2),
    )
    image = np.where(brush.chance(0.45), paint(image, clasp, brush.between(0, 1)), image)
    straps = np.abs(side - brush.between(3.5, 6.5)) + 0 * Y
    return np.where(brush.chance(0.2), image * (1 - 0.4 * np.clip(1.2 - straps, 0, 1)), image)

"""What garments are made of: grey values of cloth and leather, seams, and the grain of a photograph."""

from __future__ import annotations

import numpy as np

from harness.data.drawing import Array, Brush, X, Y

__all__ = ["cloth", "grained", "leather", "seam"]


def cloth(brush: Brush, *, plain: float, x: Array, bright: float = 0.0) -> Array:
    """Dye and weave: grey values (n, 28, 28) of cloth, `plain` the share without a pattern."""
    dark = brush.chance(0.24 - bright)
    base = np.where(dark, brush.between(0.10, 0.50), 1.0 - 0.38 * brush.between(0, 1) ** 1.2)
    rest = (1 - plain) / 5
    kind = brush.choice(plain, rest, rest, rest, rest, rest)
    strength = brush.between(0.08, 0.60) * np.where(base > 0.5, -1, 1)
    across, down = brush.stripes(x, 2.0, 6.0), brush.stripes(Y + 0 * x, 2.2, 8.0)
    block = np.where(brush.between(8, 20) < Y, 1.0, 0.0)
    prints = np.clip(brush.clouds(13) * 1.5, -1, 1)
    pattern = np.select(
        [kind == 1, kind == 2, kind == 3, kind == 4, kind == 5],
        [across, down, (across + down) / 2, prints, 2 * block - 1],
        -1.0,
    )
    folds = 0.035 * brush.clouds(6) + 0.04 * brush.stripes(x + brush.between(-0.4, 0.4) * Y, 5, 13)
    light = brush.about(0, 0.006) * (X - 14) + brush.about(0, 0.005) * (Y - 14)
    grey: Array = base * (1 + strength * (pattern + 1) / 2) + folds + light
    return np.clip(grey, 0.04, 1.0)


def leather(brush: Brush, *, x: Array = X) -> Array:
    """Give the grey values (n, 28, 28) of an upper: panels of several tones, with some shine."""
    base = np.where(brush.chance(0.28), brush.between(0.12, 0.5), brush.between(0.5, 0.95))
    panel = brush.between(-0.35, 0.35) * np.where(
        x + brush.between(-0.8, 0.8) * Y > brush.between(18, 32), 1.0, 0.0
    )
    texture = brush.between(0.02, 0.13) * brush.clouds(9)
    return np.clip(base + panel * brush.chance(0.7) + texture + 0.07 * brush.clouds(4), 0.05, 1)


def seam(
    image: Array, distance: Array, depth: Array | float, width: float = 0.9
) -> Array:
    """Darken along the edge of a shape."""
    return image * (1 - depth * np.clip(1 - np.abs(distance) / width, 0, 1))


def grained(brush: Brush, image: Array) -> Array:
    """Add the grain of a scaled-down photograph, where there is something to see."""
    return np.where(
        image > 0.01, image + brush.between(0.004, 0.022) * brush.grain() * np.minimum(4 * image, 1), 0.0
    )

"""Pages as arrays of grey, for looking at their ink."""

from __future__ import annotations

from typing import Any

__all__ = ["drawable", "grey"]

SMALLEST, LARGEST = 72.0, 4_000.0   # side of a page in points that is drawn: up to A0 and a bit


def drawable(page: Any) -> bool:
    """Tell whether a page has a size that paper has."""
    width, height = page.get_size()
    return bool(SMALLEST <= width <= LARGEST and SMALLEST <= height <= LARGEST)


def grey(page: Any, *, dots_per_inch: float) -> Any:
    """Draw a page with its annotations and fields: (height, width) uint8, the darkest channel of each pixel.

    The darkest channel, so that blue or red ink is as dark as black.
    """
    import numpy as np

    width, height = page.get_size()
    # A hostile page may be large: no more pixels than A4 has at 300 dots per inch.
    scale = min(dots_per_inch / 72, (8.7e6 / (width * height)) ** 0.5)
    pixels = np.asarray(page.render(scale=scale, may_draw_forms=True).to_pil().convert("RGB"))
    return pixels.min(axis=2)

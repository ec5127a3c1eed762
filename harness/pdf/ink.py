"""How much ink lies in boxes of a page."""

from __future__ import annotations

from typing import Any

from harness.pdf.opening import opened
from harness.pdf.render import drawable, grey

__all__ = ["DARK", "look", "share"]

DARK = 150          # a pixel below this, of 255, is ink
RESOLUTION = 200    # dots per inch
INNER = 0.17        # of a box's side that is left out at either end: there is its own frame


def look(path: str, *, most_pages: int, regions: list[dict[str, Any]]) -> dict[str, Any]:
    """Give the share of dark pixels within each region: {"page": from 1, "box": in points of the view}."""
    document = opened(path, most_pages=most_pages, forms=True)
    if isinstance(document, dict):
        return document
    drawn: dict[int, Any] = {}
    shares = []
    for region in regions[:2_000]:
        number = int(region["page"])
        if number not in drawn:
            drawn.clear()       # one page at a time: they are asked for in order
            page = document[number - 1]
            pixels = grey(page, dots_per_inch=RESOLUTION) if drawable(page) else None
            drawn[number] = (pixels, page.get_size())
        pixels, size = drawn[number]
        shares.append(0.0 if pixels is None else share(pixels, size, region["box"]))
    return {"ink": shares}


def share(pixels: Any, size: tuple[float, float], box: list[float]) -> float:
    """Give the share of dark pixels in the inner part of a box."""
    across, down = pixels.shape[1] / size[0], pixels.shape[0] / size[1]
    left, top, right, bottom = box
    dx, dy = INNER * (right - left), INNER * (bottom - top)
    rows = slice(max(0, round((top + dy) * down)), max(0, round((bottom - dy) * down)))
    inner = pixels[rows, max(0, round((left + dx) * across)):max(0, round((right - dx) * across))]
    return round(float((inner < DARK).mean()), 4) if inner.size else 0.0

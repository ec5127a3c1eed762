"""Pieces of pages as pictures, to be shown beside what was read from them."""

from __future__ import annotations

import base64
import io
from typing import Any

from harness.pdf.opening import opened
from harness.pdf.render import drawable

__all__ = ["look"]

RESOLUTION = 110    # dots per inch
COLOURS = 16        # of a picture: enough for print and pens
MOST = 400          # pictures


def look(path: str, *, most_pages: int, regions: list[dict[str, Any]]) -> dict[str, Any]:
    """Give a picture of each region: {"page": from 1, "box": in points of the view}; None where there is none.

    Returns:
        "crops": objects with "png" (base64), "width", "height", or None, in the order of asking.

    """
    document = opened(path, most_pages=most_pages, forms=True)
    if isinstance(document, dict):
        return document
    drawn: dict[int, Any] = {}
    crops = []
    for region in regions[:MOST]:
        number = int(region["page"])
        if number not in drawn:
            drawn.clear()
            page = document[number - 1]
            drawn[number] = _picture(page) if drawable(page) else None
        crops.append(_crop(drawn[number], region["box"]))
    return {"crops": crops}


def _picture(page: Any) -> tuple[Any, float]:
    width, height = page.get_size()
    scale = min(RESOLUTION / 72, (4e6 / (width * height)) ** 0.5)
    return page.render(scale=scale, may_draw_forms=True).to_pil().convert("RGB"), scale


def _crop(drawn: tuple[Any, float] | None, box: list[float]) -> dict[str, Any] | None:
    if drawn is None:
        return None
    image, scale = drawn
    left, top, right, bottom = (round(edge * scale) for edge in box)
    left, top = max(0, left), max(0, top)
    right, bottom = min(image.width, right), min(image.height, bottom)
    if right - left < 2 or bottom - top < 2:
        return None
    piece = image.crop((left, top, right, bottom)).quantize(COLOURS, dither=0)
    stream = io.BytesIO()
    piece.save(stream, "PNG", optimize=True)
    return {"png": base64.b64encode(stream.getvalue()).decode(), "width": piece.width, "height": piece.height}

"""Draws a page whole, and the figures on pages small. Runs in a process of its own."""

from __future__ import annotations

import base64
import io
from typing import Any

from harness.pdf.figures import figures_of
from harness.pdf.opening import opened
from harness.pdf.view import Box, view_of

__all__ = ["look"]

MOST_PNG = 250_000              # bytes of the picture of a page
SMALLEST, LARGEST = 72.0, 4_000.0   # side of a page in points (1/72 inch) that is drawn: up to A0 and a bit
STEEPEST = 4.0                  # ratio of the sides
_TRIES = ((900, 64), (900, 16), (500, 16))      # width in pixels and colours of the picture

MOST_FIGURES = 24               # of the file
FIGURE_SIDE = 280               # pixels of the longer side
FIGURE_COLOURS = 32
FIGURE_SCALE = 2.0              # pixels to a point that a page is drawn with for its figures
MOST_PIXELS = 4e6               # of a page that is drawn for its figures


def look(path: str, *, most_pages: int, page: int, figures_on: list[int]) -> dict[str, Any]:
    """Draw one page whole, and the figures on some pages.

    Args:
        path: the file.
        most_pages: that it may have.
        page: number of the page that is drawn whole, from 1.
        figures_on: numbers of the pages whose figures are drawn.

    Returns:
        "png": base64, with "width" and "height"; instead: "picture_error", the size of the page in words.
        "figures": objects with "page", "kind" ("image" or "drawing"), "png", "width", "height".

    """
    import pypdfium2

    document = opened(path, most_pages=most_pages)
    if isinstance(document, dict):
        return document
    try:
        drawn = _whole(document[page - 1])
        figures: list[dict[str, Any]] = []
        for number in figures_on:
            if len(figures) < MOST_FIGURES:
                figures += _figures(document[number - 1], number, MOST_FIGURES - len(figures))
    except pypdfium2.PdfiumError:
        return {"error": "format"}
    return drawn | {"figures": figures}


def _fits(page: Any) -> bool:
    width, height = page.get_size()
    sides = sorted((width, height))
    return bool(SMALLEST <= sides[0] <= sides[1] <= LARGEST and sides[1] <= STEEPEST * sides[0])


def _whole(page: Any) -> dict[str, Any]:
    width, height = page.get_size()
    if not _fits(page):
        return {"picture_error": f"{width:.0f} x {height:.0f} points"}
    image = page.render(scale=_TRIES[0][0] / width, may_draw_forms=False).to_pil().convert("RGB")
    for pixels, colours in _TRIES:
        smaller = image.resize((pixels, round(image.height * pixels / image.width)))
        data = _png(smaller, colours)
        if len(data) <= MOST_PNG:
            break
    return {"png": base64.b64encode(data).decode(), "width": smaller.width, "height": smaller.height}


def _figures(page: Any, number: int, most: int) -> list[dict[str, Any]]:
    found = figures_of(page, view_of(page))[:most] if _fits(page) else []
    if not found:
        return []
    width, height = page.get_size()
    scale = min(FIGURE_SCALE, (MOST_PIXELS / (width * height)) ** 0.5)
    image = page.render(scale=scale, may_draw_forms=False).to_pil().convert("RGB")
    return [{"page": number, "kind": kind, **piece} for kind, box in found if (piece := _piece(image, scale, box))]


def _piece(image: Any, scale: float, box: Box) -> dict[str, Any] | None:
    left, top, right, bottom = (round(edge * scale) for edge in box)
    left, top, right, bottom = max(0, left), max(0, top), min(image.width, right), min(image.height, bottom)
    if right - left < 8 or bottom - top < 8:
        return None
    piece = image.crop((left, top, right, bottom))
    piece.thumbnail((FIGURE_SIDE, FIGURE_SIDE))
    data = base64.b64encode(_png(piece, FIGURE_COLOURS)).decode()
    return {"png": data, "width": piece.width, "height": piece.height}


def _png(image: Any, colours: int) -> bytes:
    stream = io.BytesIO()
    image.quantize(colours, dither=0).save(stream, "PNG", optimize=True)
    return stream.getvalue()

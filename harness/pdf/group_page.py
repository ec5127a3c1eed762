"""Finds the group's own page in a PDF: its text and a picture of it. Runs apart, in a process of its own."""

from __future__ import annotations

import base64
import io
import re
from itertools import islice
from typing import Any

from harness.pdf.opening import opened

__all__ = ["look"]

WIDTH = 900                     # pixels of the picture
MOST_PNG = 250_000              # bytes of the picture
MOST_TEXT = 20_000              # characters taken of a page
MOST_TEXTS = 20                 # pages whose text is read
SMALLEST, LARGEST = 72.0, 4_000.0   # side of a page in points (1/72 inch) that is drawn: up to A0 and a bit
STEEPEST = 4.0                  # ratio of the sides

# Words that a group's own page has and the sheet it answers has not.
_OWN = re.compile(
    r"epoch|learning rate|lernrate|batch size|\badam\b|github|gitlab|colab|\bfig(ure|\.)|abbildung",
    re.IGNORECASE,
)
_TRIES = ((900, 64), (900, 16), (500, 16))      # width and colours of the picture


def look(path: str, *, most_pages: int) -> dict[str, Any]:
    """Give the number of pages, and the group's page with its text and picture.

    Returns:
        "pages": how many; "page": number of the group's page, from 1; "text": of it; "png": base64, with
        "width" and "height". Instead of all: "error", one of "password", "format", "pages". Instead of the
        picture: "picture_error", the size of the page in words.

    """
    import pypdfium2

    document = opened(path, most_pages=most_pages)
    if isinstance(document, dict):
        return document
    pages = len(document)
    texts, scores = [], []
    try:
        for number in range(min(pages, MOST_TEXTS)):
            text, images = _contents(document[number])
            texts.append(text)
            scores.append(2 * min(images, 5) + len({word.group().lower() for word in _OWN.finditer(text)}))
        chosen = max(range(len(texts)), key=lambda number: (scores[number], number))
        found = {"pages": pages, "page": chosen + 1, "text": texts[chosen]}
        return found | _picture(document[chosen])
    except pypdfium2.PdfiumError:
        return {"error": "format"}


def _contents(page: Any) -> tuple[str, int]:
    """Give the text of a page and the number of images in it."""
    import pypdfium2

    text = page.get_textpage().get_text_bounded()[:MOST_TEXT]
    wanted = [pypdfium2.raw.FPDF_PAGEOBJ_IMAGE]
    return text, sum(1 for _ in islice(page.get_objects(filter=wanted, max_depth=3), 100))


def _picture(page: Any) -> dict[str, Any]:
    width, height = page.get_size()
    sides = sorted((width, height))
    if not SMALLEST <= sides[0] <= sides[1] <= LARGEST or sides[1] > STEEPEST * sides[0]:
        return {"picture_error": f"{width:.0f} x {height:.0f} points"}
    image = page.render(scale=WIDTH / width, may_draw_forms=False).to_pil().convert("RGB")
    data = b""
    for pixels, colours in _TRIES:
        smaller = image.resize((pixels, round(image.height * pixels / image.width)))
        stream = io.BytesIO()
        smaller.quantize(colours, dither=0).save(stream, "PNG", optimize=True)
        data = stream.getvalue()
        if len(data) <= MOST_PNG:
            break
    return {"png": base64.b64encode(data).decode(), "width": smaller.width, "height": smaller.height}

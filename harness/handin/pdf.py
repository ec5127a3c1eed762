"""Reads one PDF in a process of its own, and prints what it found as one JSON object.

A PDF comes from a stranger and PDFium is a large C++ program: whatever a file makes it do ends this process,
not the grade. It imports nothing of ours, and is started by path: python -P pdf.py FILE PAGES MEMORY_BYTES.
No script in the file is run: PDFium does that only for programs that set up its form environment.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import re
import sys
from itertools import islice
from pathlib import Path
from typing import Any

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

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        locked = error.err_code in {pypdfium2.raw.FPDF_ERR_PASSWORD, pypdfium2.raw.FPDF_ERR_SECURITY}
        return {"error": "password" if locked else "format"}
    pages = len(document)
    if not 0 < pages <= most_pages:
        return {"error": "pages" if pages else "format", "pages": pages}
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


def _confine(memory_bytes: int) -> None:
    """Limit what a hostile file can take from the machine; the caller ends this process in time."""
    with contextlib.suppress(ImportError, ValueError, OSError):     # systems without such limits
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """Look at the file that the arguments name."""
    path, most_pages, memory_bytes = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    import PIL.PngImagePlugin
    import pypdfium2  # noqa: F401 - loaded before the limits, so that these count what the file needs

    del PIL
    _confine(memory_bytes)
    print(json.dumps(look(str(Path(path)), most_pages=most_pages)))


if __name__ == "__main__":
    main()

"""What stands on the pages of a PDF: text, targets of links, and how many pictures. Runs in a process of its own."""

from __future__ import annotations

import ctypes
from itertools import islice
from typing import Any

from harness.pdf.opening import opened

__all__ = ["look"]

MOST_PAGES = 20             # whose contents are read
MOST_TEXT = 20_000          # characters taken of a page
MOST_LINKS = 100            # of a page
MOST_ADDRESS = 2_000        # characters of a link's target
MOST_PICTURES = 100         # of a page that are counted
WHOLE = 0.8                 # share of the page that a scan covers


def look(path: str, *, most_pages: int) -> dict[str, Any]:
    """Give the contents of a file's first MOST_PAGES pages.

    Returns:
        "total": pages of the file; "pages": objects with "number" (from 1), "text", "links" (targets of its link
        annotations), "pictures" (how many images) and "scanned" (an image covers it). Instead: "error", one of
        "password", "format", "pages".

    """
    import pypdfium2

    document = opened(path, most_pages=most_pages)
    if isinstance(document, dict):
        return document
    try:
        pages = [_page(document, number) for number in range(min(len(document), MOST_PAGES))]
    except pypdfium2.PdfiumError:
        return {"error": "format"}
    return {"total": len(document), "pages": pages}


def _page(document: Any, number: int) -> dict[str, Any]:
    import pypdfium2.raw as pdfium

    page = document[number]
    text = page.get_textpage().get_text_bounded()[:MOST_TEXT]
    found = islice(page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=3), MOST_PICTURES)
    areas = [_area(image) for image in found]
    width, height = page.get_size()
    return {
        # Half of a pair of surrogates is no character, and no JSON either.
        "number": number + 1, "text": text.encode("utf-8", "replace").decode(), "links": _links(document, page),
        "pictures": len(areas), "scanned": max(areas, default=0.0) > WHOLE * width * height,
    }


def _area(image: Any) -> float:
    left, bottom, right, top = image.get_bounds()
    return float((right - left) * (top - bottom))


def _links(document: Any, page: Any) -> list[str]:
    """Give the web addresses that the link annotations of a page lead to, each once."""
    import pypdfium2.raw as pdfium

    found: dict[str, None] = {}
    place, link = ctypes.c_int(0), pdfium.FPDF_LINK()
    for _ in range(MOST_LINKS):
        if not pdfium.FPDFLink_Enumerate(page, place, link):
            break
        action = pdfium.FPDFLink_GetAction(link)
        if not action or pdfium.FPDFAction_GetType(action) != pdfium.PDFACTION_URI:
            continue
        size = pdfium.FPDFAction_GetURIPath(document, action, None, 0)
        if 1 < size <= MOST_ADDRESS:
            buffer = ctypes.create_string_buffer(size)
            pdfium.FPDFAction_GetURIPath(document, action, buffer, size)
            found[buffer.value.decode("utf-8", "replace")] = None
    return list(found)

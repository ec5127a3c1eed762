"""Everything on the pages of a PDF that an answer can be: words, boxes, marks, annotations and form fields."""

from __future__ import annotations

from typing import Any

from harness.pdf.annotations import annotations_of
from harness.pdf.drawings import drawings_of
from harness.pdf.opening import opened
from harness.pdf.view import view_of
from harness.pdf.words import words_of

__all__ = ["look"]

MOST_PAGES = 40             # that are looked at: a sheet has two, a hand-in a few more


def look(path: str, *, most_pages: int) -> dict[str, Any]:
    """Give the pages of a file; lengths are in points of the view (`harness.pdf.view`).

    Returns:
        "total": pages of the file; "pages": one object for each of the first MOST_PAGES, with "width", "height",
        "words", "boxes", "marks", "fields" and "pictures". Instead: "error" (`harness.pdf.opening`).

    """
    document = opened(path, most_pages=most_pages, forms=True)
    if isinstance(document, dict):
        return document
    pages = [_page(document, number) for number in range(min(len(document), MOST_PAGES))]
    return {"total": len(document), "pages": pages}


def _page(document: Any, number: int) -> dict[str, Any]:
    page = document[number]
    view = view_of(page)
    drawn = drawings_of(page, view)
    marks, fields = annotations_of(document, page, view)
    width, height = page.get_size()
    return {
        "number": number + 1, "width": width, "height": height,
        "words": [{"text": text, "box": box} for text, box in words_of(page, view)],
        "boxes": [{"shape": shape, "filled": filled, "box": box} for shape, filled, box in drawn.boxes],
        "marks": [{"kind": kind, "box": box} for kind, box in drawn.marks] + marks,
        "fields": fields, "pictures": drawn.pictures,
    }

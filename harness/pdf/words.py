"""The words of a page with their places, in the order in which the file gives them."""

from __future__ import annotations

import ctypes
from typing import Any

from harness.pdf.view import Affine, Box, around

__all__ = ["words_of"]

MOST_LETTERS = 20_000       # of a page
_BREAK = {0, 9, 10, 13, 32, 0xA0, 0x2028, 0x2029}
_HYPHEN = {0x2, 0xAD, 0xFFFE}   # how PDFium and producers mark a word that is broken at the end of a line


def words_of(page: Any, view: Affine) -> list[tuple[str, Box]]:
    """Give each word with its box; a word broken over lines comes as two, the first ending in "-"."""
    import pypdfium2.raw as pdfium

    text = page.get_textpage()
    words: list[tuple[str, Box]] = []
    letters: list[str] = []
    corners: list[tuple[float, float]] = []

    def end() -> None:
        if letters and corners:
            words.append(("".join(letters), around(corners)))
        letters.clear()
        corners.clear()

    edges = [ctypes.c_double() for _ in range(4)]
    for index in range(min(text.count_chars(), MOST_LETTERS)):
        code = pdfium.FPDFText_GetUnicode(text, index)
        if code in _BREAK:
            end()
            continue
        pdfium.FPDFText_GetCharBox(text, index, *edges)     # left, right, bottom, top
        left, right, bottom, top = (edge.value for edge in edges)
        box = view.box(left, bottom, right, top)
        if corners and (box[1] > corners[-1][1] + 2 or box[3] < corners[-2][1] - 2):
            end()
        if code in _HYPHEN:
            letters.append("-")
            end()
            continue
        if 0xD800 <= code <= 0xDFFF or code > 0x10FFFF:
            code = 0xFFFD
        letters.append(chr(code))
        corners += [(box[0], box[1]), (box[2], box[3])]
    end()
    return words

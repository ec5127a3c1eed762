"""Text and Markdown files as pages: a letter is so wide and a line so high, and the rest works as for a PDF."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby

from harness.quiz.reading.facts import Page, Pages, Word
from harness.quiz.reading.targets import option

__all__ = ["LINE", "line_number", "pages_of_text"]

LETTER, LINE = 6.0, 14.0        # points
BETWEEN = 4                     # letters between two columns of a table: more than between words
_RULE = re.compile(r"^[\s|:+=-]*-[\s|:+=-]*$")
_WORD = re.compile(r"[\[(] ?[xX✓✗✔✘]? ?[\])]|\S+")

Line = tuple[int, str]


def pages_of_text(text: str) -> Pages:
    """Lay out a text; Markdown's emphasis is taken away, its boxes "[ ]" stay, and its tables get straight columns."""
    lines = [(number, _without_emphasis(line)) for number, line in enumerate(text.splitlines())]
    words: list[Word] = []
    for separator, block in groupby(lines, key=lambda line: _separator(line[1])):
        rows = list(block)
        words += _table(rows, separator) if separator else _prose(rows)
    width = max([600.0, *(word.box[2] for word in words)])
    height = LINE * (text.count("\n") + 2)
    return Pages(total=1, pages=(Page(number=1, width=width, height=height, words=tuple(words), is_text=True),))


def line_number(top: float) -> int:
    """Give the line, counted from 1, that lies so far from the top."""
    return int(top // LINE) + 1


def _without_emphasis(line: str) -> str:
    return re.sub(r"\*\*|__|`", "", line)


def _separator(line: str) -> str:
    """Give what separates the cells of a table's row; "" in prose."""
    return next((sign for sign, least in (("|", 2), ("\t", 1)) if line.strip(" ").count(sign) >= least), "")


def _prose(lines: Sequence[Line]) -> Iterator[Word]:
    for number, line in lines:
        shown = re.sub(r"^(\s*)(?:[-*+]|>|#{1,6})\s", r"\1  ", line).replace("|", "    ").expandtabs(4)
        yield from _words(number, shown, 0)


def _words(number: int, text: str, begin: float) -> Iterator[Word]:
    """Give the words of a text that begins so many letters from the left."""
    for found in _WORD.finditer(text):
        left, right = ((begin + place) * LETTER for place in found.span())
        yield Word(text=found.group(), box=(left, number * LINE, right, number * LINE + 10))


def _table(lines: Sequence[Line], separator: str) -> Iterator[Word]:
    """Lay the cells of a table out in columns that are as wide as their widest cell."""
    rows = [(number, _cells(line, separator)) for number, line in lines if not _RULE.match(line)]
    widths: list[int] = []
    for _, cells in rows:
        widths += [0] * (len(cells) - len(widths))
        widths = [max(width, len(cell)) for width, cell in zip(widths, [*cells, *[""] * len(widths)], strict=False)]
    begins = list(accumulate((width + BETWEEN for width in widths), initial=0))
    heads: list[str] = []
    for number, cells in rows:
        if {"yes", "no"} <= {option(cell) for cell in cells}:
            heads = cells
        for place, cell in enumerate(cells):
            # A mark stands in the middle below its head, as the head's width is no part of where it was put.
            head = heads[place] if place < len(heads) and option(heads[place]) is not None else ""
            shift = max(0.0, (len(head) - len(cell)) / 2) if option(cell) is None else 0.0
            yield from _words(number, cell, begins[place] + shift)


def _cells(line: str, separator: str) -> list[str]:
    if separator == "|":
        line = re.sub(r"^\s*\||\|\s*$", "", line)
    return [cell.strip() for cell in line.split(separator)]

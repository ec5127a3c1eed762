"""Text and Markdown files as pages: a letter is so wide and a line so high, and the rest works as for a PDF."""

from __future__ import annotations

import re

from harness.quiz.reading.facts import Page, Pages, Word

__all__ = ["LINE", "line_number", "pages_of_text"]

LETTER, LINE = 6.0, 14.0        # points


def pages_of_text(text: str) -> Pages:
    """Lay out a text; Markdown's emphasis and bars of tables are taken away, its boxes "[ ]" stay."""
    words = []
    width = 600.0
    for number, line in enumerate(text.expandtabs(4).splitlines()):
        shown = re.sub(r"\*\*|__|`", "", line)
        shown = re.sub(r"^(\s*)(?:[-*+]|>|#{1,6})\s", r"\1  ", shown).replace("|", "    ")
        for found in re.finditer(r"\[ ?[xX✓✗]? ?\]|\S+", shown):
            left, right = found.start() * LETTER, found.end() * LETTER
            words.append(Word(text=found.group(), box=(left, number * LINE, right, number * LINE + 10)))
            width = max(width, right)
    height = LINE * (text.count("\n") + 2)
    return Pages(total=1, pages=(Page(number=1, width=width, height=height, words=tuple(words)),))


def line_number(top: float) -> int:
    """Give the line, counted from 1, that lies so far from the top."""
    return int(top // LINE) + 1

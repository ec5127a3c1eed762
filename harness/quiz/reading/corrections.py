"""Corrections that stand apart from what they correct: "Corrected: 1b yes"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.quiz.reading.facts import Page
from harness.quiz.reading.results import Reading
from harness.quiz.sheet import Sheet

__all__ = ["with_doubt"]

_ANNOUNCES = re.compile(
    r"^[(\[]?(?:correct(?:ed|ions?)|korrektur(?:en)?|korrigiert|errat(?:um|a))[:.,)\]]*$", re.IGNORECASE)
_LINES = 2.5        # heights of a word below the announcement that still belong to it


def with_doubt(readings: Sequence[Reading], sheet: Sheet, pages: Sequence[Page]) -> tuple[Reading, ...]:
    """Leave every statement open that is named right behind or below the announcement of a correction."""
    named = {one for page in pages for one in _named(page, {one.id.casefold() for one in sheet.statements})}
    return tuple(
        reading.model_copy(update={
            "status": "unclear", "answer": None, "confidence": 0.0, "reason": "a correction of it stands elsewhere"})
        if reading.id.casefold() in named and reading.status == "read" else reading
        for reading in readings
    )


def _named(page: Page, ids: set[str]) -> set[str]:
    found = set()
    for start, word in enumerate(page.words):
        if not _ANNOUNCES.match(word.text):
            continue
        _, top, _, bottom = word.box
        reach = bottom + _LINES * (bottom - top)
        for other in page.words[start + 1:]:
            if top - 2 <= other.box[1] <= reach:
                found |= {other.text.strip("()[]{}.,:;=").casefold()} & ids
    return found

"""Why a statement that was not found may be answered all the same, for a person to look at."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise

from harness.quiz.reading.facts import joined
from harness.quiz.reading.locate import Location
from harness.quiz.reading.results import Evidence
from harness.quiz.reading.signals import Signal
from harness.quiz.reading.stream import Placed, Stream
from harness.quiz.reading.typed import is_answer, is_lead, said
from harness.quiz.sheet import Sheet, fold

__all__ = ["hints"]

MOST_SHOWN = 12         # words of a line


def hints(sheet: Sheet, stream: Stream, numbered: Sequence[Location]) -> Mapping[str, Sequence[Signal]]:
    """Look for numbers whose answers were not read, and for answers without a number.

    Args:
        sheet: what was asked.
        stream: the document.
        numbered: places such as 1.1 that were not taken for statements, and have an answer.

    """
    lines = [list(line) for _, line in groupby(stream.words, key=lambda word: word.line)]
    found: dict[str, list[Signal]] = {one.id: [] for one in sheet.statements}
    for identifier, line, place in _mentions(sheet, lines):
        found[identifier].append(_hint(line[place:], "its number stands here, and no answer that can be read for sure"))
    for one in numbered:
        line = [word for word in stream.words[one.start:one.start + MOST_SHOWN]
                if word.line == stream.words[one.start].line]
        found[one.id].append(_hint(line, f"{line[0].text} may be its number, or that of a section; write {one.id}"))
    rows = [line for line in lines if _only_answers(line)]
    if 2 * sum(len(row) for row in rows) >= len(sheet.statements):
        hint = _hint(rows[0], "there are answers without the numbers of statements; "
                     f"write them as `{sheet.statements[0].id}: yes`")
        found = {one: some or [hint] for one, some in found.items()}
    return found


def _mentions(sheet: Sheet, lines: Sequence[Sequence[Placed]]) -> Iterator[tuple[str, Sequence[Placed], int]]:
    """Find the numbers of statements anywhere in the text: statement, line, place of the word."""
    known = {fold(one.id): one.id for one in sheet.statements if not one.id.isalpha()}
    for line in lines:
        texts = [re.findall(r"[^\W_]+", word.text) for word in line]
        for place, parts in enumerate(texts):
            behind = texts[place + 1] if place + 1 < len(texts) else []
            told = [*parts, *("".join(pair) for pair in pairwise([*parts, *behind[:1]]))]
            for name in dict.fromkeys(fold(one) for one in told):
                if name in known:
                    yield known[name], line, place


def _only_answers(line: Sequence[Placed]) -> bool:
    """Tell whether a line holds answers and nothing else, but perhaps a number."""
    texts = [word.text for word in line if not is_lead(word.text)]
    while texts and re.match(r"^\(?\d{1,2}[.:)]*$", texts[0]):
        texts.pop(0)
    while texts:
        answer, size = said(texts, 0)
        if answer is None:
            return is_answer(texts)
        texts = texts[size:]
        if not texts:
            return True
    return False


def _hint(words: Sequence[Placed], reason: str) -> Signal:
    some = words[:MOST_SHOWN]
    snippet = " ".join(word.text for word in some)
    evidence = Evidence(page=some[0].page, box=joined(*(word.box for word in some)), snippet=snippet, how="typed")
    return Signal(None, "typed", evidence, reason=f"{reason}: {snippet[:80]!r}")

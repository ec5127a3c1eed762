"""Columns of a table that are headed yes and no, where marks stand below the words, without boxes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise

from harness.quiz.reading.facts import Box, Page, Word, centre
from harness.quiz.reading.targets import LEVEL, Target, option
from harness.quiz.reading.typed import meaning
from harness.quiz.words import Answer

__all__ = ["Heads", "cells_below", "heads_of"]

APART = 9.0         # points at least between two heads; the words of "yes / no" stand closer
ASIDE = 18.0        # points at most beside a head in which a mark counts as below it
SHARE = 0.3         # of the room between two heads that belongs to each

Heads = Sequence[Word]
"""The words that head the columns of one table: yes and no, each once, and perhaps abstain; from left to right."""


def heads_of(page: Page, taken: Sequence[float]) -> list[Heads]:
    """Find the lines of a page that head columns; `taken` are the heights of lines on which statements stand."""
    lines: list[list[Word]] = []
    for word in sorted(page.words, key=_height):
        if lines and _height(word) - _height(lines[-1][0]) <= LEVEL / 2:
            lines[-1].append(word)
        else:
            lines.append([word])
    runs = [run for line in lines if all(abs(_height(line[0]) - other) > LEVEL for other in taken)
            for run in _runs(sorted(line, key=lambda one: one.box[0]))]
    return [run for run in runs if _are_heads(run)]


def _runs(line: Sequence[Word]) -> list[list[Word]]:
    """Give the stretches of a line that hold nothing but heads: "no." may head a column of numbers as well."""
    return [list(run) for heads, run in groupby(line, key=lambda one: _head(one.text) is not None) if heads]


def _are_heads(run: Heads) -> bool:
    """Tell heads from answers in a row: yes and no are among them, each once, and none stands close to another."""
    answers = [_head(one.text) for one in run]
    apart = all(right.box[0] - left.box[2] >= APART for left, right in pairwise(run))
    return apart and {"yes", "no"} <= set(answers) and len(set(answers)) == len(answers)


def _height(word: Word) -> float:
    return centre(word.box)[1]


def _head(word: str) -> Answer | None:
    """Give what a column is for: an option's word, or a capital letter such as T and F."""
    return meaning(word) if len(word) == 1 and word.isupper() else option(word)


def cells_below(heads: Sequence[Heads], row: Box) -> list[Target]:
    """Give the places to tick of a row, from the nearest heads above it; none where there are none."""
    above = [some for some in heads if _height(some[0]) < row[1]]
    if not above:
        return []
    nearest = max(above, key=lambda some: some[0].box[1])
    cells = []
    for place, head in enumerate(nearest):
        gaps = [nearest[place + 1].box[0] - head.box[2]] if place + 1 < len(nearest) else []
        gaps += [head.box[0] - nearest[place - 1].box[2]] if place else []
        aside = min([ASIDE, *(SHARE * gap for gap in gaps)])
        answer = _head(head.text)
        if answer is not None:
            cell = (head.box[0] - aside, row[1], head.box[2] + aside, row[3])
            cells.append(Target(answer, cell, None, boxed=False, cell=True))
    return cells

"""Ticks and crosses that stand at a statement by themselves, where no yes and no are printed: "1a ✓"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

from harness.quiz.reading.facts import Box, Mark, Page, TickBox, centre
from harness.quiz.reading.results import Evidence
from harness.quiz.reading.signals import Signal
from harness.quiz.reading.zones import Zone
from harness.quiz.words import Answer

__all__ = ["Sign", "Usage", "lone_signs", "read_lone"]

TICKS = frozenset("✓✔☑✅")
CROSSES = frozenset("✗✘✕✖☒❌☓╳×xX")
LETTERS = frozenset("xX×")      # that stand for something else as well
LEVEL, BESIDE = 5.0, 15.0       # points

class Sign(NamedTuple):
    """A tick or a cross; `near` tells whether words stand beside it, as they do not in a column of its own."""

    text: str
    box: Box
    near: bool


def lone_signs(zone: Zone, marks: Sequence[Mark], boxes: Sequence[TickBox], pages: Mapping[int, Page]) -> list[Sign]:
    """Find the written ticks and crosses of a zone that begin or end a line, or stand next to its number.

    Those between two words are a part of a sentence: 28 × 28.
    """
    signs = [(mark.text, mark.box) for mark in marks if mark.kind == "letter"]
    signs += [(box.text.strip("[]() "), box.box) for box in boxes if box.shape == "written" and box.ticked]
    page = pages[zone.bands[0].page]
    return [Sign(text, box, _near(box, page)) for text, box in signs
            if text in TICKS | CROSSES and (_next_to(box, zone.label_end) or _outermost(box, page))]


def _next_to(box: Box, other: Box | None) -> bool:
    return other is not None and abs(centre(box)[1] - centre(other)[1]) <= LEVEL and -1 <= box[0] - other[2] <= BESIDE


def _near(box: Box, page: Page) -> bool:
    level = [word.box for word in page.words if abs(centre(word.box)[1] - centre(box)[1]) <= LEVEL]
    return not level or any(-1 <= box[0] - other[2] <= BESIDE or -1 <= other[0] - box[2] <= BESIDE for other in level)


def _outermost(box: Box, page: Page) -> bool:
    level = [word.box for word in page.words if abs(centre(word.box)[1] - centre(box)[1]) <= LEVEL]
    return all(other[2] <= box[0] + 1 for other in level) or all(other[0] >= box[2] - 1 for other in level)


@dataclass(frozen=True, slots=True)
class Usage:
    """How a document uses signs: ticks and crosses, and all that stand apart from words below each other."""

    both: bool
    aligned: bool

    @classmethod
    def of(cls, signs: Sequence[Sign]) -> Self:
        """Look at all signs of a document."""
        texts = {one.text for one in signs}
        middles = [centre(one.box)[0] for one in signs if not one.near]
        return cls(bool(texts & TICKS) and bool(texts & CROSSES), not middles or max(middles) - min(middles) <= BESIDE)


def read_lone(signs: Sequence[Sign], usage: Usage, *, page: int, alone: bool) -> list[Signal]:
    """Read the signs of a statement that has no other answer.

    A tick says yes, and a cross says no where both are used. By itself a cross may as well choose yes, and a tick
    that stands apart may be in the column of no, as it surely may where ticks stand in several columns.

    Args:
        signs: of the statement.
        usage: of signs in the document.
        page: where.
        alone: whether no words stand with them.

    """
    if not signs:
        return []
    shown = " ".join(one.text for one in signs)
    answers: set[Answer | None] = {_meant(one, usage, alone=alone) for one in signs}
    answer = answers.pop() if len(answers) == 1 else None
    reason = "" if answer is not None else f"{shown!r} by itself may mean yes or no"
    return [Signal(answer, "typed", Evidence(page=page, box=signs[0].box, snippet=shown, how="typed"), reason=reason)]


def _meant(sign: Sign, usage: Usage, *, alone: bool) -> Answer | None:
    told = usage.both and (sign.near or usage.aligned)
    if sign.text in TICKS:
        return "yes" if told or sign.near else None
    return "no" if told and (alone or sign.text not in LETTERS) else None

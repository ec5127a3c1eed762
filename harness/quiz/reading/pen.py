"""Judges what a pen left at the tick boxes of a scanned sheet: a clear mark is an answer, anything else a question."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from pydantic import BaseModel

from harness.quiz.reading.facts import Box, grown
from harness.quiz.reading.ink import judge
from harness.quiz.reading.results import Evidence
from harness.quiz.reading.signals import Signal
from harness.quiz.words import Answer

__all__ = ["Pen", "TickedBox", "answers_of"]

FULL = 0.22             # ink in the emptiest ninth of a box from which the whole box was inked over
FULLER = 2.5            # times the same in the emptier marks of a sheet: a marker's crosses are broad, some fill boxes
FEWEST = 4              # marks of a sheet that tell how its pen ticks
SLIGHT = 0.35           # times the ink of a sheet's usual mark: what has less may be a slip of the pen, or dirt
RINGED = 0.75           # share of the sectors around a box with ink: a ring, or a scribble larger than the box
OVER = 0.14             # ink of a word's darkest row above that of its like elsewhere: it is struck out
BEHIND = 0.5            # share of the paper behind a word that a line goes on over
BESIDE = 0.5            # share of a word's width above or below which there is ink: a ring, a line
LONG = 0.85             # the same where its box is ticked: the end of a tick may reach over its word


class Pen(BaseModel):
    """What `harness.pdf.pen.left_by_a_pen` measured."""

    ink: float
    least: float
    around: float
    over: float
    beside: float
    behind: float


@dataclass(frozen=True, slots=True)
class TickedBox:
    """A box of a statement on a page of a scan."""

    statement: str
    page: int
    answer: Answer
    box: Box
    pen: Pen


def answers_of(boxes: Sequence[TickedBox]) -> dict[str, list[Signal]]:
    """Give what the pen says: statement -> its signals.

    A box that is ticked is an answer. Whatever may take a tick back, or stands beside the boxes, is a question: a box
    inked all over (but where that is how most are ticked), one with much less ink than the other marks, a ring around
    a box, a line through or around a word.
    """
    found = judge([(one.statement, one.page, one.answer, one.box, one.pen.ink) for one in boxes], how="scan")
    ticked = {(name, signal.answer) for name, signals in found.items() for signal in signals if signal.answer}
    marks = [one.pen for one in boxes if (one.statement, one.answer) in ticked]
    full = _full([one.least for one in marks])
    slight = SLIGHT * median([one.ink for one in marks]) if marks else 0.0
    usual = _usual_words(boxes)
    for one in boxes:
        is_ticked = (one.statement, one.answer) in ticked
        if is_ticked and one.pen.ink < slight:
            _ask(found, one, f"there is much less ink in its box {one.answer} than in the others that are ticked")
        reason = _doubt(one, is_ticked=is_ticked, full=full, usual=usual[one.page, one.answer])
        if reason:
            _ask(found, one, reason)
    return found


def _ask(found: dict[str, list[Signal]], one: TickedBox, reason: str) -> None:
    """Leave a statement to a person."""
    evidence = Evidence(page=one.page, box=grown(one.box, 6), snippet=reason, how="scan")
    found.setdefault(one.statement, []).append(Signal(None, "scan", evidence, reason=reason))


def _full(ticked: Sequence[float]) -> float:
    """Give the ink in its emptiest ninth from which a ticked box was inked over, and not only ticked."""
    usual = sorted(ticked)[len(ticked) // 4] if len(ticked) >= FEWEST else 0.0
    return max(FULL, FULLER * usual)


def _usual_words(boxes: Iterable[TickedBox]) -> dict[tuple[int, Answer], float]:
    """Give the ink of each word on each page, as most of its like have it."""
    words: dict[tuple[int, Answer], list[float]] = {}
    for one in boxes:
        words.setdefault((one.page, one.answer), []).append(one.pen.over)
    return {key: median(inks) for key, inks in words.items()}


def _doubt(one: TickedBox, *, is_ticked: bool, full: float, usual: float) -> str:
    """Say why a person has to look at a box; "" where all is clear."""
    if is_ticked and one.pen.least >= full:
        return f"its box {one.answer} is filled or scribbled over, which may tick it or take a tick back"
    if one.pen.around >= RINGED:
        return f"there is a ring around its box {one.answer}, or ink all around it"
    marked = one.pen.over - usual >= OVER or one.pen.behind >= BEHIND
    if marked or one.pen.beside >= (LONG if is_ticked else BESIDE):
        return f"there is a mark at the word {one.answer}, which may choose it or strike it out"
    return ""

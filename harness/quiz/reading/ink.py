"""Ink in boxes: where no vectors tell, the darkness of a rendered box decides, with thresholds for each column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel

from harness.pdf import apart
from harness.quiz.reading.facts import Box, grown
from harness.quiz.reading.results import Evidence
from harness.quiz.reading.seen import Place, Seen
from harness.quiz.reading.signals import Signal
from harness.quiz.words import Answer

__all__ = ["BLANK", "MARKED", "add_ink", "judge"]

BLANK, MARKED = 0.03, 0.08
"""Share of dark pixels above that of the column's empty boxes: at most this in an empty box, at least that in a
ticked one; between them a person has to look."""

Measured = tuple[str, int, Answer, Box, float]
"""Statement, page, answer, box, share of dark pixels inside the box."""


class Inks(BaseModel):
    """Share of dark pixels in each box that was asked about, in the order of asking."""

    ink: list[float]


def add_ink(path: Path, seen: Mapping[str, Seen], *, name: str) -> None:
    """Look into the boxes of every statement; what is found is added to what was seen of it.

    Where a statement has an answer already, ink in another of its boxes is a reason to ask a person.

    Raises:
        Rejected: the pages cannot be drawn.

    """
    asked = [(one, place.page, target.answer, target.box)
             for one, place in _places(seen) for target in place.targets if target.boxed]
    if not asked:
        return
    found = apart.run("ink", path, Inks, name=name, request={
        "regions": [{"page": page, "box": box} for _, page, _, box in asked]})
    measured = [(*one, ink) for one, ink in zip(asked, found.ink, strict=True)]
    for identifier, signals in judge(measured, how="ink").items():
        told = {one.answer for one in seen[identifier].signals}
        if not seen[identifier].signals or any(one.answer is not None and one.answer not in told for one in signals):
            seen[identifier].signals += signals


def _places(seen: Mapping[str, Seen]) -> Iterator[tuple[str, Place]]:
    for one, what in seen.items():
        for place in what.places:
            if not place.zone.location.rival:
                yield one, place


def judge(measured: Sequence[Measured], *, how: str) -> dict[str, list[Signal]]:
    """Tell ticked boxes from empty ones: statement -> its signals; none for a box that is empty.

    What an empty box of a column looks like is taken from its emptiest quarter, so that paper that is grey and
    boxes that lie askew raise the thresholds of their column.
    """
    columns: dict[Answer, list[float]] = {}
    for _, _, answer, _, ink in measured:
        columns.setdefault(answer, []).append(ink)
    empty = {answer: sorted(inks)[len(inks) // 4] for answer, inks in columns.items()}
    # A column in which everybody ticks every box has no empty one to compare with: the others tell.
    usual = min(empty.values(), default=0.0)
    found: dict[str, list[Signal]] = {}
    for identifier, page, answer, box, ink in measured:
        above = ink - min(empty[answer], usual + BLANK)
        if above <= BLANK:
            continue
        evidence = Evidence(page=page, box=grown(box, 6), snippet=f"{answer}: {100 * ink:.0f}% ink", how=how)
        if above >= MARKED:
            found.setdefault(identifier, []).append(Signal(answer, how, evidence))
        else:
            reason = f"there is a little ink in its box {answer}, too little for a tick"
            found.setdefault(identifier, []).append(Signal(None, how, evidence, reason=reason))
    return found

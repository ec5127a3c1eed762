"""Marks of pens and annotation tools, and the places to tick that they mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from harness.quiz.reading.facts import Box, Mark, centre, grown, inside, joined
from harness.quiz.reading.results import Evidence
from harness.quiz.reading.signals import Signal
from harness.quiz.reading.targets import Target

__all__ = ["Side", "side_of", "ticks"]

Side = Literal["before", "behind"]
"""Where marks stand, seen from the word that they tick, on a sheet without boxes."""

LEVEL = 9.0             # points by which a mark may lie above or below its word
REACH = 30.0            # points from a word to its mark
CLEARLY_NEARER = 2.5    # times
_CHOOSING = {"highlight", "underline", "circle"}
_REVOKING = {"strike", "squiggle"}


def ticks(targets: Sequence[Target], marks: Sequence[Mark], *, page: int, side: Side | None) -> list[Signal]:
    """Give what the marks at one statement say.

    A mark that lies over several boxes, strikes a word out, or misses its box by so much that it may be meant
    for none, is a reason to ask a person.
    """
    found = []
    for target in targets:
        if target.ticked:
            found.append(_signal(target, target.box, "written box", page))
        if target.filled:
            found.append(_open("its box is filled all over, which may tick it or take a tick back", target.box, page))
    for mark in marks:
        signal = _read(mark, targets, page, side)
        if signal is not None:
            found.append(signal)
    return found


def side_of(rows: Iterable[tuple[Sequence[Target], Sequence[Mark]]]) -> Side | None:
    """Tell on which side of the words marks stand: one before the first or behind the last word decides."""
    sides: set[Side] = set()
    for targets, marks in rows:
        free = (target.box for target in targets if not target.boxed and not target.cell)
        words = sorted(free, key=lambda box: box[0])
        for mark in marks if words else ():
            x, y = centre(mark.box)
            if abs(y - centre(words[0])[1]) > LEVEL:
                continue
            if words[0][0] - REACH <= x < words[0][0] - 1:
                sides.add("before")
            elif words[-1][2] + 1 < x <= words[-1][2] + REACH:
                sides.add("behind")
    return sides.pop() if len(sides) == 1 else None


def _read(mark: Mark, targets: Sequence[Target], page: int, side: Side | None) -> Signal | None:
    boxed = [target for target in targets if target.boxed or target.cell]
    hit = [target for target in boxed if _in_box(mark, target)]
    on_word = [target for target in targets if target.word is not None and _on_word(mark, target.word)]
    over = hit + [target for target in on_word if target not in hit]
    if not over:
        words = [target for target in targets if not target.boxed and not target.cell]
        return _beside(mark, words, page, side) or _missed(mark, boxed, page)
    if len(over) > 1:
        return _open("a mark lies over more than one answer", mark.box, page)
    target = over[0]
    if mark.kind in _REVOKING or (mark.kind == "line" and not hit):
        return _open(f"the answer {target.answer} is struck out", mark.box, page)
    if not hit and mark.kind not in _CHOOSING:
        return _open(f"the word {target.answer} itself is marked, which may choose it or strike it out", mark.box, page)
    return _signal(target, mark.box, _how(mark), page)


def _how(mark: Mark) -> str:
    return {"stroke": "strokes", "line": "strokes", "letter": "typed"}.get(mark.kind, "annotation")


def _size(box: Box) -> float:
    return min(box[2] - box[0], box[3] - box[1])


def _in_box(mark: Mark, target: Target) -> bool:
    """Tell whether a mark is meant for a box: its middle lies in it, or it goes round it."""
    size = _size(target.box)
    width, height = mark.box[2] - mark.box[0], mark.box[3] - mark.box[1]
    if mark.kind == "line":     # the box's own sides lie on its rim, a line of a cross in its middle
        fits = 0.4 * size <= max(width, height) <= 4 * size
        return fits and inside(centre(mark.box), grown(target.box, -0.25 * size))
    if max(width, height) <= 3.2 * size:
        return inside(centre(mark.box), grown(target.box, 0.35 * size))
    return inside(centre(target.box), mark.box)


def _on_word(mark: Mark, word: Box) -> bool:
    if mark.kind == "line":
        through = (word[3] - word[1]) * 0.3
        middle = centre(mark.box)
        across = mark.box[2] - mark.box[0] >= 0.6 * (word[2] - word[0]) and mark.box[3] - mark.box[1] < 2
        return across and abs(middle[1] - centre(word)[1]) <= through and mark.box[0] <= centre(word)[0] <= mark.box[2]
    if mark.kind == "underline":
        return inside((centre(word)[0], word[3]), grown(mark.box, 4))
    return inside(centre(word), grown(mark.box, 1))


def _beside(mark: Mark, targets: Sequence[Target], page: int, side: Side | None) -> Signal | None:
    """Read a mark on a sheet without boxes: it is meant for the word beside it."""
    x, y = centre(mark.box)
    level = [target for target in targets if abs(centre(target.box)[1] - y) <= LEVEL]
    gaps = []
    for target in level:
        left, right = target.box[0] - x, x - target.box[2]
        if side != "behind" and 0 <= left <= REACH:
            gaps.append((left, target))
        if side != "before" and 0 <= right <= REACH:
            gaps.append((right, target))
    if not gaps or mark.kind == "line":
        return None
    gaps.sort(key=lambda gap: gap[0])
    if len(gaps) > 1 and gaps[1][0] < CLEARLY_NEARER * gaps[0][0]:
        return _open("a mark stands between two answers", mark.box, page)
    return _signal(gaps[0][1], mark.box, _how(mark), page)


def _missed(mark: Mark, targets: Sequence[Target], page: int) -> Signal | None:
    near = any(inside(centre(mark.box), grown(target.box, _size(target.box))) for target in targets)
    cells = [target.box for target in targets if target.cell]
    near = near or (mark.kind == "letter" and bool(cells) and inside(centre(mark.box), grown(joined(*cells), REACH)))
    large = max(mark.box[2] - mark.box[0], mark.box[3] - mark.box[1]) > 60
    if near and mark.kind not in {"line", "highlight", "underline"} and not large:
        return _open(f"a mark stands beside the {'columns' if cells else 'boxes'}, in none of them", mark.box, page)
    return None


def _signal(target: Target, box: Box, how: str, page: int) -> Signal:
    shown = joined(box, target.box, *([target.word] if target.word else []))
    evidence = Evidence(page=page, box=shown, snippet=f"{target.answer}, marked", how=how)
    return Signal(target.answer, how, evidence)


def _open(reason: str, box: Box, page: int) -> Signal:
    return Signal(None, "strokes", Evidence(page=page, box=box, snippet=reason, how="strokes"), reason=reason)

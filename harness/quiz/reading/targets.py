"""Where a tick counts as yes, no or abstaining: boxes beside the words, below them in a table, or the words alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.quiz.reading.facts import Box, Mark, TickBox, Word, centre, inside
from harness.quiz.words import WORDS, Answer

__all__ = ["Target", "option", "rings_among", "targets_of"]

LEVEL = 7.0         # points by which things on one line may differ in height
REACH = 40.0        # points from a box to its word

_OPTIONS: dict[str, Answer] = {word: WORDS[word] for word in (
    "yes", "ja", "true", "right", "correct", "wahr", "richtig", "korrekt", "stimmt",
    "no", "nein", "false", "wrong", "incorrect", "falsch", "unwahr", "stimmt nicht",
    "abstain", "enthaltung", "skip", "keine angabe",
)}


@dataclass(frozen=True, slots=True)
class Target:
    """A place to tick.

    Attributes:
        answer: what a tick means.
        box: where the tick goes; of the word itself where there is no box.
        word: box of the option's word, or None in a table.
        boxed: whether a box was found.
        ticked: the box is written with its tick, as ☒.
        filled: it is filled all over.
        cell: it is a part of a table's row below its head, not a box.

    """

    answer: Answer
    box: Box
    word: Box | None
    boxed: bool = True
    ticked: bool = False
    filled: bool = False
    cell: bool = False


def option(word: str) -> Answer | None:
    """Give what an option's word stands for."""
    return _OPTIONS.get(word.strip(".,;:()[]/|").casefold())


def targets_of(words: Sequence[Word], boxes: Sequence[TickBox], heads: Sequence[Word]) -> list[Target]:
    """Find the places to tick of one statement.

    Args:
        words: option words that belong to it.
        boxes: boxes that belong to it.
        heads: option words elsewhere on the page, which may stand above a column of boxes.

    Returns:
        One target for each answer, yes and no among them; none where they cannot be told apart.

    """
    whole = _outermost(boxes)
    if _both(option(word.text) for word in words):
        found = _beside(words, whole) if whole else [
            Target(_meant(word), word.box, word.box, boxed=False) for word in words]
    else:
        found = _below(whole, heads)
    answers = [target.answer for target in found]
    return found if _both(answers) and len(set(answers)) == len(answers) else []


def rings_among(boxes: Sequence[TickBox], words: Sequence[Word]) -> tuple[list[TickBox], list[Mark]]:
    """Tell boxes from what looks like one and was drawn around an option's word or around a smaller square box.

    Returns:
        The boxes, and the rings as marks.

    """
    squares = [box for box in boxes if box.shape == "square"]
    kept: list[TickBox] = []
    rings: list[Mark] = []
    for box in boxes:
        if any(inside(centre(word.box), box.box) for word in words) or (
                box.shape == "circle" and not box.filled
                and any(inside(centre(one.box), box.box) and _side(one.box) < _side(box.box) for one in squares)):
            rings.append(Mark(kind="stroke" if box.filled else "circle", box=box.box))
        else:
            kept.append(box)
    return kept, rings


def _both(answers: Iterable[Answer | None]) -> bool:
    return {"yes", "no"} <= set(answers)


def _meant(word: Word) -> Answer:
    meant = option(word.text)
    if meant is None:
        raise ValueError(f"{word.text!r} is no option")
    return meant


def _outermost(boxes: Sequence[TickBox]) -> list[TickBox]:
    """Leave out what lies in or on another box: frames are often drawn twice, and dots fill circles."""
    kept: list[TickBox] = []
    for box in sorted(boxes, key=lambda one: (one.box[0] - one.box[2]) * (one.box[3] - one.box[1])):
        around = next((place for place, other in enumerate(kept) if inside(centre(box.box), other.box)), None)
        if around is None:
            kept.append(box)
        elif box.ticked or box.filled:
            share = _side(box.box) / _side(kept[around].box)
            dot = 0.3 < share < 0.8     # as in a radio button; a box that is full is another matter
            kept[around] = kept[around].model_copy(update={
                "filled": kept[around].filled or (box.filled and share >= 0.8),
                "ticked": kept[around].ticked or box.ticked or dot})
    return kept


def _side(box: Box) -> float:
    return min(box[2] - box[0], box[3] - box[1])


def _beside(words: Sequence[Word], boxes: Sequence[TickBox]) -> list[Target]:
    """Pair each option's word with the box before or behind it: the same side for all words of a statement."""
    for before in (True, False):
        found: list[Target] = []
        for word in words:
            near = [(_gap(word, box, before=before), place) for place, box in enumerate(boxes)
                    if abs(centre(word.box)[1] - centre(box.box)[1]) <= LEVEL]
            near = [(gap, place) for gap, place in near if -3 <= gap <= REACH]
            if near:
                box = boxes[min(near)[1]]
                found.append(Target(
                    _meant(word), box.box, word.box, ticked=box.ticked, filled=box.filled))
        places = {target.box for target in found}
        level = [box for box in boxes
                 if any(abs(centre(word.box)[1] - centre(box.box)[1]) <= LEVEL for word in words)]
        if len(found) == len(words) == len(places) and _in_order(words, level, before=before):
            return found
    return []


def _gap(word: Word, box: TickBox, *, before: bool) -> float:
    return word.box[0] - box.box[2] if before else box.box[0] - word.box[2]


def _in_order(words: Sequence[Word], boxes: Sequence[TickBox], *, before: bool) -> bool:
    """Tell whether boxes and words take turns on each line, beginning with a box where boxes stand before."""
    things = [(centre(word.box), False) for word in words] + [(centre(box.box), True) for box in boxes]
    things.sort(key=lambda thing: thing[0][1])
    rows: list[list[tuple[float, bool]]] = []
    top = float("-inf")
    for (x, y), is_box in things:
        if y - top > 1.5 * LEVEL:
            rows.append([])
            top = y
        rows[-1].append((x, is_box))
    turns = [is_box for row in rows for _, is_box in sorted(row)]
    return len(boxes) == len(words) and turns == [(place % 2 == 0) is before for place in range(len(things))]


def _below(boxes: Sequence[TickBox], heads: Sequence[Word]) -> list[Target]:
    """Give each box of a line the option that stands above its column."""
    found = []
    for box in boxes:
        x, y = centre(box.box)
        above = [word for word in heads
                 if centre(word.box)[1] < y and abs(centre(word.box)[0] - x) <= 14]
        if above:
            nearest = max(above, key=lambda word: word.box[1])
            found.append(Target(_meant(nearest), box.box, None, ticked=box.ticked, filled=box.filled))
    return found

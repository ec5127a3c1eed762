"""Makes pages alike before they are read: written boxes become boxes, fields have boxes, "YES/NO" is two words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from harness.quiz.reading.facts import Mark, Page, TickBox
from harness.quiz.reading.glued import taken_apart
from harness.quiz.reading.layout import with_written_boxes

__all__ = ["prepared"]

FEWEST = 4          # boxes of one size that make them the sheet's; fewer were drawn by somebody who answers
LETTERS = frozenset("xX✗✘✕✖✓✔×☓╳")


def prepared(pages: Sequence[Page]) -> list[Page]:
    """Give the pages in one form, whatever program made them."""
    counts = Counter(_size(box) for page in pages for box in page.boxes)
    return [_with_lone_boxes_as_marks(_with_parts(page), counts) for page in pages]


def _size(box: TickBox) -> tuple[str, int, int]:
    return box.shape, round(box.box[2] - box.box[0]), round(box.box[3] - box.box[1])


def _with_parts(page: Page) -> Page:
    """Take "YES/NO" apart, make boxes of written ones and of buttons, and marks of lone letters."""
    words = [part for word in page.words for part in taken_apart(word)]
    page = with_written_boxes(page.model_copy(update={"words": tuple(words)}))
    buttons = tuple(TickBox(box=field.box, shape="button") for field in page.fields if field.checked is not None)
    marks = [mark if mark.text.strip() not in LETTERS or mark.kind != "free text" else
             mark.model_copy(update={"kind": "stamp", "text": ""}) for mark in page.marks]
    letters = [Mark(kind="letter", box=word.box, text=word.text) for word in page.words if word.text in LETTERS]
    return page.model_copy(update={
        "boxes": page.boxes + buttons, "marks": (*marks, *letters),
        "words": tuple(word for word in page.words if word.text not in LETTERS),
    })


def _with_lone_boxes_as_marks(page: Page, counts: Counter[tuple[str, int, int]]) -> Page:
    """Take circles and frames that are no sheet's boxes for marks; what is filled may be a dot in a circle."""
    kept, marks = [], list(page.marks)
    for box in page.boxes:
        drawn = box.shape in {"square", "circle"} and not box.filled
        if drawn and sum(counts[(box.shape, _size(box)[1] + dx, _size(box)[2] + dy)]
                         for dx in (-1, 0, 1) for dy in (-1, 0, 1)) < FEWEST:
            marks.append(Mark(kind="circle", box=box.box))
        else:
            kept.append(box)
    return page.model_copy(update={"boxes": tuple(kept), "marks": tuple(marks)})

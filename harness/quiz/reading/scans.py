"""Scanned answer sheets: pictures of its pages, laid over the sheet as the program draws it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel

from harness.errors import UserError
from harness.pdf import apart
from harness.quiz.handout.pdf import LEFT, sheet_pdf
from harness.quiz.reading.document import look_for_answers
from harness.quiz.reading.facts import Box, Page, Pages, joined
from harness.quiz.reading.pen import Pen, TickedBox, answers_of
from harness.quiz.reading.seen import Place, Seen
from harness.quiz.sheet import Sheet

__all__ = ["add_scans"]


class _Measured(Pen):
    target: int
    box: Box


class _Laid(BaseModel):
    page: int
    sheet_page: int
    share: float
    boxes: list[_Measured]


class _Scans(BaseModel):
    looked: list[int]
    found: list[_Laid]


def add_scans(path: Path, sheet: Sheet, pages: Sequence[Page], seen: Mapping[str, Seen], *, name: str) -> list[str]:
    """Read pages that are pictures as the printed sheet; what is found is added to what was seen.

    Returns:
        Notes on pictures that are no page of the sheet: a person reads them.

    Raises:
        Rejected: the pages cannot be drawn.

    """
    scanned = [page.number for page in pages if page.covered]
    if not scanned:
        return []
    with tempfile.TemporaryDirectory(prefix="harness-") as folder:
        blank = Path(folder) / "blank.pdf"
        try:
            blank.write_bytes(sheet_pdf(sheet))
        except UserError:       # there is no PDF of this sheet to print
            return [_note(scanned)]
        printed = look_for_answers(sheet, apart.run("answer pages", blank, Pages, name=blank.name).pages)
        places = [(one, place) for one, what in printed.items() for place in what.places[:1]
                  if place.targets]
        targets = [(one, place, target) for one, place in places for target in place.targets]
        found = apart.run("scans", path, _Scans, name=name, request={
            "blank": str(blank), "pages": scanned,
            "anchors": [{"page": place.page, "box": box} for _, place in places for box in _anchors(place)],
            "targets": [{"page": place.page, "row": one, "box": target.box, "word": target.word}
                        for one, place, target in targets],
        })
    known = {laid.page for laid in found.found}
    for what in seen.values():      # the text that a scanner found on the sheet is its print
        what.signals = [one for one in what.signals if one.how != "typed" or one.evidence.page not in known]
    boxes = []
    for laid in found.found:
        for measured in laid.boxes:
            one, place, target = targets[measured.target]
            boxes.append(TickedBox(one, laid.page, target.answer, measured.box, measured))
            if place not in seen[one].places:
                seen[one].places.append(place)
    for one, signals in answers_of(boxes).items():
        seen[one].signals += signals
    other = [page for page in found.looked if page not in known]
    left = [page for page in scanned if page not in found.looked]
    return ([_note(other)] if other else []) + ([_note(left, "that was not looked at")] if left else [])


def _anchors(place: Place) -> list[Box]:
    """Give the boxes around a statement's first words and around its options on the blank sheet."""
    band = place.zone.bands[0]
    boxes = [target.box for target in place.targets]
    options = joined(*boxes, *(target.word for target in place.targets if target.word is not None))
    words = (LEFT, band.top + 2, options[0] - 6, min(band.bottom, band.top + 26))
    return [words, (options[0] - 3, options[1] - 3, options[2] + 3, options[3] + 3)]


def _note(pages: Sequence[int], what: str = "that is no page of the printed answer sheet") -> str:
    some = ", ".join(str(page) for page in pages)
    return f"page {some}: a picture {what}; look there for answers by hand"

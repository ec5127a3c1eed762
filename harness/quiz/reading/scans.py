"""Scanned answer sheets: pictures of pages, laid over the sheet as the program draws it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel

from harness.errors import UserError
from harness.pdf import apart
from harness.quiz.handout.pdf import sheet_pdf
from harness.quiz.reading.document import look_for_answers
from harness.quiz.reading.facts import Box, Page, Pages, joined
from harness.quiz.reading.ink import judge
from harness.quiz.reading.seen import Place, Seen
from harness.quiz.sheet import Sheet

__all__ = ["add_scans"]


class _Ticked(BaseModel):
    target: int
    box: Box
    ink: float


class _Laid(BaseModel):
    page: int
    sheet_page: int
    share: float
    boxes: list[_Ticked]


class _Scans(BaseModel):
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
        places = [(one, place) for one, what in printed.items() for place in what.places[:1]]
        targets = [(one, place, target) for one, place in places for target in place.targets]
        found = apart.run("scans", path, _Scans, name=name, request={
            "blank": str(blank), "pages": scanned,
            "anchors": [{"page": place.page, "box": _anchor(place)} for _, place in places],
            "targets": [{"page": place.page, "box": target.box} for _, place, target in targets],
        })
    known = {laid.page for laid in found.found}
    for what in seen.values():      # the text that a scanner found on the sheet is its print
        what.signals = [one for one in what.signals if one.how != "typed" or one.evidence.page not in known]
    measured = []
    for laid in found.found:
        for ticked in laid.boxes:
            one, place, target = targets[ticked.target]
            measured.append((one, laid.page, target.answer, ticked.box, ticked.ink))
            if place not in seen[one].places:
                seen[one].places.append(place)
    for one, signals in judge(measured, how="scan").items():
        seen[one].signals += signals
    left = sorted(set(scanned) - known)
    return [_note(left)] if left else []


def _anchor(place: Place) -> Box:
    """Give the box around a statement and its options on the blank sheet."""
    band = place.zone.bands[0]
    boxes = [target.box for target in place.targets]
    right = max(box[2] for box in boxes) if boxes else 500.0
    return joined((54.0, band.top + 2, right, min(band.bottom, band.top + 26)), *boxes)


def _note(pages: Sequence[int]) -> str:
    some = ", ".join(str(page) for page in pages)
    return f"page {some}: a picture that is no page of the printed answer sheet; look there for answers by hand"

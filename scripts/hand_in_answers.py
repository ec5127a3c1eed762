"""Fill in the answer sheet that one shipped hand-in hands in: crosses of a pen, arguments typed into its fields."""

from __future__ import annotations

import io
import random
from pathlib import Path

from pypdf import PageObject, PdfReader, PdfWriter
from reportlab.pdfgen.canvas import Canvas

from harness.course import Course
from harness.quiz import load_sheet
from harness.quiz.handout import sheet_pdf
from harness.quiz.handout.pdf import ARGUMENT

__all__ = ["ARGUMENTS", "GROUP2", "fill_in_sheet"]

ROOT = Path(__file__).resolve().parent.parent

GROUP2 = {
    "1a": "no", "1b": "no", "1c": "no", "1d": "no", "2a": "yes", "2b": "yes", "2c": "yes", "2d": "yes", "3a": "no",
    "3b": "yes", "3c": "yes", "4a": "yes", "4b": "yes", "4c": "abstain", "4d": "yes", "5a": "no", "5b": "no",
    "5c": "no", "5d": "abstain",
}
HEAD = {"group": "group2", "members": "Cem Example, Dana Example, Eli Example"}
ARGUMENTS = {"1c": "it maximises it", "2d": "ours is"}


def fill_in_sheet() -> None:
    """Write `answers.pdf` of group2: the sheet of summer 22, filled in; the same bytes every time."""
    blank = sheet_pdf(load_sheet(Course(ROOT), "summer22"))
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(blank)))
    hand = random.Random(2)
    for page in writer.pages:
        page.merge_page(_strokes(page, hand))
        typed = HEAD | {one + ARGUMENT: words for one, words in ARGUMENTS.items()}
        writer.update_page_form_field_values(page, typed, auto_regenerate=False)
    path = ROOT / "submissions" / "group2" / "answers.pdf"
    writer.write(path)
    print(f"{path.parent.name}/{path.name}: {path.stat().st_size / 1e3:.0f} kB", flush=True)


def _strokes(page: PageObject, hand: random.Random) -> PageObject:
    """Draw a page of crosses where the boxes of the chosen answers are, as an annotation tool leaves them."""
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=page.mediabox[2:], invariant=True)
    canvas.setStrokeColorRGB(0.1, 0.15, 0.7)
    canvas.setLineWidth(1.3)
    for annotation in page.annotations or ():
        button = annotation.get_object()
        statement = button.get("/Parent", button).get_object()["/T"]
        if f"/{GROUP2.get(statement)}" in button.get("/AP", {}).get("/N", {}):
            left, bottom, right, top = (float(edge) + hand.uniform(-1.5, 1.5) for edge in button["/Rect"])
            canvas.line(left, bottom, right, top)
            canvas.line(left + hand.uniform(-1, 1), top, right, bottom + hand.uniform(-1, 1))
    canvas.showPage()
    canvas.save()
    return PdfReader(stream).pages[0]

"""`read_file`: from a PDF, a text or a Markdown file to a reading of every statement."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from harness.documents import display_name
from harness.errors import Rejected
from harness.pdf import apart
from harness.quiz.reading.combine import combined
from harness.quiz.reading.corrections import with_doubt
from harness.quiz.reading.document import look_for_answers
from harness.quiz.reading.facts import Pages
from harness.quiz.reading.files import RATIONALE, is_pdf, text_of
from harness.quiz.reading.ink import add_ink
from harness.quiz.reading.plain_text import pages_of_text
from harness.quiz.reading.results import Readings
from harness.quiz.reading.scans import add_scans
from harness.quiz.sheet import Sheet

__all__ = ["read_file"]


def read_file(path: Path, sheet: Sheet, *, name: str | None = None) -> Readings:
    """Read what a file answers; a statement whose answer is not clear is left open.

    Args:
        path: a PDF, or a text file; a file that begins as a PDF does is one, whatever its name.
        sheet: what was asked.
        name: what messages call the file.

    Raises:
        UserError: there is no such file, or it is an answer file already.
        Rejected: it is empty, neither a text nor a PDF that can be read, or says that it answers another quiz.

    """
    name = name or display_name(path)
    pdf = is_pdf(path, name)
    notes = []
    if pdf:
        pages = apart.run("answer pages", path, Pages, name=name, rationale=RATIONALE)
        if pages.total > len(pages.pages):
            notes.append(f"only the first {len(pages.pages)} of {pages.total} pages were looked at")
    else:
        pages = pages_of_text(text_of(path, name))
    _check_quiz(pages, sheet, name)
    seen = look_for_answers(sheet, pages.pages)
    if pdf:
        add_ink(path, seen, name=name)
        notes += add_scans(path, sheet, pages.pages, seen, name=name)
    readings = tuple(combined(one.id, seen[one.id]) for one in sheet.statements)
    return Readings(
        quiz=sheet.quiz, file=name, pages=pages.total, notes=tuple(notes),
        readings=with_doubt(readings, sheet, pages.pages), is_text=not pdf)


def _check_quiz(pages: Pages, sheet: Sheet, name: str) -> None:
    """Refuse what answers another quiz by its own words: statement numbers alone would fit any."""
    for page in pages.pages:
        words = [word.text for word in page.words]
        named = [second.strip(".,;:\"'") for first, second in pairwise(words) if first.casefold() == "quiz:"]
        named += [
            first.removesuffix(",") for first, second, third in zip(words, words[1:], words[2:], strict=False)
            if first.endswith(",") and (second, third) == ("answer", "sheet")]
        other = next((one for one in named if one != sheet.quiz), "")
        if other and sheet.quiz not in named:
            raise Rejected(
                f"{name} says that it answers the quiz {other}, not {sheet.quiz}", rationale=RATIONALE,
                hint=f"Read it by --quiz {other}, or answer the sheet of {sheet.quiz}.")

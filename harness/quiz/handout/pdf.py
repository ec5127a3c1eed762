"""The answer sheet as a PDF: boxes to tick on screen or on paper, and two lines for each argument.

Every statement has a group of radio buttons that is called as the statement, with the values yes, no and abstain,
and a text field for the argument. The boxes are printed on the page as well, so that the sheet is whole on paper
and in programs that show no form fields.
"""

from __future__ import annotations

import io
from typing import Any

from harness.errors import UserError
from harness.quiz.answers import ARGUMENT_LINES, LINE_LENGTH
from harness.quiz.handout.words import HINT, OPTIONS
from harness.quiz.sheet import Question, Sheet, Statement

__all__ = ["ARGUMENT", "LEFT", "field_name", "sheet_pdf"]

ARGUMENT = " argument"
"""What the name of a statement's argument field has behind that of its buttons."""

# Lengths in points; A4 is 595 x 842.
LEFT, RIGHT, TOP, BOTTOM = 54, 541, 790, 54
TEXT, TEXT_WIDTH = 84, 296          # the statement's left edge and width
BOX, TO_WORD, TO_BOX = 11, 4, 22    # a tick box, and the gaps behind it and behind its word
LINE, SIZE, ARGUMENT_HEIGHT = 12.5, 10, 25


def sheet_pdf(sheet: Sheet) -> bytes:
    """Draw the answer sheet; equal sheets give equal bytes.

    Raises:
        UserError: the sheet holds a letter that the fonts of every PDF program lack.

    """
    _check_letters(sheet)
    pages, _ = _drawn(sheet, pages=0)
    return _drawn(sheet, pages=pages)[1]


def _drawn(sheet: Sheet, *, pages: int) -> tuple[int, bytes]:
    """Draw the sheet as one of so many pages; say how many it has."""
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfgen.canvas import Canvas

    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4, invariant=True, lang="en", initialFontName="Helvetica")
    canvas.setTitle(f"{sheet.title}: answer sheet")
    canvas.setSubject(f"quiz {sheet.quiz}")
    canvas.setAuthor("")
    writer = _Writer(canvas, sheet, pages)
    writer.head()
    for question in sheet.questions:
        writer.question(question)
    writer.end_page()
    canvas.save()
    return writer.pages, stream.getvalue()


def field_name(identifier: str) -> str:
    """Name the fields of a statement: a dot would make a field within a field of it."""
    return identifier.replace(".", "-")


def _check_letters(sheet: Sheet) -> None:
    texts = [(f"the title of {sheet.quiz}", sheet.title)]
    texts += [(f"the title of question {one.id}", one.title) for one in sheet.questions]
    texts += [(f"statement {one.id}", one.text) for one in sheet.statements]
    for where, text in texts:
        try:
            text.encode("cp1252")
        except UnicodeEncodeError as error:
            letter = text[error.start]
            raise UserError(
                f"{where} holds {letter!r}, which the PDF's fonts lack; write it in words, or use --format html"
            ) from None


class _Writer:
    """Puts one thing under the other, and starts a new page where one is full."""

    def __init__(self, canvas: Any, sheet: Sheet, of: int) -> None:
        self._canvas, self._sheet, self._of = canvas, sheet, of
        self._y = float(TOP)
        self.pages = 0      # that are full

    def head(self) -> None:
        """Write the title, who answers, and how."""
        self._canvas.setFont("Helvetica-Bold", 14)
        self._canvas.drawString(LEFT, self._y, self._sheet.title)
        self._y -= 26
        self._canvas.setFont("Helvetica", SIZE)
        self._canvas.setLineWidth(0.5)
        for label, left, right in (("Group", LEFT, 200), ("Members", 215, RIGHT)):
            self._canvas.drawString(left, self._y, label)
            start = left + 50
            self._canvas.line(start, self._y - 3, right, self._y - 3)
            self._text_field(label.lower(), label, (start, self._y - 2, right - start, 15), lines=1)
        self._y -= 20
        self._canvas.setFont("Helvetica", 8.5)
        self._canvas.drawString(LEFT, self._y, HINT)
        self._y -= 12

    def question(self, question: Question) -> None:
        """Write the title of a question and its statements; the title stays with the first of them."""
        first = self._height(question.statements[0])
        self._need(26 + first)
        self._y -= 22
        self._canvas.setFont("Helvetica-Bold", SIZE + 1)
        self._canvas.drawString(LEFT, self._y, f"{question.id}. {question.title}")
        self._y -= 6
        for statement in question.statements:
            self._need(self._height(statement))
            self._statement(statement)

    def end_page(self) -> None:
        """Write the foot of the page, and turn it."""
        from reportlab.pdfbase.pdfdoc import PDFName

        self._canvas.setFont("Helvetica", 8)
        self._canvas.drawString(LEFT, BOTTOM - 24, f"{self._sheet.quiz}, answer sheet")
        self.pages += 1
        self._canvas.drawRightString(RIGHT, BOTTOM - 24, f"page {self.pages} of {self._of}")
        self._canvas.showPage()
        # The tab key goes from row to row. reportlab has no setting for it.
        page = self._canvas._doc.Pages[-1]
        page.__NoDefault__ = [*page.__NoDefault__, "Tabs"]
        page.Tabs = PDFName("R")
        self._y = float(TOP)

    def _need(self, height: float) -> None:
        if self._y - height < BOTTOM:
            self.end_page()

    def _lines(self, statement: Statement) -> list[str]:
        from reportlab.lib.utils import simpleSplit

        lines: list[str] = simpleSplit(statement.text, "Helvetica", SIZE, TEXT_WIDTH)
        return lines

    def _height(self, statement: Statement) -> float:
        return LINE * len(self._lines(statement)) + ARGUMENT_HEIGHT + 14

    def _statement(self, statement: Statement) -> None:
        self._y -= LINE + 4
        self._canvas.setFont("Helvetica", SIZE)
        self._canvas.drawString(LEFT, self._y, statement.id)
        self._options(statement, self._y - 2)
        for line in self._lines(statement):
            self._canvas.setFont("Helvetica", SIZE)
            self._canvas.drawString(TEXT, self._y, line)
            self._y -= LINE
        self._y += LINE - 6 - ARGUMENT_HEIGHT
        place = (TEXT, self._y, RIGHT - TEXT, ARGUMENT_HEIGHT)
        self._canvas.setStrokeGray(0.75)
        self._canvas.setLineWidth(0.5)
        self._canvas.line(TEXT, self._y, RIGHT, self._y)
        self._canvas.setStrokeGray(0)
        name = field_name(statement.id) + ARGUMENT
        self._text_field(name, f"Argument for {statement.id}, at most two lines", place, lines=ARGUMENT_LINES)

    def _options(self, statement: Statement, y: float) -> None:
        widths = [self._canvas.stringWidth(option, "Helvetica", SIZE) for option in OPTIONS]
        left = RIGHT - sum(widths) - len(OPTIONS) * (BOX + TO_WORD) - (len(OPTIONS) - 1) * TO_BOX
        for option, width in zip(OPTIONS, widths, strict=True):
            self._canvas.setLineWidth(0.8)
            self._canvas.rect(left, y, BOX, BOX)
            self._canvas.acroForm.radio(
                name=field_name(statement.id), value=option, x=left, y=y,
                tooltip=f"{statement.id}: {statement.text}",    # of the group; each box is told by its value
                size=BOX, buttonStyle="cross", shape="square", borderWidth=0, fillColor=None, borderColor=None,
                fieldFlags="radio",     # so that a tick can be taken back
            )
            self._canvas.setFont("Helvetica", SIZE)
            self._canvas.drawString(left + BOX + TO_WORD, y + 2, option)
            left += BOX + TO_WORD + width + TO_BOX

    def _text_field(self, name: str, label: str, place: tuple[float, float, float, float], *, lines: int) -> None:
        x, y, width, height = place
        self._canvas.acroForm.textfield(
            name=name, tooltip=label, x=x, y=y, width=width, height=height, fontSize=9 if lines == 1 else 8,
            maxlen=lines * LINE_LENGTH, fieldFlags="multiline" if lines > 1 else "", borderWidth=0,
            fillColor=None, borderColor=None,
        )

"""Tables in Markdown, in aligned text and in PDFs: marks below yes and no, or a column of answers."""

from __future__ import annotations

import io

import pytest
from fpdf import FPDF
from reportlab.lib.colors import black
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Paragraph, SimpleDocTemplate, Table, TableStyle

from harness.quiz import Sheet, load_sheet, read_file


@pytest.fixture(scope="module")
def sheet(course) -> Sheet:
    return load_sheet(course, "summer22")


@pytest.fixture
def read(sheet, tmp_path):
    def reader(data: str | bytes):
        path = tmp_path / ("hand-in.pdf" if isinstance(data, bytes) else "hand-in.md")
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return {one.id: one for one in read_file(path, sheet).readings}

    return reader


def given(sheet: Sheet) -> dict[str, str]:
    """Yes and no in turns that follow no pattern."""
    return {one.id: "yes" if place * 7 % 5 < 2 else "no" for place, one in enumerate(sheet.statements)}


def marked(answer: str, mark: str = "x") -> tuple[str, str]:
    return (mark, "") if answer == "yes" else ("", mark)


def answers(found) -> dict[str, str]:
    return {one.id: one.answer for one in found.values() if one.answer is not None}


def markdown(*rows: tuple[str, ...]) -> str:
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|" + "---|" * len(rows[0]), *body])


@pytest.mark.parametrize("mark", ["x", "X", "✓", "✗", "[x]", "☒", "✅"])
def test_marks_below_yes_and_no_in_markdown_are_read(mark, sheet, read):
    said = given(sheet)
    full = [(one.id, one.text, *marked(said[one.id], mark)) for one in sheet.statements]
    assert answers(read(markdown(("no", "statement", "yes", "no"), *full))) == said
    short = [(one.id, *marked(said[one.id], mark), "") for one in sheet.statements]
    assert answers(read(markdown(("", "richtig", "falsch", "Enthaltung"), *short))) == said


def test_both_columns_or_none_leave_a_row_open(read):
    rows = [("1a", "x", "x", ""), ("1b", "", "", ""), ("1c", "", "", "x"), ("1d", "", "x", "")]
    found = read(markdown(("", "yes", "no", "abstain"), *rows))
    assert [found[one].status for one in ("1a", "1b", "1c", "1d")] == ["unclear", "blank", "read", "read"]
    assert answers(found) == {"1c": "abstain", "1d": "no"}


def test_boxes_in_both_columns_are_read(sheet, read):
    said = given(sheet)
    rows = [(one, *(("[x]", "[ ]") if answer == "yes" else ("[ ]", "[x]"))) for one, answer in said.items()]
    assert answers(read(markdown(("", "yes", "no"), *rows))) == said


def test_a_column_of_answers_may_have_arguments_beside_it(sheet, read):
    said = given(sheet)
    rows = [(one.id, one.text, said[one.id], "no such thing is true") for one in sheet.statements]
    found = read(markdown(("id", "statement", "answer", "argument"), *rows))
    assert answers(found) == said
    assert {one.argument for one in found.values()} == {"no such thing is true"}
    letters = [(one.id, one.text, "T" if said[one.id] == "yes" else "F") for one in sheet.statements]
    assert answers(read(markdown(("id", "statement", "T/F"), *letters))) == said


@pytest.mark.parametrize("row", ["{0:<14}{1:<8}{2:<8}", "{0}\t{1}\t{2}", "{0:<9}{1:^7}{2:^7}"])
def test_columns_of_plain_text_are_read(row, sheet, read):
    said = given(sheet)
    lines = [row.format("", "yes", "no"), *(row.format(one, *marked(answer)) for one, answer in said.items())]
    assert answers(read("\n".join(lines))) == said


def test_a_mark_that_is_below_neither_word_is_left_open(read):
    found = read("          no        yes\n1a                   x\n1b             x\n1c        x\n1d  x\n")
    assert answers(found) == {"1a": "yes", "1c": "no"}
    assert {found[one].status for one in ("1b", "1d")} == {"unclear"}


@pytest.mark.parametrize("head", ["     yes no", "    yes / no", ""])
def test_marks_without_columns_that_can_be_told_apart_are_left_open(head, read):
    found = read(f"{head}\n1a    ✓\n1b       ✓\n1c    x\n")
    assert answers(found) == {}
    assert {found[one].status for one in ("1a", "1b", "1c")} == {"unclear"}


def by_reportlab(rows: list[tuple[str, ...]], widths: list[float], *, grid: bool, align: str) -> bytes:
    """A table over several pages whose numbers stand in the middle of their rows."""
    style = getSampleStyleSheet()["BodyText"]
    cells = [[Paragraph(cell, style) if len(cell) > 12 else cell for cell in row] for row in rows]
    table = Table(cells, colWidths=widths, repeatRows=1)
    looks = [("VALIGN", (0, 0), (-1, -1), "MIDDLE"), ("ALIGN", (0, 0), (-1, -1), align)]
    table.setStyle(TableStyle([*looks, *([("GRID", (0, 0), (-1, -1), 0.5, black)] if grid else [])]))
    stream = io.BytesIO()
    SimpleDocTemplate(stream).build([table])
    return stream.getvalue()


def by_fpdf(rows: list[tuple[str, ...]], widths: tuple[int, ...]) -> bytes:
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("Helvetica", size=9)
    with pdf.table(col_widths=widths) as table:
        for cells in rows:
            row = table.row()
            for cell in cells:
                row.cell(cell)
    return bytes(pdf.output())


@pytest.mark.parametrize(("grid", "align"), [(True, "LEFT"), (False, "CENTER")])
def test_tables_of_reportlab_are_read(grid, align, sheet, read):
    said = given(sheet)
    full = [("no", "statement", "yes", "no"), *((one.id, one.text, *marked(said[one.id])) for one in sheet.statements)]
    assert answers(read(by_reportlab(full, [30, 330, 40, 40], grid=grid, align=align))) == said
    column = [("id", "statement", "answer", "why"), *((one.id, one.text, said[one.id], "no such thing is true")
                                                      for one in sheet.statements)]
    assert answers(read(by_reportlab(column, [30, 250, 50, 130], grid=grid, align=align))) == said


def test_tables_of_fpdf_are_read(sheet, read):
    said = given(sheet)
    full = [("id", "statement", "yes", "no"), *((one.id, one.text, *marked(said[one.id])) for one in sheet.statements)]
    assert answers(read(by_fpdf(full, (10, 130, 20, 20)))) == said
    both = [("", "yes", "no"), *((one, "x", "x" if one == "1b" else "") for one in said)]
    found = read(by_fpdf(both, (20, 20, 20)))
    assert answers(found) == {one: "yes" for one in said if one != "1b"}
    assert found["1b"].status == "unclear"
    empty = [("", "yes", "no"), *((one, "", "") for one in said)]
    assert {one.status for one in read(by_fpdf(empty, (20, 20, 20))).values()} == {"blank"}

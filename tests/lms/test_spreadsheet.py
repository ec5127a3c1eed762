"""Cells of CSV files: read as the `csv` module reads them, exchanged alone, harmless to a spreadsheet."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.lms.spreadsheet import rows_of, safe_cell, with_cells

DELIMITERS = st.sampled_from([",", ";", "\t"])
FILES = st.text(st.sampled_from('a1 =ä,;\t"\n\r'), max_size=60)
VALUES = st.text(st.sampled_from('a1 =ä,;\t"\n'), max_size=8)


@given(FILES, DELIMITERS)
def test_rows_are_those_that_the_csv_module_reads(text, delimiter):
    theirs = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    assert [[cell.value for cell in row] for row in rows_of(text, delimiter)] == theirs


@given(FILES, DELIMITERS, VALUES, st.data())
def test_changing_a_cell_changes_its_value_and_not_one_letter_elsewhere(text, delimiter, value, data):
    cells = [cell for row in rows_of(text, delimiter) for cell in row]
    if not cells:
        return
    cell = data.draw(st.sampled_from(cells))
    changed = with_cells(text, {cell: value}, delimiter)
    assert changed.startswith(text[:cell.start])
    assert changed.endswith(text[cell.end:])
    written = changed[cell.start:len(changed) - (len(text) - cell.end)]
    assert [[one.value for one in row] for row in rows_of(written, delimiter)] == ([[value]] if written else [])


def test_changing_nothing_gives_the_same_text():
    text = 'a,"b ""c""",\r\n\r\n"d\ne",f'
    assert with_cells(text, {}, ",") == text


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3", "\t=1", "\r=1", " =1", "＝1"])
def test_what_a_spreadsheet_would_run_becomes_text(text):
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "12", "-3.5", "+4", "-1e5", "-0,5", "Ada =", "a@b.org"])
def test_numbers_and_plain_text_stay(text):
    assert safe_cell(text) == text

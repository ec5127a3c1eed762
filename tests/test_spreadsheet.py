"""Cells of a CSV file: text stays text, numbers stay numbers."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.lms import as_csv, safe_cell

BEGINNINGS = set("=+-@\t\r\n＝＋－＠")


@pytest.mark.parametrize("text", [
    "=1+1", "=cmd|' /C calc'!A0", '=HYPERLINK("https://example.org?"&A1)', "+1+1", "-1+1", "@SUM(A1)", "\t=1+1",
    " =1+1", "\n=1+1", "＝1+1", "-A1", "+", "=", "--1", "-1e5+cmd",
])
def test_text_that_would_be_a_formula_begins_with_an_apostrophe(text):
    cell = safe_cell(text)
    assert cell.startswith("'")
    assert text.strip() in cell


@pytest.mark.parametrize("value", [
    0, -1, 0.5, -1e-9, None, "-1", "-0.25", "+3", "-1.5e-3", "", "group3", "a=b", "1a: yes", "Ödön Example", "x-y",
])
def test_numbers_and_plain_text_stay_as_they_are(value):
    assert safe_cell(value) == value


def test_escapes_and_turned_text_become_visible():
    assert safe_cell("a\x1b[2Jb\u202ec\x07") == "a\ufffd[2Jb\ufffdc\ufffd"


@given(st.lists(st.lists(st.text(max_size=12), min_size=1, max_size=3), max_size=3))
def test_no_cell_that_is_read_back_is_a_formula(rows):
    back = list(csv.reader(io.StringIO(as_csv(rows), newline="")))
    for row in back:
        for cell in row:
            assert cell.lstrip(" ")[:1] not in BEGINNINGS or float(cell) is not None

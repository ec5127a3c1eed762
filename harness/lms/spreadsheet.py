"""Cells of CSV files: read with the place they stand at, replaced one by one, and made harmless to a spreadsheet.

Python's `csv` module gives the values alone. Whoever changes a few cells of somebody else's file has to leave every
other one as it was, quotes and all; so the cells here remember where they stand in the text. What counts as a cell is
what RFC 4180 says (https://www.rfc-editor.org/rfc/rfc4180), and the `csv` module reads the same values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Cell", "rows_of", "safe_cell", "with_cells"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?")


def safe_cell(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would run as a formula; numbers stay numbers.

    The rule is OWASP's (https://owasp.org/www-community/attacks/CSV_Injection).
    """
    dangerous = text.lstrip(" ").startswith(_FORMULA) and not _NUMBER.fullmatch(text)
    return f"'{text}" if dangerous else text


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell and its place: `text[start:end]` of the file is what was written, `value` what it means."""

    start: int
    end: int
    value: str
    quoted: bool


def rows_of(text: str, delimiter: str) -> list[list[Cell]]:
    """Read every row of a CSV file; an empty line is a row without cells."""
    outside = rf"[^{re.escape(delimiter)}\r\n]*"
    form = re.compile(rf'"(?P<inside>[^"]*(?:""[^"]*)*)(?:"|\Z)(?P<after>{outside})|(?P<bare>{outside})')
    rows: list[list[Cell]] = []
    row: list[Cell] = []
    place = 0
    while place < len(text) or row:
        found = form.match(text, place)
        if found is None:       # the pattern takes the empty text
            raise AssertionError(place)
        quoted = found["bare"] is None
        value = found["inside"].replace('""', '"') + found["after"] if quoted else found["bare"]
        row.append(Cell(found.start(), found.end(), value, quoted))
        place = found.end() + 1
        if text[found.end():place] == delimiter:
            continue
        if text[found.end():place + 1] == "\r\n":
            place += 1
        rows.append([] if len(row) == 1 and row[0].start == row[0].end else row)
        row = []
    return rows


def with_cells(text: str, changes: Mapping[Cell, str], delimiter: str) -> str:
    """Give the file with other values in some cells, and every other character as it was."""
    pieces, done = [], 0
    for cell, value in sorted(changes.items(), key=lambda change: change[0].start):
        pieces += [text[done:cell.start], _written(value, delimiter, quoted=cell.quoted)]
        done = cell.end
    return "".join([*pieces, text[done:]])


def _written(value: str, delimiter: str, *, quoted: bool) -> str:
    """Quote what has to be quoted, and what Moodle quotes: whatever has a space in it."""
    if quoted or any(letter in value for letter in (delimiter, '"', "\r", "\n", "\t", " ")):
        return '"{}"'.format(value.replace('"', '""'))
    return value

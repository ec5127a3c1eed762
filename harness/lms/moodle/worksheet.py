"""Moodle's offline grading worksheet: read as it was downloaded, whatever its language, marks and encoding.

Its columns are those of `mod_assign` (gradingtable.php); when it is uploaded, Moodle finds identifier, grade, date of
the grade and feedback by their localised names (feedback/offline/importgradeslib.php), and the participant by the
number that ends the identifier. Names are those of Moodle's language packs.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from harness.errors import UserError
from harness.lms.spreadsheet import Cell, rows_of, with_cells

__all__ = ["Column", "Row", "Worksheet", "parse_number", "parse_time", "read_worksheet"]

MOST_BYTES = 50 * 2**20


class Column(StrEnum):
    """A column that matters here, by its name in English."""

    IDENTIFIER = "Identifier"
    NAME = "Full name"
    EMAIL = "Email address"
    STATUS = "Status"
    GROUP = "Group"
    GRADE = "Grade"
    MAXIMUM = "Maximum grade"
    SCALE = "Scale"
    CHANGEABLE = "Grade can be changed"
    SUBMITTED = "Last modified (submission)"
    GRADED = "Last modified (grade)"
    COMMENT = "Feedback comments"


_GERMAN: dict[Column, tuple[str, ...]] = {
    Column.IDENTIFIER: ("ID",), Column.NAME: ("Vollständiger Name",), Column.EMAIL: ("E-Mail-Adresse", "E-Mail"),
    Column.STATUS: ("Status",), Column.GROUP: ("Gruppe",), Column.GRADE: ("Bewertung",),
    Column.MAXIMUM: ("Bestwertung",), Column.SCALE: ("Skala",),
    Column.CHANGEABLE: ("Bewertung kann geändert werden",), Column.SUBMITTED: ("Zuletzt geändert (Abgabe)",),
    Column.GRADED: ("Zuletzt geändert (Bewertung)",), Column.COMMENT: ("Feedback als Kommentar",),
}
_ENGLISH: dict[Column, tuple[str, ...]] = {column: (column.value,) for column in Column} | {
    Column.GRADE: ("Grade", "Mark"), Column.MAXIMUM: ("Maximum grade", "Maximum mark"),
    Column.CHANGEABLE: ("Grade can be changed", "Mark can be changed"),
    Column.GRADED: ("Last modified (grade)", "Last modified (mark)"), Column.EMAIL: ("Email address", "Email"),
}
_LANGUAGES = {"English": _ENGLISH, "German": _GERMAN}
_NEEDED = (Column.IDENTIFIER, Column.GRADE, Column.GRADED)
_YES = {"yes", "ja"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One participant of the worksheet.

    Attributes:
        line: number of the row, counted from 1 with the header; for messages.
        participant: the number that ends the identifier.
        cells: the row's cells by column; those the worksheet lacks are not there.

    """

    line: int
    participant: str
    cells: dict[Column, Cell]

    def value(self, column: Column) -> str:
        """Give what a cell says, without space around it; empty where the worksheet has no such column."""
        return self.cells[column].value.strip() if column in self.cells else ""

    @property
    def locked(self) -> bool:
        """Whether Moodle says that this grade cannot be changed."""
        return Column.CHANGEABLE in self.cells and self.value(Column.CHANGEABLE).casefold() not in _YES

    @property
    def label(self) -> str:
        """Name the row for a person."""
        return " ".join(part for part in (self.value(Column.NAME), f"({self.value(Column.IDENTIFIER)})") if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worksheet:
    """The file as it came, and what was found in it."""

    text: str
    encoding: str
    mark: bytes                     # the byte-order mark it begins with, or nothing
    delimiter: str
    language: str
    columns: frozenset[Column]
    rows: tuple[Row, ...]
    broken: dict[int, str]          # number of a row that cannot be used -> why
    comma: bool                     # whether decimals stand after a comma

    def filled(self, changes: dict[Cell, str]) -> bytes:
        """Give the file with other values in some cells, and every other byte as it came."""
        text = with_cells(self.text, changes, self.delimiter)
        return self.mark + text.encode(self.encoding, "replace")

    def number(self, value: float) -> str:
        """Write points as the worksheet writes numbers."""
        text = f"{value:.5f}".rstrip("0").rstrip(".")       # Moodle keeps five decimals
        return text.replace(".", ",") if self.comma else text


def read_worksheet(path: Path) -> Worksheet:
    """Read a worksheet that was downloaded from Moodle.

    Raises:
        UserError: it cannot be read, is no grading worksheet, or grades by a scale.

    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give the worksheet that Moodle wrote") from None
    if len(data) > MOST_BYTES:
        raise UserError(f"{path}: larger than {MOST_BYTES // 2**20} MiB, which no worksheet is; check the path")
    text, encoding, mark = _decoded(data, path)
    delimiter, language, places, rows = _table(text, path)
    if Column.SCALE in places and Column.MAXIMUM not in places:
        raise UserError(
            f"{path}: the assignment is graded by a scale, not by points; set its grade to points in Moodle, "
            "and download the worksheet again"
        )
    found, broken = _rows(rows, places, len(rows[0]))
    return Worksheet(
        text=text, encoding=encoding, mark=mark, delimiter=delimiter, language=language, columns=frozenset(places),
        rows=tuple(found), broken=broken, comma=_has_comma(found, language),
    )


def _decoded(data: bytes, path: Path) -> tuple[str, str, bytes]:
    """Decode the file so that encoding gives the same bytes again."""
    marks = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
    for mark, encoding in marks:
        if data.startswith(mark):
            candidates, body = [encoding], data[len(mark):]
            break
    else:
        mark, candidates, body = b"", ["utf-8", "cp1252", "latin-1"], data
    for encoding in candidates:
        try:
            text = body.decode(encoding)
        except UnicodeDecodeError:
            continue
        return text, encoding, mark
    raise UserError(f"{path}: its text is damaged; download the worksheet from Moodle again")


def _table(text: str, path: Path) -> tuple[str, str, dict[Column, int], list[list[Cell]]]:
    """Find the delimiter and the language under which the header names most columns."""
    first_line = text.split("\n", 1)[0]
    best: tuple[int, str, str, dict[Column, int]] = (0, ",", "English", {})
    for delimiter in (",", ";", "\t"):
        header = [cell.value for cell in next(iter(rows_of(first_line, delimiter)), [])]
        for language, names in _LANGUAGES.items():
            places = _places(header, names, path)
            if len(places) > best[0]:
                best = (len(places), delimiter, language, places)
    _, delimiter, language, places = best
    if missing := [column for column in _NEEDED if column not in places]:
        wanted = ", ".join(f"{column.value!r} (in German {_GERMAN[column][0]!r})" for column in missing)
        raise UserError(
            f"{path}: its first line has no column {wanted}; download the grading worksheet with Moodle set to "
            "English or German, and give that file as it came"
        )
    return delimiter, language, places, rows_of(text, delimiter)


def _places(header: Sequence[str], names: dict[Column, tuple[str, ...]], path: Path) -> dict[Column, int]:
    places: dict[Column, int] = {}
    for column, spellings in names.items():
        wanted = {spelling.casefold() for spelling in spellings}
        found = [place for place, name in enumerate(header) if name.strip().casefold() in wanted]
        if len(found) > 1 and column in _NEEDED:
            raise UserError(f"{path}: two columns are called {header[found[0]]!r}; download the worksheet again")
        if found:
            places[column] = found[0]
    return places


def _rows(rows: list[list[Cell]], places: dict[Column, int], width: int) -> tuple[list[Row], dict[int, str]]:
    found: list[Row] = []
    broken: dict[int, str] = {}
    lines: dict[str, int] = {}
    for line, cells in enumerate(rows[1:], start=2):
        if not cells:
            continue
        if len(cells) != width:
            broken[line] = f"it has {len(cells)} cells where the header has {width}"
            continue
        number = re.search(r"(\d+)\s*$", cells[places[Column.IDENTIFIER]].value)
        if number is None:
            broken[line] = "its identifier does not end in a number"
        elif number[1] in lines:
            broken[line] = f"row {lines[number[1]]} has the same identifier"
        else:
            lines[number[1]] = line
            found.append(Row(
                line=line, participant=number[1], cells={column: cells[place] for column, place in places.items()}))
    return found, broken


def _has_comma(rows: Sequence[Row], language: str) -> bool:
    """Tell the decimal mark from the numbers in the worksheet; where all are whole, from its language."""
    for row in rows:
        for column in (Column.MAXIMUM, Column.GRADE):
            if found := re.fullmatch(r"\d+([.,])\d+", row.value(column)):
                return found[1] == ","
    return language == "German"


def parse_number(text: str) -> float | None:
    """Read a number with a decimal point or comma; None if it is none."""
    text = text.strip().replace(",", ".")
    return float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else None


_MONTHS = {
    name: number
    for names in (
        "january february march april may june july august september october november december",
        "januar februar märz april mai juni juli august september oktober november dezember",
    )
    for number, name in enumerate(names.split(), start=1)
}
_TIME = re.compile(
    r"(?P<day>\d{1,2})\.?\s+(?P<month>[^\W\d]+)\s+(?P<year>\d{4}),?\s+(?P<hour>\d{1,2}):(?P<minute>\d{2})"
    r"(\s*(?P<half>[AP]M))?", re.IGNORECASE,
)


def parse_time(text: str) -> datetime | None:
    """Read a time as Moodle writes it in English or German, without a zone; None if it is none.

    >>> parse_time("Dienstag, 2. Dezember 2025, 10:37"), parse_time("Tuesday, 2 December 2025, 10:37 PM")
    (datetime.datetime(2025, 12, 2, 10, 37), datetime.datetime(2025, 12, 2, 22, 37))
    """
    found = _TIME.search(text)
    if found is None or found["month"].casefold() not in _MONTHS:
        return None
    hour = int(found["hour"])
    if found["half"]:
        hour = hour % 12 + (12 if found["half"].upper() == "PM" else 0)
    try:
        return datetime(  # without a zone, as Moodle names none
            int(found["year"]), _MONTHS[found["month"].casefold()], int(found["day"]), hour, int(found["minute"]))
    except ValueError:
        return None

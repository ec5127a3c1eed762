"""Fill in the grades of a worksheet, and say of every row that is left why."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from harness.limits import FULL
from harness.lms.moodle.matching import Match, match
from harness.lms.moodle.record import Origin
from harness.lms.moodle.worksheet import Column, Row, Worksheet, parse_number, parse_time
from harness.lms.spreadsheet import Cell, safe_cell
from harness.lms.standing import criteria_of, standing
from harness.records import GradeResult, Outcome

__all__ = ["FilledRow", "FilledWorksheet", "feedback_text", "fill"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledRow:
    """What became of one row that belongs to a hand-in.

    Attributes:
        state: `filled`, `unchanged` (the grade stood there already) or `left` (see `why`).
        grade: what is written in the worksheet.

    """

    row: Row
    group: str
    state: Literal["filled", "unchanged", "left"]
    grade: str = ""
    why: str = ""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledWorksheet:
    """A filled worksheet, and everything that was left.

    Attributes:
        data: the bytes of the file.
        rows: rows that belong to a hand-in, in the worksheet's order.
        contested: row -> the groups that claim it.
        no_hand_in: rows that belong to none.
        broken: number of a row that cannot be read -> why.
        problems: group -> why a member of it has no row, or the group none at all.
        notes: group -> what a person should know.

    """

    data: bytes
    rows: list[FilledRow]
    contested: list[tuple[Row, list[str]]]
    no_hand_in: list[Row]
    broken: Mapping[int, str]
    problems: dict[str, list[str]]
    notes: dict[str, list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    partial: bool
    overwrite: bool
    scale: bool


def fill(
    sheet: Worksheet, results: Mapping[str, GradeResult], origins: Mapping[str, Origin], *, partial: bool = False,
    overwrite: bool = False, scale: bool = False,
) -> FilledWorksheet:
    """Write grade and feedback into the rows of every group's members.

    Args:
        sheet: as it was downloaded.
        results: group -> its result.
        origins: group -> where its hand-in was imported from, as far as it was.
        partial: also write what is certain so far where a person has still to give points.
        overwrite: also write where another grade or comment stands, or the submission changed since its import.
        scale: turn points into the worksheet's maximum where the rubric has another one.

    """
    options = _Options(partial=partial, overwrite=overwrite, scale=scale)
    matches, clashes = match(results, origins, sheet)
    owners = {row.line: group for group, found in matches.items() for row in found.rows}
    changes: dict[Cell, str] = {}
    rows = [
        _fill_row(row, results[group], origins.get(group), sheet, options, changes)
        for row in sheet.rows if (group := owners.get(row.line))
    ]
    by_line = {row.line: row for row in sheet.rows}
    return FilledWorksheet(
        data=sheet.filled(changes), rows=rows, broken=sheet.broken,
        contested=[(by_line[line], groups) for line, groups in sorted(clashes.items())],
        no_hand_in=[row for row in sheet.rows if row.line not in owners and row.line not in clashes],
        problems=_problems(matches, clashes), notes=_notes(matches, results),
    )


def _problems(matches: Mapping[str, Match], clashes: Mapping[int, list[str]]) -> dict[str, list[str]]:
    problems = {group: list(found.problems) for group, found in matches.items()}
    for line, groups in clashes.items():
        for group in groups:
            others = ", ".join(other for other in groups if other != group)
            problems[group].append(f"row {line} is claimed by {others} too; it was left")
    return {group: found for group, found in problems.items() if found}


def _notes(matches: Mapping[str, Match], results: Mapping[str, GradeResult]) -> dict[str, list[str]]:
    notes = {group: list(found.notes) for group, found in matches.items()}
    for group, result in results.items():
        if result.provenance.budget != FULL.name:
            notes[group].append(f"it was measured with the budget {result.provenance.budget}, not {FULL.name}")
    return {group: found for group, found in notes.items() if found}


def _fill_row(
    row: Row, result: GradeResult, origin: Origin | None, sheet: Worksheet, options: _Options, changes: dict[Cell, str],
) -> FilledRow:
    """Decide about one row, and note what is to be written there."""

    def left(why: str) -> FilledRow:
        return FilledRow(row=row, group=result.group, state="left", why=why, grade=row.value(Column.GRADE))

    stands = standing(result)
    points = stands.exported(partial=options.partial)
    if points is None:
        return left(stands.why)
    if row.locked:
        return left("Moodle says that this grade cannot be changed")
    grade = _on_the_scale(points, result, row, options)
    if isinstance(grade, str):
        return left(grade)
    if not options.overwrite and (why := _changed(row, origin)):
        return left(why)
    there = parse_number(row.value(Column.GRADE))
    text = sheet.number(grade)
    same = there is not None and sheet.number(there) == text
    if row.value(Column.GRADE) and not same and not options.overwrite:
        return left(f"the grade {row.value(Column.GRADE)} stands there, not {text}; --overwrite exchanges it")
    if not same:
        changes[row.cells[Column.GRADE]] = text
    notes = _comment(row, result, sheet, options, changes)
    if grade == 0 and not same:
        notes.append("some versions of Moodle pass over a grade of 0 in a worksheet; look at it after the upload")
    return FilledRow(
        row=row, group=result.group, state="unchanged" if same else "filled", grade=text, notes=notes,
        why=stands.why if stands.outcome is not Outcome.SCORED else "",
    )


def _on_the_scale(points: float, result: GradeResult, row: Row, options: _Options) -> float | str:
    """Give the grade on the worksheet's scale, or say why there is none."""
    most = parse_number(row.value(Column.MAXIMUM))
    if most is None or most == result.marks.max_points:
        return points
    if not options.scale:
        return (
            f"the most that Moodle takes is {row.value(Column.MAXIMUM)}, the rubric's is {result.marks.max_points:g}; "
            "change it in Moodle, or turn points into grades with --scale"
        )
    return points / result.marks.max_points * most


def _changed(row: Row, origin: Origin | None) -> str:
    """Say that the submission is younger than the download of what was graded; the hour is that of this machine."""
    submitted = parse_time(row.value(Column.SUBMITTED))
    if origin is None or submitted is None:
        return ""
    downloaded = datetime.fromisoformat(origin.downloaded).astimezone().replace(tzinfo=None, second=0, microsecond=0)
    if submitted <= downloaded:
        return ""
    return (
        f"the submission changed ({row.value(Column.SUBMITTED)}) after {origin.archive} was downloaded; "
        "download, import and grade it again, or keep the grade with --overwrite"
    )


def _comment(
    row: Row, result: GradeResult, sheet: Worksheet, options: _Options, changes: dict[Cell, str],
) -> list[str]:
    """Write the feedback, unless a person wrote something there."""
    if Column.COMMENT not in row.cells:
        return []
    text = safe_cell(feedback_text(result, sheet))
    there = row.value(Column.COMMENT)
    if there and there != text and not options.overwrite:
        return ["another comment stands there, and was left"]
    if there != text:
        changes[row.cells[Column.COMMENT]] = text
    return []


def feedback_text(result: GradeResult, sheet: Worksheet) -> str:
    """Say the points by part, and what has none for which reason, on one line; Moodle shows it as HTML."""
    parts = [
        f"{part.title} {sheet.number(part.points)}/{sheet.number(part.max_points)}"
        + (f" ({sheet.number(part.open_points)} open)" if part.open_points else "")
        for part in result.marks.parts
    ]
    reasons = {
        Outcome.SUBMISSION_FAULT: "fault of the hand-in", Outcome.NOT_HANDED_IN: "not handed in",
        Outcome.NEEDS_PERSON: "still to be marked", Outcome.NOT_APPLICABLE: "still to be decided",
    }
    for outcome, words in reasons.items():
        if titles := [one.title for one in criteria_of(result) if one.outcome is outcome]:
            parts.append(f"{words}: {', '.join(titles)}")
    if result.marks.late is not None and result.marks.late.days:
        parts.append(result.marks.late.reason)
    return html.escape("; ".join(parts), quote=False)

"""One row for each group, for a spreadsheet or a script."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from harness.lms.spreadsheet import safe_cell
from harness.lms.standing import criteria_of, part_is_ours, standing
from harness.records import GradeResult, Outcome

__all__ = ["grades_csv"]

_FIRST = (
    "group", "members", "assignment", "outcome", "points", "points_so_far", "open_points", "max_points", "late_points",
)
_LAST = (
    "submission_faults", "not_handed_in", "by_hand", "handed_in", "flags", "budget", "data", "box", "graded",
    "why_no_grade",
)


def grades_csv(results: Sequence[GradeResult]) -> str:
    """Write the table as CSV.

    `points` is the grade, and empty where there is none yet; each part has its points, its open points and its most
    points, where the points are empty if the harness failed in that part. Empty is not zero. `late_points` are
    deducted from `points` already.
    """
    parts = list(dict.fromkeys(part.id for result in results for part in result.marks.parts))
    per_part = [f"{part}_{what}" for part in parts for what in ("points", "open", "max")]
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow([*_FIRST, *map(safe_cell, per_part), *_LAST])
    for result in results:
        writer.writerow([safe_cell(cell) for cell in (*_head(result), *_parts(result, parts), *_tail(result))])
    return written.getvalue()


def _head(result: GradeResult) -> list[str]:
    stands, marks = standing(result), result.marks
    known = stands.so_far is not None
    return [
        result.group, "; ".join(result.hand_in.members), result.assignment, stands.outcome.value,
        _number(stands.points), _number(stands.so_far), _number(marks.open_points if known else None),
        _number(marks.max_points or None), _number(marks.late.points if marks.late and known else None),
    ]


def _parts(result: GradeResult, parts: Sequence[str]) -> list[str]:
    by_id = {part.id: part for part in result.marks.parts}
    cells = []
    for name in parts:
        part = by_id.get(name)
        points = None if part is None or part_is_ours(part) else part.points
        cells += [_number(points), _number(part.open_points if part else None),
                  _number(part.max_points if part else None)]
    return cells


def _tail(result: GradeResult) -> list[str]:
    provenance = result.provenance
    faults = [f"{fault.stage}: {fault.kind}" for fault in result.all_faults if not fault.ours]
    absent = [
        one.title for part in result.marks.parts for one in part.criteria if one.outcome is Outcome.NOT_HANDED_IN
    ]
    by_hand = [one.title for one in criteria_of(result) if one.by_hand and not one.by_hand.reopened]
    flags = [flag.name for model in result.measurements.values() for flag in model.flags]
    return [
        "; ".join(dict.fromkeys(faults)), "; ".join(absent), "; ".join(by_hand),
        result.marks.late.handed_in if result.marks.late else "", "; ".join(dict.fromkeys(flags)), provenance.budget,
        provenance.data, provenance.box, provenance.created, standing(result).why,
    ]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}"

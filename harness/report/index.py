"""The list of all reports: one row for each group, made from every `result.json` below a folder."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from pydantic import ValidationError

from harness.errors import UserError
from harness.quiz.cohort import statistics as statistics_of
from harness.records import GradeResult, Late, Marks, TheoryResult
from harness.report.page import doubts, has_key
from harness.report.render import environment, folder_name, write_atomically
from harness.report.theory import write_theory
from harness.scratch import held

__all__ = ["Damaged", "Row", "Summary", "render_index", "write_index"]

THEORY, PRACTICE = "theory", "practice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What the list says about one hand-in; small, so that a thousand results need not be held at once."""

    group: str
    link: str
    members: list[str]
    assignment: str
    theory: tuple[float, float] | None  # points and most points; None where there is no such part
    practice: tuple[float, float] | None
    points: float
    max_points: float
    open_points: float
    flags: int
    faults: list[str]  # kinds, each once
    data: str
    budget: str
    box: str
    created: str
    marked: bool  # the theory was marked with a key
    remarks: list[str] = field(default_factory=list)
    late: Late | None = None
    by_hand: int = 0  # criteria whose points a person gave


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """A `result.json` that cannot be read."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Mean and median of the points in one assignment: those of another are on another scale."""

    name: str
    mean: float | None
    median: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The figures under the list."""

    groups: int
    assignments: list[Assignment]
    most: float
    open_points: float
    flags: int
    faulty: int


def render_index(results: Sequence[GradeResult]) -> str:
    """Render the list of `results`, linked as `write_report` lays them out."""
    rows = [_row(result, f"{quote(folder_name(result.group))}/index.html") for result in results]
    return _render(rows, damaged=[], theory={})


def write_index(reports_folder: Path) -> Path:
    """Read every `result.json` below `reports_folder` and write `index.html` there.

    A file that cannot be read is listed as damaged, and the others stay as they are. Whoever else writes the list at
    the same time waits, so that the last one shows every result.

    Raises:
        UserError: the list cannot be written.
        HarnessFault: the disk is full, or fails.

    """
    try:
        reports_folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{reports_folder} cannot be made ({error.strerror}); choose another with --reports") from error
    with held(reports_folder.resolve()):
        return _write_index(reports_folder)


def _write_index(reports_folder: Path) -> Path:
    rows: list[Row] = []
    damaged: list[Damaged] = []
    answers: dict[str, dict[str, TheoryResult]] = {}
    for path in sorted(reports_folder.rglob("result.json")):
        inside = path.relative_to(reports_folder)
        try:
            result = GradeResult.model_validate_json(path.read_bytes())
        except ValidationError as error:
            damaged.append(Damaged(path=str(inside), reason=_reason(error)))
        except OSError as error:
            damaged.append(Damaged(path=str(inside), reason=error.strerror or str(error)))
        else:
            rows.append(_row(result, quote(inside.with_name("index.html").as_posix())))
            if result.theory.points is not None and result.theory.statements:
                answers.setdefault(result.theory.quiz, {})[inside.parent.as_posix()] = result.theory
    target = reports_folder / "index.html"
    write_atomically(target, _render(rows, damaged, theory=_write_theory(answers, reports_folder)))
    return target


def _write_theory(answers: dict[str, dict[str, TheoryResult]], folder: Path) -> dict[str, str]:
    """Write a page for each quiz that at least two groups were marked in; give quiz -> link."""
    links = {}
    for quiz, marked in answers.items():
        if len(marked) > 1:
            links[quiz] = quote(write_theory(statistics_of(marked), folder).name)
    return links


def _row(result: GradeResult, link: str) -> Row:
    models = result.measurements.values()
    provenance = result.provenance
    return Row(
        group=result.group,
        link=link,
        members=result.hand_in.members,
        assignment=result.assignment,
        theory=_part(result.marks, THEORY),
        practice=_part(result.marks, PRACTICE),
        points=result.marks.points,
        max_points=result.marks.max_points,
        open_points=result.marks.open_points,
        flags=sum(len(model.flags) for model in models) + len(doubts(result)),
        faults=list(dict.fromkeys(fault.kind for fault in result.all_faults)),
        data=provenance.data,
        budget=provenance.budget,
        box=provenance.box,
        created=provenance.created,
        marked=has_key(result.theory),
        remarks=["stand-in data"] if provenance.stand_in else [],
        late=result.marks.late,
        by_hand=sum(one.by_hand is not None and not one.by_hand.reopened
                    for part in result.marks.parts for one in part.criteria),
    )


def _part(marks: Marks, name: str) -> tuple[float, float] | None:
    part = next((part for part in marks.parts if part.id == name), None)
    return (part.points, part.max_points) if part else None


def _render(rows: Iterable[Row], damaged: Sequence[Damaged], *, theory: Mapping[str, str]) -> str:
    ordered = sorted(rows, key=lambda row: (row.assignment, _natural(row.group)))
    return (
        environment("index.css")
        .get_template("index.html")
        .render(
            rows=ordered,
            damaged=damaged,
            theory=theory,
            stand_in=any("stand-in data" in row.remarks for row in ordered),
            summary=_summary(ordered),
        )
    )


def _summary(rows: Sequence[Row]) -> Summary:
    totals: dict[str, list[float]] = {}
    for row in rows:
        if row.max_points > 0:
            totals.setdefault(row.assignment, []).append(row.points)
    return Summary(
        groups=len(rows),
        assignments=[
            Assignment(name=name, mean=statistics.fmean(points), median=statistics.median(points))
            for name, points in totals.items()
        ] or [Assignment(name="", mean=None, median=None)],
        most=max((row.max_points for row in rows), default=0.0),
        open_points=sum(row.open_points for row in rows),
        flags=sum(row.flags for row in rows),
        faulty=sum(bool(row.faults) for row in rows),
    )


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort group2 before group10."""
    return [
        (int(part), "") if part.isdecimal() else (-1, part.lower())
        for part in re.split(r"(\d+)", name)
        if part
    ]


def _reason(error: ValidationError) -> str:
    """Say what is wrong first, and where."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    return f"{first['msg']}{f' (at {place})' if place else ''}"

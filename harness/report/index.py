"""The class report: a row for each group, and what all of them together say, made from every `result.json`."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from harness.errors import UserError
from harness.quiz.cohort import QuizStatistics
from harness.quiz.cohort import statistics as statistics_of
from harness.records import GradeResult, Outcome, TheoryResult
from harness.report.overview import failures, histograms, waiting
from harness.report.render import environment, folder_name, script, write_atomically
from harness.report.rows import Damaged, Row, read_results, row_of
from harness.report.strips import References, strips
from harness.report.theory import write_theory
from harness.scratch import held

__all__ = ["render_index", "write_index"]

OTHER_PAGES = {"similarity.html": "Which hand-ins resemble each other", "bench/index.html": "The benchmark"}
"""Pages that other commands write into the folder of reports."""

COMMON = ("data", "budget", "box")
"""Facts that stand once above the table where all hand-ins share them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Mean and median of the points in one assignment: those of another are on another scale."""

    name: str
    mean: float | None
    median: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The figures in the head of the page."""

    groups: int
    assignments: list[Assignment]
    open_points: float
    waiting: int  # groups in which something waits for a person
    looks: int
    faulty: int


def render_index(results: Sequence[GradeResult], *, references: References | None = None) -> str:
    """Render the class report of `results`, linked as `write_report` lays them out."""
    rows = [row_of(result, f"{quote(folder_name(result.group))}/index.html") for result in results]
    return _render(rows, references=references or {})


def write_index(reports_folder: Path, *, references: Callable[[str, str, str], References] | None = None) -> Path:
    """Read every `result.json` below `reports_folder`, one at a time, and write `index.html` there.

    A file that cannot be read is listed as damaged, and the others stay as they are. Whoever else writes the list at
    the same time waits, so that the last one shows every result.

    Args:
        reports_folder: the folder of all reports.
        references: gives what the reference models measure, by the hash of a data set, a budget and the hash of the
            judge networks; asked only where a whole class was measured in one way.

    Raises:
        UserError: the list cannot be written.
        HarnessFault: the disk is full, or fails.

    """
    try:
        reports_folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{reports_folder} cannot be made ({error.strerror}); choose another with --reports") from error
    with held(reports_folder.resolve()):
        return _write_index(reports_folder, references)


def _write_index(reports_folder: Path, references: Callable[[str, str, str], References] | None) -> Path:
    rows: list[Row] = []
    damaged: list[Damaged] = []
    answers: dict[str, dict[str, TheoryResult]] = {}
    for inside, result in read_results(reports_folder):
        if isinstance(result, Damaged):
            damaged.append(result)
            continue
        rows.append(row_of(result, quote(inside.with_name("index.html").as_posix())))
        if result.theory.points is not None and result.theory.statements:
            answers.setdefault(result.theory.quiz, {})[inside.parent.as_posix()] = result.theory.without_pictures()
    target = reports_folder / "index.html"
    write_atomically(target, _render(
        rows, damaged=damaged, theory=_write_theory(answers, reports_folder),
        others={name: title for name, title in OTHER_PAGES.items() if (reports_folder / name).is_file()},
        references=_references(rows, references) if references else {},
    ))
    return target


def _references(rows: Sequence[Row], ask: Callable[[str, str, str], References]) -> References:
    """Ask for numbers that may stand beside those of a class; a single hand-in has them in its report."""
    measured = {row.measured_by for row in rows}
    return ask(*measured.pop()) if len(rows) > 1 and len(measured) == 1 else {}


def _write_theory(answers: dict[str, dict[str, TheoryResult]], folder: Path) -> dict[str, QuizStatistics]:
    """Write a page for each quiz that at least two groups were marked in; give link -> what it says."""
    found = {}
    for marked in answers.values():
        if len(marked) > 1:
            said = statistics_of(marked)
            found[quote(write_theory(said, folder).name)] = said
    return found


def _render(
    rows: Sequence[Row], *, references: References, damaged: Sequence[Damaged] = (),
    theory: Mapping[str, QuizStatistics] | None = None, others: Mapping[str, str] | None = None,
) -> str:
    ordered = sorted(rows, key=lambda row: (row.assignment, _natural(row.group)))
    first, folded = strips(ordered, references)
    sorting, sorting_hash = script("sort.js")
    exploring, exploring_hash = script("class.js")
    return (
        environment("index.css")
        .get_template("index.html")
        .render(
            rows=ordered, damaged=damaged, theory=theory or {}, others=others or {},
            stand_in=any(row.stand_in for row in ordered), common=_common(ordered),
            mixed=len({row.assignment for row in ordered}) > 1,
            outcomes_seen=[outcome for outcome in Outcome if any(row.outcome is outcome for row in ordered)],
            flags_seen=sorted({flag for row in ordered for flag in row.flags}),
            kinds_seen=sorted({kind for row in ordered for kind in row.kinds}),
            histograms=histograms(ordered), waiting=waiting(ordered), failures=failures(ordered),
            strips=first, more_strips=folded, summary=_summary(ordered),
            scripts=[sorting, exploring], script_hashes=[sorting_hash, exploring_hash],
        )
    )


def _common(rows: Sequence[Row]) -> dict[str, str]:
    """Give what all hand-ins share, so that no row repeats it."""
    seen = {name: {getattr(row, name) for row in rows} for name in COMMON}
    return {name: values.pop() for name, values in seen.items() if len(values) == 1}


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
        open_points=sum(row.open_points for row in rows),
        waiting=sum(any(item.outcome is not Outcome.HARNESS_FAULT for item in row.open_items) for row in rows),
        looks=sum(row.looks for row in rows),
        faulty=sum(bool(row.faults) for row in rows),
    )


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort group2 before group10."""
    return [
        (int(part), "") if part.isdecimal() else (-1, part.lower())
        for part in re.split(r"(\d+)", name)
        if part
    ]

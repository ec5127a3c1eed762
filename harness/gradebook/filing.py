"""From a grade to the report that people see: attempts noted, points of persons and lateness put on top, pages written.

`result.json` stays the one source of reports and exports; here it is written, each group's under a lock, so that
graders and markers who work at once never write an older state over a newer one.
"""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from harness import documents
from harness.course import Course
from harness.errors import UserError
from harness.gradebook.book import Gradebook
from harness.gradebook.late import with_lateness
from harness.lms.moodle import origins_of, read_record
from harness.records import GradeResult
from harness.references import all_values
from harness.report import write_index, write_report
from harness.report.render import folder_name
from harness.rubric import with_hand_marks
from harness.scratch import held

__all__ = ["applied", "catch_up", "file_result", "filed_result", "record"]


def record(course: Course, result: GradeResult) -> GradeResult:
    """Note an attempt in the course's gradebook; give the result with what persons gave and lateness costs.

    Raises:
        UserError: the gradebook or `course.yaml` cannot be used.
        HarnessFault: the gradebook is damaged.

    """
    book = Gradebook(course.gradebook)
    book.add_attempt(result)
    return applied(book, course, result)


def file_result(
    course: Course, result: GradeResult, reports: Path, *, write: Callable[[GradeResult, Path], Path] = write_report,
) -> tuple[GradeResult, Path]:
    """Note an attempt as `record` does and write its report, while nobody else writes that of this group.

    Args:
        course: whose gradebook it is.
        result: the grade.
        reports: the folder of all reports.
        write: writes result.json and the page of a result below that folder, and gives the path of the page.

    Raises:
        UserError: the gradebook, `course.yaml` or the report cannot be used or written.
        HarnessFault: the gradebook is damaged.

    """
    with _alone(reports, result.group):
        marked = record(course, result)
        return marked, write(marked, reports)


def applied(book: Gradebook, course: Course, result: GradeResult) -> GradeResult:
    """Put on top of what the harness gave what persons gave, and deduct what coming late costs."""
    marks = with_hand_marks(result.marks, book.marks_of(result.group, result.assignment))
    deadline = course.settings().deadlines.get(result.assignment)
    if deadline is not None and marks.parts:
        handed_in, source = book.handed_in(result) or _by_moodle(course, result) or (None, "")
        marks = with_lateness(marks, deadline, handed_in, source)
    return result.model_copy(update={"marks": marks})


def _by_moodle(course: Course, result: GradeResult) -> tuple[datetime, str] | None:
    """Give when Moodle says that the hand-in came, as far as it was imported with a worksheet."""
    origins, _ = origins_of(read_record(course.submissions), course.submissions, {result.group: result})
    origin = origins.get(result.group)
    return (datetime.fromisoformat(origin.handed_in), "Moodle") if origin and origin.handed_in else None


def filed_result(reports: Path, group: str) -> GradeResult:
    """Read a group's result.

    Raises:
        UserError: there is none, or it is damaged.

    """
    path = reports / folder_name(group) / "result.json"
    if not path.is_file():
        graded = sorted(found.parent.name for found in reports.glob("*/result.json"))
        near = difflib.get_close_matches(group, graded, n=1)
        hint = f"did you mean {near[0]}?" if near else "run `harness grade` on its hand-in first"
        raise UserError(f"{reports}: no result of {documents.shown(group)} is there; {hint}")
    try:
        return GradeResult.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); grade {group} first") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise UserError(f"{path}: is damaged ({first['msg']}); grade {group} again") from None


def catch_up(course: Course, reports: Path) -> list[str]:
    """Write the reports that lag behind what persons said, and the list of all; no model is run.

    Reports lag behind after `Gradebook.say`, also where whoever called it was ended before this.

    Returns:
        The groups whose reports were written.

    """
    if not course.gradebook.is_file():
        return []
    book = Gradebook(course.gradebook)
    groups = list(book.unfiled(reports))
    for group in groups:
        with _alone(reports, group):
            newest = book.unfiled(reports).get(group)
            if newest is None:
                continue        # somebody else has just written it
            if (reports / folder_name(group) / "result.json").is_file():
                try:
                    result = filed_result(reports, group)
                except UserError:
                    continue    # it is damaged, and lags behind until it is graded again
                write_report(applied(book, course, result), reports)
            book.filed(group, reports, up_to=newest)
    if groups:
        write_index(reports, references=partial(all_values, course))
    return groups


@contextlib.contextmanager
def _alone(reports: Path, group: str) -> Iterator[None]:
    """Wait until nobody else writes the report of this group."""
    folder = reports / folder_name(group)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{folder} cannot be made ({error.strerror}); choose another folder with --reports") from error
    with held(folder.resolve()):
        yield

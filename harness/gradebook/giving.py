"""What a person may say about a result: looked at against its criteria and the rubric before it is written down."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from harness import documents, rubric
from harness.course import Course
from harness.errors import UserError
from harness.gradebook.book import Change
from harness.gradebook.filing import filed_result
from harness.quiz.exact import exact
from harness.records import CriterionMark, GradeResult
from harness.rubric import HandMarks, as_written

__all__ = ["changes_in", "confirmed", "criterion_of", "files_of_marks", "given", "open_criteria", "withdrawn"]


def open_criteria(result: GradeResult) -> list[CriterionMark]:
    """List the criteria that still wait for points."""
    return [one for one in _criteria(result) if one.points is None]


def criterion_of(result: GradeResult, name: str) -> CriterionMark:
    """Give the criterion of that name.

    Raises:
        UserError: there is none; with the nearest.

    """
    criteria = {one.id: one for one in _criteria(result)}
    if name in criteria:
        return criteria[name]
    if not criteria:
        raise UserError(f"{result.group}: nothing was marked, as the hand-in could not be taken in; grade it again")
    near = difflib.get_close_matches(name, criteria, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(criteria)}"
    raise UserError(f"{result.group}: there is no criterion {documents.shown(name)}; {hint}")


def given(
    course: Course, result: GradeResult, name: str, points: str | Fraction, *, author: str, reason: str,
) -> Change:
    """Give points for a criterion.

    Raises:
        UserError: no such criterion, no number, out of range, no multiple of the rubric's step, or no reason.

    """
    mark = criterion_of(result, name)
    try:
        number = exact(points)
    except ValueError as error:
        raise UserError(f"{result.group}, {name}: {documents.shown(str(points))}: the points {error}") from None
    if not 0 <= number <= as_written(mark.max_points):
        raise UserError(f"{result.group}, {name}: gives 0 to {mark.max_points:g} points, not {float(number):g}")
    step = rubric.load(course, result.assignment).step
    if number % step:
        raise UserError(f"{result.group}, {name}: {float(number):g} is no multiple of {float(step):g} points, the step "
                        "of the rubric; round it")
    return _change(result, mark, number, author, reason)


def confirmed(result: GradeResult, name: str, *, author: str, reason: str) -> Change:
    """Give the points anew that were given by hand before what they rest on changed.

    Raises:
        UserError: no such criterion, or nothing of it waits to be confirmed.

    """
    mark = criterion_of(result, name)
    if mark.by_hand is None or not mark.by_hand.reopened:
        raise UserError(f"{result.group}, {name}: no points wait to be confirmed; give points instead")
    before = mark.by_hand
    return _change(result, mark, as_written(before.points), author, reason or f"Confirmed: {before.reason}")


def withdrawn(result: GradeResult, name: str, *, author: str, reason: str) -> Change:
    """Take points back that a person gave; what the harness gave counts again.

    Raises:
        UserError: no such criterion, or no person gave points for it.

    """
    mark = criterion_of(result, name)
    if mark.by_hand is None:
        raise UserError(f"{result.group}, {name}: no person gave points for it, so there is nothing to withdraw")
    return _change(result, mark, None, author, reason)


def _criteria(result: GradeResult) -> Iterator[CriterionMark]:
    return (one for part in result.marks.parts for one in part.criteria)


def _change(result: GradeResult, mark: CriterionMark, points: Fraction | None, author: str, reason: str) -> Change:
    if not reason.strip():
        raise UserError(f'{result.group}, {mark.id}: say why, in a sentence that the group may read: --because "..."')
    return Change(
        group=result.group, assignment=result.assignment, criterion=mark.id, points=points, author=author,
        reason=documents.harmless(" ".join(reason.split())), evidence=mark.evidence,
    )


# --- files of marks


def files_of_marks(place: Path) -> list[Path]:
    """List the files of marks in a folder, or the one file.

    Raises:
        UserError: there is none.

    """
    files = [place] if place.is_file() else sorted([*place.glob("*.yaml"), *place.glob("*.yml")])
    if not files:
        raise UserError(f"{place}: no file of marks is there; write one for a group, such as {place / 'group3.yaml'}")
    return files


def changes_in(path: Path, course: Course, reports: Path, *, author: str) -> list[Change]:
    """Read `marks/GROUP.yaml`: what it gives to a group.

    Args:
        path: the file.
        course: whose rubric says the step of points.
        reports: the folder of all reports.
        author: who gives them where the file does not say.

    Raises:
        UserError: the file is wrong, or its group has no result, or a mark is not possible; with the file.

    """
    said = documents.read(path, HandMarks)
    name = documents.display_name(path)
    try:
        result = filed_result(reports, said.group or path.stem)
        return [
            given(course, result, criterion, one.points, author=one.author or said.author or author, reason=one.because)
            for criterion, one in said.marks.items()
        ]
    except UserError as error:
        raise UserError(f"{name}: {error}") from None

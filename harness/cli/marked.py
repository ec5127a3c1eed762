"""What `harness mark` and `harness history` do and say."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

from rich.console import Console
from rich.padding import Padding

from harness import documents
from harness.cli.terminal import plain
from harness.course import Course, moment
from harness.errors import UserError
from harness.gradebook import Change, Gradebook, catch_up, filed_result
from harness.gradebook.giving import open_criteria
from harness.gradebook.history import Entry, history
from harness.lms import read_results
from harness.records import CriterionMark, GradeResult

__all__ = ["Listed", "Marked", "Told", "listed", "noted", "say"]


@dataclass(frozen=True, slots=True)
class Listed:
    """What waits for a person."""

    waiting: list[tuple[GradeResult, list[CriterionMark]]]

    def to_json(self) -> str:
        """Give everything that waits as one JSON object, by group."""
        return json.dumps({
            result.group: [
                {"criterion": one.id, "title": one.title, "max_points": one.max_points, "outcome": one.outcome,
                 "ask": one.ask, "by_hand": one.by_hand.model_dump(mode="json") if one.by_hand else None}
                for one in criteria
            ]
            for result, criteria in self.waiting
        }, indent=2, ensure_ascii=False)

    def show(self, out: Console) -> None:
        """Print each criterion with what is asked."""
        for result, criteria in self.waiting:
            late = result.marks.late
            if criteria or (late is not None and not late.handed_in):
                out.print(f"\n[bold]{plain(result.group)}[/]")
            for one in criteria:
                out.print(f"  [bold]{plain(one.id)}[/], {_points(one.max_points)}: {plain(one.title)}", soft_wrap=True)
                out.print(Padding(f"[dim]{plain(one.ask or one.reason)}[/]", (0, 0, 0, 4)))
                if one.by_hand:
                    old = one.by_hand
                    out.print(Padding(f"[yellow]to confirm[/]: {_points(old.points)} by {plain(old.author)}, because: "
                                      f"{plain(old.reason)}", (0, 0, 0, 4)))
            if late is not None and not late.handed_in:
                out.print("  [yellow]it is not known when it was handed in[/]: --handed-in TIME")
        if not any(criteria for _, criteria in self.waiting):
            out.print("[green]no points wait for a person[/]")


def _points(points: float | Fraction) -> str:
    return f"{float(points):g} {'point' if points == 1 else 'points'}"


def listed(course: Course, reports: Path, group: str | None) -> Listed:
    """List what waits, of one group or of all."""
    catch_up(course, reports)
    results = [filed_result(reports, group)] if group else [
        filed.result for filed in read_results(reports).by_group.values()]
    return Listed([(result, open_criteria(result)) for result in results])


@dataclass(frozen=True, slots=True)
class Marked:
    """What was said, and how the groups stand now."""

    said: list[Change]
    left: list[Change]              # said before in the same words
    results: list[GradeResult]

    def to_json(self) -> str:
        """Give what was said and the points of each group as one JSON object."""
        return json.dumps({
            "said": [_fields(one) for one in self.said], "left": [_fields(one) for one in self.left],
            "groups": {
                result.group: {"points": result.marks.points, "max_points": result.marks.max_points,
                               "open_points": result.marks.open_points}
                for result in self.results
            },
        }, indent=2, ensure_ascii=False)

    def show(self, out: Console) -> None:
        """Print a line for each thing that was said, and for each group."""
        for one in self.said:
            points = "taken back" if one.points is None else _points(one.points)
            out.print(f"[green]{plain(one.group)}[/] {plain(one.criterion)}: {points}", soft_wrap=True)
        for one in self.left:
            out.print(f"[dim]{plain(one.group)} {plain(one.criterion)}: was given before, in the same words[/]",
                      soft_wrap=True)
        for result in self.results:
            marks = result.marks
            still = f", {marks.open_points:g} still open" if marks.open_points else ""
            out.print(f"{plain(result.group)}: {marks.points:g} of {marks.max_points:g} points{still}")
            if marks.late is not None:
                out.print(f"  {plain(marks.late.reason)}", soft_wrap=True)


def _fields(change: Change) -> dict[str, object]:
    return asdict(change) | {"points": None if change.points is None else float(change.points)}


def say(course: Course, reports: Path, changes: Sequence[Change], *, once: bool) -> Marked:
    """Write changes down and let the reports show them."""
    said = Gradebook(course.gradebook).say(changes, reports=reports, once=once)
    catch_up(course, reports)
    groups = dict.fromkeys(one.group for one in changes)
    return Marked(said, [one for one in changes if one not in said], [filed_result(reports, group) for group in groups])


def noted(course: Course, reports: Path, group: str, time: str, *, author: str, reason: str) -> Marked:
    """Write down when a hand-in came and let its report show it."""
    result = filed_result(reports, group)
    try:
        when = moment(time)
    except ValueError as error:
        raise UserError(f"--handed-in: {error}") from None
    if not reason.strip():
        raise UserError('--handed-in: say how it is known, such as --because "mail of 2 July"')
    if result.assignment not in course.settings().deadlines:
        raise UserError(f"--handed-in: course.yaml sets no deadline for {documents.shown(result.assignment)}; add it "
                        "under `deadlines:`")
    Gradebook(course.gradebook).say_handed_in(result, when, author=author, reason=reason, reports=reports)
    catch_up(course, reports)
    return Marked([], [], [filed_result(reports, group)])


@dataclass(frozen=True, slots=True)
class Told:
    """How a group's grade came about."""

    group: str
    entries: list[Entry]

    @classmethod
    def of(cls, course: Course, group: str) -> Told:
        """Read it from the gradebook.

        Raises:
            UserError: there is no gradebook, or it does not know the group.

        """
        if not course.gradebook.is_file():
            raise UserError(f"{course.gradebook}: there is no gradebook yet; `harness grade` begins one")
        book = Gradebook(course.gradebook)
        entries = history(book, group)
        if not entries:
            near = difflib.get_close_matches(group, book.groups(), n=1)
            hint = f"did you mean {near[0]}?" if near else "run `harness grade` on its hand-in first"
            raise UserError(f"{course.gradebook}: knows nothing of {documents.shown(group)}; {hint}")
        return cls(group, entries)

    def to_json(self) -> str:
        """Give the entries with the rows of the gradebook as one JSON object."""
        return json.dumps({"group": self.group, "entries": [asdict(one) for one in self.entries]}, indent=2,
                          ensure_ascii=False)

    def show(self, out: Console) -> None:
        """Print each entry with its time, and below it what changed or why."""
        out.print(f"[bold]{plain(self.group)}[/]")
        for one in self.entries:
            out.print(f"[dim]{plain(one.time[:16].replace('T', ' '))} UTC[/] [bold]{one.kind}[/] {plain(one.said)}",
                      soft_wrap=True)
            for line in one.details:
                out.print(Padding(plain(line), (0, 0, 0, 4)))

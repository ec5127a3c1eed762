"""Grade hand-ins, write their reports, and say how they ended."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.padding import Padding

from harness.batch import Done, InlineRunner, Runner, Task, note_failures, tasks_for
from harness.cli.exits import DONE, FAULTS, OURS, Stopped
from harness.cli.terminal import printed_json
from harness.course import Course
from harness.errors import HarnessFault, UserError
from harness.grading import Workshop, grade
from harness.records import GradeResult, HandIn, Outcome, TheoryResult

__all__ = ["Checked", "Graded", "check_one", "grade_all"]

logger = logging.getLogger(__name__)

MOST_IN_FULL = 8
"""Hand-ins whose criteria are all printed; of more, a line each."""


@dataclass(slots=True)
class Graded:
    """What a run over hand-ins made."""

    results: list[tuple[GradeResult, Path]] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)    # hand-in or page -> our own fault that stopped it
    index: Path | None = None

    @property
    def faulty(self) -> bool:
        """Whether a hand-in has faults of its own."""
        return any(_faulty(result) for result, _ in self.results)

    @property
    def ours(self) -> bool:
        """Whether the harness itself failed somewhere."""
        return bool(self.failed) or any(_failed_by_us(result) for result, _ in self.results)

    @property
    def exit_code(self) -> int:
        """DONE, FAULTS or OURS; our own fault first."""
        return OURS if self.ours else FAULTS if self.faulty else DONE

    def to_json(self) -> str:
        """Give the run as one JSON object: a line for each hand-in, and where its report is."""
        return json.dumps({
            "hand_ins": [_summary(result, report) for result, report in self.results],
            "failed": self.failed, "index": str(self.index) if self.index else None,
        }, indent=2)

    def show(self, out: Console) -> None:
        """Print points, faults and where the reports are."""
        from harness.cli.terminal import class_table, marks_table, plain, problems

        if len(self.results) > MOST_IN_FULL:
            out.print(class_table([result for result, _ in self.results]))
        for result, report in self.results if len(self.results) <= MOST_IN_FULL else ():
            out.print()
            if result.provenance.stand_in:
                out.print("[yellow]measured on garments, a stand-in for Fashion-MNIST: these points are no grade[/]")
            out.print(marks_table(result))
            for line in problems(result):
                out.print(Padding(line, (0, 0, 0, 2)))
            out.print(f"[dim]report[/] {plain(str(report))}", soft_wrap=True)
        for folder, message in self.failed.items():
            out.print(f"[magenta]fault of the harness[/] {plain(folder)}: {plain(message)}")
        if self.index:
            out.print(f"\n[bold]all reports[/] {plain(str(self.index))}", soft_wrap=True)


def _failed_by_us(result: GradeResult) -> bool:
    return any(fault.ours for model in result.measurements.values() for fault in model.faults)


def _faulty(result: GradeResult) -> bool:
    return bool(
        result.faults or result.theory.outcome is Outcome.SUBMISSION_FAULT
        or any(not fault.ours for model in result.measurements.values() for fault in model.faults)
    )


def _summary(result: GradeResult, report: Path) -> dict[str, object]:
    return {
        "group": result.group, "assignment": result.assignment, "points": result.marks.points,
        "max_points": result.marks.max_points, "open_points": result.marks.open_points,
        "stand_in": result.provenance.stand_in, "report": str(report), "result": str(report.with_name("result.json")),
        "models": {name: model.outcome for name, model in result.measurements.items()},
        "theory": result.theory.outcome,
        "faults": [
            {"kind": fault.kind, "stage": fault.stage, "model": fault.model, "message": fault.message}
            for fault in result.all_faults
        ],
        "flags": [flag.name for model in result.measurements.values() for flag in model.flags],
    }


def grade_all(
    folders: Sequence[Path], workshop: Workshop | None, reports: Path, *, quiet: bool,
    tasks: Sequence[Task] | None = None, runner: Runner | None = None, jobs: int = 1, course: Course | None = None,
) -> Graded:
    """Grade each folder; what goes wrong with one leaves the others as they are.

    Args:
        folders: the hand-ins.
        workshop: what they are graded with, where no runner is given.
        reports: the folder of all reports.
        quiet: whether nothing is shown meanwhile.
        tasks: the hand-ins as tasks, or some of them; made of `folders` where not given.
        runner: grades them elsewhere than in this process.
        jobs: how many it grades at a time, for the time that is left.
        course: whose reference models stand in the list of reports, where no workshop is given.

    Raises:
        UserError: another run is grading into the same folder of reports, or the course lacks something.
        Stopped: Ctrl-C; says what is kept and how to go on.

    """
    from harness.cli.alone import alone_in
    from harness.cli.live import board
    from harness.references import all_values
    from harness.report import write_index

    if runner is None:
        assert workshop is not None  # noqa: S101 - one of them is given
        runner = InlineRunner(workshop)
    tasks = tasks_for(folders, reports) if tasks is None else tasks
    graded, ends = Graded(), {}
    with alone_in(reports):
        try:
            with (
                board(tasks, jobs=jobs, quiet=quiet) as shown,
                contextlib.closing(runner.run(tasks, shown.tell)) as running,
            ):
                for done in running:
                    ends[done.group] = done
                    shown.end(done)
        except KeyboardInterrupt:
            raise Stopped(
                f"stopped with {len(ends)} of {len(tasks)} hand-ins graded; their reports are kept, and the same "
                "command goes on from there") from None
        finally:
            _take(graded, [ends[task.group] for task in tasks if task.group in ends], reports)
            if graded.results:
                with _ours(str(reports / "index.html"), graded):
                    place = workshop.course if workshop else course
                    graded.index = write_index(reports, references=partial(all_values, place) if place else None)
    return graded


def _take(graded: Graded, ends: Sequence[Done], reports: Path) -> None:
    """Sort the ends of tasks, in the order of the tasks, into results and failures, and remember the failures."""
    for done in ends:
        if done.result is not None and done.report is not None:
            graded.results.append((done.result, done.report))
        else:
            graded.failed[str(done.path)] = done.failed
    with contextlib.suppress(HarnessFault, UserError):      # a disk that is full: told of the reports already
        note_failures(
            reports, failed={done.path: done.failed for done in ends if done.failed},
            graded=[done.path for done in ends if not done.failed])


@contextlib.contextmanager
def _ours(what: str, graded: Graded) -> Iterator[None]:
    """Note what fails on our side (a full disk, no memory) beside what it was about, and go on."""
    try:
        yield
    except UserError:
        raise
    except HarnessFault as fault:
        graded.failed[what] = str(fault)
    except MemoryError:
        graded.failed[what] = "no memory left"
    except OSError as error:
        graded.failed[what] = f"the machine failed: {error}"
    except Exception as error:      # a mistake of our own in the list must not hide the grades
        logger.exception("writing %s failed", what)
        graded.failed[what] = f"{type(error).__name__}: {error}"


@dataclass(frozen=True, slots=True)
class Checked:
    """What a group's look at its own hand-in found."""

    result: GradeResult

    @property
    def exit_code(self) -> int:
        """DONE where nothing is to mend, else FAULTS or OURS."""
        return OURS if _failed_by_us(self.result) else FAULTS if _faulty(self.result) else DONE

    def to_json(self) -> str:
        """Give the whole result without its pictures, as one JSON object."""
        return printed_json(self.result, by_alias=True, exclude={
            "hand_in": {"page", "figures"}, "marks": True, "measurements": {"__all__": {"pictures", "clouds"}},
        })

    def show(self, out: Console) -> None:
        """Print what will be measured, what is missing, what was measured now, and what fails."""
        from harness.cli.terminal import measurements_table, plain, problems
        from harness.metrics import FAMILIES

        result = self.result
        if result.provenance.stand_in:
            out.print("[yellow]measured on garments, a stand-in for Fashion-MNIST: the numbers mean little[/]")
        for model in result.measurements.values():
            out.print(f"\n[bold]{plain(model.name)}[/] ({plain(model.source)}, route {plain(model.route)})")
            for note in model.notes:
                out.print(Padding(f"[dim]{plain(note)}[/]", (0, 0, 0, 2)))
            for family in FAMILIES:
                reason = model.not_applicable.get(family.name)
                measured = any(name.split(".")[0] == family.name for name in model.measurements)
                mark = "[dim]–[/]" if reason else "[green]✓[/]" if measured else "[red]✗[/]"
                why = f": {plain(reason)}" if reason else "" if measured else ": failed, see below"
                out.print(f"  {mark} {family.title}{why}")
            if model.measurements:
                out.print()
                out.print(measurements_table(model))
        out.print("\n[bold]Theory[/]")
        out.print(f"  {_answered(result.theory)}")
        out.print("\n[bold]Report[/]")
        for line in report_lines(result.hand_in):
            out.print(Padding(line, (0, 0, 0, 2)))
        out.print("\n[bold]What the rubric looks at[/]")
        for line in rubric_lines(result):
            out.print(Padding(line, (0, 0, 0, 2)))
        found = list(problems(result))
        out.print("\n[bold]To mend[/]" if found else "\n[green]no fault was found[/]")
        for line in found:
            out.print(Padding(line, (0, 0, 0, 2)))
        out.print("[dim]quick measurements on fewer images; the grade uses all of them[/]")


def report_lines(hand_in: HandIn) -> Iterator[str]:
    """Say what was read in the report, and how what it states compares with what was measured, as markup."""
    from harness.cli.terminal import plain

    if not hand_in.pages:
        yield "no PDF was read"
    else:
        own = ", ".join(map(str, hand_in.own_pages or [])) or "none found"
        yield f"{plain(hand_in.report)}, {hand_in.pages} page(s); the group's own: {own}"
        if hand_in.sections:
            yield f"headings: {plain(', '.join(one.title for one in hand_in.sections))}"
        yield f"link to the code: {plain(hand_in.code) or '[yellow]none found[/]'}"
        yield f"{len(hand_in.page_references)} reference(s), {len(hand_in.figures)} figure(s)"
    signs = {"agree": "[green]✓[/]", "differ": "[yellow]≠[/]"}
    for one in hand_in.stated:
        told = f"{signs.get(one.verdict, '[dim]·[/]')} it states {plain(one.name)} {plain(one.value)}: {one.verdict}"
        beside = f" ({plain(one.measured)})" if one.measured else ""
        yield f"{told}{beside}. {plain(one.why)}" if one.verdict != "not measured" else told
    for line in hand_in.text_missing:
        yield f"[yellow]·[/] {plain(line)}"
    for name, why in hand_in.left_out.items():
        yield f"[yellow]not copied[/] {plain(name)}: {plain(why)}"


def _answered(theory: TheoryResult) -> str:
    """Say how many statements were answered, and how many left open, without a word on right and wrong."""
    if not theory.statements:
        return "[yellow]the answers were not read, see below[/]"
    answers = [one.answer for one in theory.statements]
    open_ = sum(answer in {None, "abstain"} for answer in answers)
    left = f"; [yellow]{open_} left open, which gives no points[/]" if open_ else ""
    return f"{len(answers) - open_} of {len(answers)} statements answered{left}; nothing is said about right and wrong"


def rubric_lines(result: GradeResult) -> Iterator[str]:
    """Say of each criterion what there is for it, as markup; what is missing stands out."""
    from harness.cli.terminal import number, plain

    words = {
        Outcome.SCORED: "[green]✓[/] measured", Outcome.NEEDS_PERSON: "[green]✓[/] a person will mark it",
        Outcome.NOT_APPLICABLE: "[yellow]–[/] not applicable", Outcome.SUBMISSION_FAULT: "[red]✗[/] fails",
        Outcome.HARNESS_FAULT: "[magenta]![/] fault of the harness",
        Outcome.ENVIRONMENT: "[yellow]![/] needs a library that is not here",
        Outcome.NOT_HANDED_IN: "[red]✗[/] not handed in",
    }
    for part in result.marks.parts:
        for mark in part.criteria:
            if mark.measurement is None and mark.outcome is Outcome.SCORED:
                continue        # the theory, which has its own lines
            value = f": {number(mark.value)}" if mark.value is not None else ""
            anchors = f" (none {number(mark.none)}, full {number(mark.full)})" if mark.none is not None else ""
            said = words[mark.outcome]
            why = f": {plain(mark.reason)}" if mark.outcome is Outcome.NOT_HANDED_IN else ""
            yield f"{said}{value}{anchors if value else ''} · {plain(mark.title)}, {mark.max_points:g} points{why}"
    if not result.marks.parts:
        yield "[yellow]nothing: the hand-in could not be taken in, see below[/]"


def check_one(folder: Path, workshop: Workshop, *, quiet: bool) -> Checked:
    """Look at one hand-in as its group does: no report is written, nothing is kept."""
    from harness.cli.terminal import Stages, stages

    with stages(quiet=quiet) as progress:
        return Checked(grade(folder, workshop, progress=Stages(progress, group=folder.name)))

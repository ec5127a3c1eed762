"""How the program speaks on a terminal: consoles, progress, tables of results that fit 80 columns."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from harness.documents import counted, harmless
from harness.records import CriterionMark, GradeResult, ModelResult, Outcome, TheoryResult

__all__ = [
    "Stages", "class_table", "console", "marks_table", "measurements_table", "plain", "printed_json", "problems",
    "stages", "theory_table",
]


def plain(text: str) -> str:
    """Make text of a hand-in safe to print: no control characters, no bidirectional overrides, no markup."""
    return escape(harmless(text))


def printed_json(record: BaseModel, **options: Any) -> str:
    """Write a record as JSON for a terminal: what is not ASCII is escaped, so that it does nothing but show."""
    return json.dumps(json.loads(record.model_dump_json(**options)), indent=2)


def console(*, err: bool = False) -> Console:
    """Open a console; colours only on a terminal, 80 columns where the width cannot be known."""
    stream = sys.stderr if err else sys.stdout
    return Console(stderr=err, highlight=False, width=None if stream.isatty() else 80)


class Stages:
    """The progress of one hand-in: the stage under way, how far it is, how long it still takes."""

    def __init__(self, progress: Progress, *, group: str) -> None:
        self._progress = progress
        self._group = plain(group)
        self._stage = ""
        self._task = progress.add_task(self._group, total=None)

    def __call__(self, stage: str, share: float | None) -> None:
        """Show `stage` with `share` of it done; a new stage starts its own clock."""
        text = f"[bold]{self._group}[/] {plain(stage)}"
        if stage != self._stage:
            self._stage = stage
            self._progress.reset(self._task, total=None if share is None else 1.0, description=text)
        if share is not None:
            self._progress.update(self._task, total=1.0, completed=share, description=text)

    def end(self) -> None:
        """Take the line away."""
        self._progress.remove_task(self._task)


@contextmanager
def stages(*, quiet: bool = False) -> Iterator[Progress]:
    """Show progress on the error stream while the block runs: stage, bar, time gone, time left."""
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=20), TimeElapsedColumn(),
        TextColumn("left"), TimeRemainingColumn(compact=True), console=console(err=True), transient=True,
        disable=quiet or not sys.stderr.isatty(),
    ) as progress:
        yield progress


def number(value: float | None) -> str:
    """Four significant digits; a dash for none."""
    return "–" if value is None else f"{value:.4g}"


def _points(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


_OUTCOMES = {
    Outcome.SCORED: "", Outcome.NOT_APPLICABLE: "not applicable", Outcome.SUBMISSION_FAULT: "fault of the hand-in",
    Outcome.NEEDS_PERSON: "a person marks it", Outcome.HARNESS_FAULT: "fault of the harness",
    Outcome.ENVIRONMENT: "needs a library that is not here",
    Outcome.NOT_HANDED_IN: "not handed in",
}


def _table(title: str) -> Table:
    return Table(title=plain(title), title_justify="left", box=SIMPLE_HEAD, show_edge=False, pad_edge=False)


def _by_hand(mark: CriterionMark) -> str:
    if mark.by_hand is None:
        return ""
    if mark.by_hand.reopened:
        return f"to confirm: {_points(mark.by_hand.points)} by {mark.by_hand.author}"
    return f"by {mark.by_hand.author}: {mark.by_hand.reason}"


def marks_table(result: GradeResult) -> Table:
    """Lay out the points of one hand-in, criterion by criterion."""
    table = _table(f"{result.group} · {result.assignment}")
    table.add_column("Criterion", ratio=3)
    table.add_column("Points", justify="right", no_wrap=True)
    table.add_column("Measured", justify="right", no_wrap=True)
    table.add_column("", ratio=2)
    for part in result.marks.parts:
        table.add_row(f"[bold]{plain(part.title)}[/]", f"[bold]{_points(part.points)}/{_points(part.max_points)}[/]")
        for mark in part.criteria:
            note = _by_hand(mark) or _OUTCOMES[mark.outcome] or "; ".join(mark.flags)
            table.add_row(f"  {plain(mark.title)}", f"{_points(mark.points)}/{_points(mark.max_points)}",
                          number(mark.value) if mark.value is not None else "", plain(note))
    marks = result.marks
    if marks.late is not None:
        cost = f"−{_points(marks.late.points)}" if marks.late.points else ""
        table.add_row("[bold]Time of handing in[/]", cost, "", plain(marks.late.reason))
    still = f", {_points(marks.open_points)} still open" if marks.open_points else ""
    table.add_section()
    total = f"[bold]{_points(marks.points)}/{_points(marks.max_points)}[/]" if marks.parts else "[bold]no marks[/]"
    table.add_row("[bold]Total[/]", total, "", still.strip(", "))
    return table


def class_table(results: Sequence[GradeResult]) -> Table:
    """Lay out a class, a hand-in in a line."""
    table = _table("")
    table.add_column("Group", ratio=2)
    table.add_column("Points", justify="right", no_wrap=True)
    table.add_column("Open", justify="right", no_wrap=True)
    table.add_column("", ratio=3)
    for result in results:
        marks = result.marks
        kinds = dict.fromkeys(fault.kind for fault in result.all_faults)
        flags = sum(len(model.flags) for model in result.measurements.values())
        notes = [*kinds, *([counted(flags, "flag")] if flags else [])]
        if result.provenance.stand_in:
            notes.append("no grade: on garments")
        table.add_row(
            plain(result.group), f"{_points(marks.points)}/{_points(marks.max_points)}",
            _points(marks.open_points) if marks.open_points else "", plain(", ".join(notes)))
    return table


def measurements_table(model: ModelResult) -> Table:
    """Lay out what was measured of one model, each number beside its interval and its baselines."""
    from harness.metrics import FAMILIES, METRICS

    titles = {family.name: family.title for family in FAMILIES}
    table = _table(f"{model.name} · {model.source}")
    table.add_column("Measurement", ratio=3)
    table.add_column("Value", justify="right", no_wrap=True)
    table.add_column("95% interval", justify="right", no_wrap=True)
    table.add_column("Better", no_wrap=True)
    table.add_column("Baseline", ratio=2)
    family = ""
    for name, one in model.measurements.items():
        if name.partition(".")[0] != family:
            family = name.partition(".")[0]
            table.add_row(f"[bold]{titles.get(family, family)}[/]")
        span = f"{number(one.interval[0])}–{number(one.interval[1])}" if one.interval else ""
        beside = next(iter(one.baselines.items()), None)
        title = METRICS[name].title if name in METRICS else name
        table.add_row(title, number(one.value), span, {"neither": ""}.get(one.better, one.better),
                      f"{plain(beside[0])} {number(beside[1])}" if beside else "")
    return table


_VERDICTS = {"right": "green", "wrong": "red", "missing": "yellow", "unmarked": "yellow"}


def theory_table(theory: TheoryResult) -> Table:
    """Lay out the theory part: answer, verdict and points, and under each statement its why and argument."""
    from harness.quiz import rows

    marked = theory.points is not None
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for title in ("", "answer", "verdict", "points")[: 4 if marked else 3]:
        table.add_column(title, no_wrap=True, justify="right" if title == "points" else "left")
    table.add_column("statement", ratio=1)
    for row in rows(theory):
        colour = _VERDICTS.get(row.verdict.split(",")[0], "default")
        statement, *reasons = (plain(line) for line in row.details)
        details = "\n".join([statement, *(f"[dim]{reason}[/]" for reason in reasons)])
        verdict = plain(row.verdict).replace(", ", ",\n")
        cells = [plain(row.id), row.answer, f"[{colour}]{verdict}[/]", *([row.points] if marked else [])]
        table.add_row(*cells, details)
    return table


def problems(result: GradeResult) -> Iterator[str]:
    """Say every fault and flag of a hand-in in a line or two, as markup."""
    for fault in result.all_faults:
        where = f"{fault.model}, {fault.stage}" if fault.model else fault.stage
        colour = "magenta" if fault.ours else "red"
        yield f"[{colour}]{plain(fault.kind)}[/] ({plain(where)}): {plain(fault.message)}"
        if fault.hint:
            yield f"[dim]→[/] {plain(fault.hint)}"
    for problem in result.theory.problems:
        yield f"[yellow]theory[/]: {plain(problem)}"
    for model in result.measurements.values():
        for flag in model.flags:
            yield f"[yellow]look at[/] {plain(flag.name)} ({model.name}): {plain(flag.message)}"

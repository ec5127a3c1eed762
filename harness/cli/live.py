"""Shows a batch while it runs: a live table on a terminal, a line for each finished hand-in elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from harness.batch import Done, Task
from harness.cli.terminal import console, plain

__all__ = ["Board", "board", "duration", "outcome"]

WAITING, UNDER_WAY, ENDED = range(3)


@dataclass(slots=True)
class _Row:
    """What is shown of one hand-in."""

    task: Task
    state: int = WAITING
    begun: float = 0.0
    stage: str = ""
    share: float | None = None
    end: Done | None = None


@dataclass(slots=True)
class Board:
    """What is known of a batch while it runs. `tell` may be called from several threads.

    Attributes:
        jobs: how many hand-ins are graded at a time.
        lines: where a line is printed for each that is finished; None for nowhere.

    """

    tasks: Sequence[Task]
    jobs: int
    lines: Console | None = None
    _rows: dict[str, _Row] = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._rows = {task.group: _Row(task) for task in self.tasks}

    def tell(self, task: Task, stage: str, share: float | None) -> None:
        """Note what is being done with a hand-in."""
        with self._lock:
            row = self._rows[task.group]
            if row.state == WAITING:
                row.state, row.begun = UNDER_WAY, time.monotonic()
            row.stage, row.share = stage, share

    def end(self, done: Done) -> None:
        """Note how a hand-in ended."""
        with self._lock:
            row = self._rows[done.group]
            row.state, row.end = ENDED, done
        if self.lines:
            place = f"{self._count(ENDED)}/{len(self.tasks)}"
            said = Text.from_markup(outcome(done)).plain
            self.lines.print(
                f"{place} {plain(done.group)}: {plain(said)} ({duration(done.seconds)})", soft_wrap=True)

    def seconds_left(self) -> float | None:
        """Estimate the time until all are finished, by what those took that are; None before the first is."""
        took = [row.end.seconds for row in self._rows.values() if row.end]
        if not took:
            return None
        mean, now = sum(took) / len(took), time.monotonic()
        under_way = sum(max(0.0, mean - (now - row.begun)) for row in self._rows.values() if row.state == UNDER_WAY)
        return (mean * self._count(WAITING) + under_way) / self.jobs

    def _count(self, state: int) -> int:
        return sum(row.state == state for row in self._rows.values())

    def table(self, height: int) -> Group:
        """Lay out those under way, the last that ended, and the next that wait, in at most `height` lines."""
        with self._lock:
            rows = list(self._rows.values())
            left = self.seconds_left()
        by_state = [[row for row in rows if row.state == state] for state in (WAITING, UNDER_WAY, ENDED)]
        room = max(0, height - 5 - len(by_state[UNDER_WAY]))
        ended = by_state[ENDED][-max(room - len(by_state[WAITING]), room // 2):] if room else []
        waiting = by_state[WAITING][:room - len(ended)]
        chosen = {row.task.group for row in [*ended, *waiting, *by_state[UNDER_WAY]]}
        shown = [row for row in rows if row.task.group in chosen]
        table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, expand=True)
        for title, ratio in (("Hand-in", 2), ("", 4)):
            table.add_column(title, ratio=ratio, no_wrap=True, overflow="ellipsis")
        table.add_column("Time", justify="right", no_wrap=True)
        for row in shown:
            table.add_row(*_cells(row))
        rest = f", {duration(left)} left" if left is not None and len(by_state[ENDED]) < len(rows) else ""
        foot = f"{len(by_state[ENDED])} of {len(rows)} graded, {len(by_state[UNDER_WAY])} under way{rest}"
        return Group(table, Text(foot, style="dim"))


def _cells(row: _Row) -> tuple[str, str, str]:
    name = plain(row.task.group)
    if row.end:
        return name, outcome(row.end), duration(row.end.seconds)
    if row.state == WAITING:
        return f"[dim]{name}[/]", "[dim]waits[/]", ""
    share = "" if row.share is None else f" [dim]{row.share:.0%}[/]"
    return f"[bold]{name}[/]", f"{plain(row.stage)}{share}", duration(time.monotonic() - row.begun)


def outcome(done: Done) -> str:
    """Say in a few words how a hand-in ended, as markup."""
    if done.result is None:
        return f"[magenta]fault of the harness[/]: {plain(done.failed)}"
    marks, faults = done.result.marks, list(done.result.all_faults)
    still = f", {marks.open_points:g} open" if marks.open_points else ""
    points = f"{marks.points:g} of {marks.max_points:g} points{still}" if marks.parts else "no marks"
    kinds = ", ".join(dict.fromkeys(fault.kind for fault in faults))
    colour = "magenta" if any(fault.ours for fault in faults) else "red"
    return f"{points}; [{colour}]{plain(kinds)}[/]" if kinds else points


def duration(seconds: float) -> str:
    """Write a time as 41 s, 3:05 min or 2:10 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    return f"{whole // 60}:{whole % 60:02} min" if whole < 3600 else f"{whole // 3600}:{whole % 3600 // 60:02} h"


@contextmanager
def board(tasks: Sequence[Task], *, jobs: int, quiet: bool) -> Iterator[Board]:
    """Show a batch on the error stream while the block runs: a table on a terminal, else lines where there are several.

    Args:
        tasks: the hand-ins.
        jobs: how many are graded at a time.
        quiet: whether nothing is shown.

    """
    out = console(err=True)
    if quiet or not sys.stderr.isatty():
        yield Board(tasks, jobs, None if quiet or len(tasks) < 2 else out)
        return
    shown = Board(tasks, jobs)
    with Live(
        console=out, get_renderable=lambda: shown.table(out.height), refresh_per_second=4, transient=True,
    ):
        yield shown

"""`harness grade` over many hand-ins: which of them, how many at a time, and what would be done."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from harness.batch import (
    KeptFirst,
    LocalRunner,
    Planned,
    Settings,
    Task,
    cores,
    failures_in,
    free_memory,
    jobs_for,
    plan,
    seconds_of,
    store_of,
)
from harness.cli.live import duration
from harness.cli.running import Graded, grade_all
from harness.cli.terminal import console, plain
from harness.documents import counted
from harness.workshop import Workshop

__all__ = ["grade_tasks", "jobs_of", "planned", "show_plan"]


def planned(
    tasks: Sequence[Task], workshop: Workshop, reports: Path, *, changed: bool, only_failed: bool,
) -> list[Planned]:
    """Look at every hand-in, and choose those that the options ask for; with neither option, all."""
    failures, known = failures_in(reports), seconds_of(store_of(workshop.course))
    found = [plan(task, workshop, failures=failures, known=known) for task in tasks]
    if not changed and not only_failed:
        return found
    return [one for one in found if (changed and one.changed) or (only_failed and one.failed)]


def jobs_of(tasks: Sequence[Task], settings: Settings, wanted: int | None) -> int:
    """Give how many hand-ins are graded at a time: as many as were asked for, else as the machine can take."""
    if wanted is not None:
        return max(1, min(wanted, len(tasks)))
    return jobs_for(
        len(tasks), cores=cores(), memory=free_memory(), threads=settings.budget.limits.threads,
        training=any(task.trains for task in tasks))


def grade_tasks(
    tasks: Sequence[Task], workshop: Workshop, settings: Settings, reports: Path, *, jobs: int | None, quiet: bool,
) -> Graded:
    """Grade the hand-ins in as many processes as there are jobs; with one job, in this one."""
    if not tasks:
        if not quiet:
            console().print("nothing to grade: every report is what would come out now")
        return Graded()
    number = jobs_of(tasks, settings, jobs)
    if number == 1:
        return grade_all([], workshop, reports, quiet=quiet, tasks=tasks)
    busy = number * settings.budget.limits.threads
    if busy > cores() and any(task.trains for task in tasks) and not quiet:
        console(err=True).print(
            f"[yellow]--jobs {number}[/]: trainings share the {counted(cores(), 'core')} of this machine, and their "
            "deadline is of wall clock; `--jobs auto` gives each its own")
    own = settings.model_copy(update={"threads": max(1, cores() // number)})
    runner = KeptFirst(workshop, LocalRunner(own, jobs=number))
    return grade_all([], workshop, reports, quiet=quiet, tasks=tasks, runner=runner, jobs=number)


def show_plan(plans: Sequence[Planned], jobs: int, *, as_json: bool) -> None:
    """Print what would be made anew, why, and how long that would take."""
    known = [one.seconds for one in plans if one.seconds is not None]
    unknown = len(plans) - len(known)
    seconds = sum(known) / jobs
    if as_json:
        typer.echo(json.dumps({
            "hand_ins": [{
                "path": str(one.task.path), "group": one.task.group, "stages": one.stages, "why": one.why,
                "seconds": one.seconds,
            } for one in plans],
            "jobs": jobs, "seconds": round(seconds, 1), "unknown": unknown,
        }, indent=2))
        return
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("Hand-in", ratio=2)
    table.add_column("Made anew", ratio=2)
    table.add_column("Why", ratio=4)
    table.add_column("About", justify="right", no_wrap=True)
    for one in plans:
        time = "?" if one.seconds is None else duration(one.seconds)
        table.add_row(plain(one.task.group), plain(", ".join(one.stages)) or "[dim]nothing[/]", plain(one.why), time)
    out = console()
    out.print(table)
    rest = f", and {unknown} of which nothing like it was graded before" if unknown else ""
    out.print(f"{counted(len(plans), 'hand-in')}, {jobs} at a time: about {duration(seconds)}{rest}", soft_wrap=True)

"""`harness grade --cluster slurm`: the same run, with jobs on a cluster in place of processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from harness.batch import KeptFirst, Settings, Task, open_workshop, tasks_for
from harness.cli.exits import Stopped
from harness.cli.running import Graded, grade_all
from harness.cli.terminal import console, plain
from harness.cluster import SlurmRunner, cancel, folder_of, wants
from harness.course import Course
from harness.data import Dataset
from harness.documents import counted
from harness.errors import BoxUnavailable
from harness.workshop import Workshop

__all__ = ["cancelled", "grade_in_jobs", "workshop_if_any"]


def workshop_if_any(settings: Settings, *, data: Callable[[], Dataset]) -> Workshop | None:
    """Open a workshop, for what the store holds already; None where this machine may run no box, as the nodes may."""
    try:
        return open_workshop(settings, data=data)
    except BoxUnavailable:
        return None


def grade_in_jobs(
    tasks: Sequence[Task], workshop: Workshop | None, settings: Settings, reports: Path, *, quiet: bool,
    every: float = 5.0,
) -> Graded:
    """Grade the hand-ins in jobs; those that were submitted before are taken up.

    Raises:
        UserError: Slurm takes no such jobs, or another run is grading into the same folder of reports.
        Stopped: Ctrl-C; says that the jobs go on.

    """
    course = Course(settings.course)
    cluster = course.settings().cluster
    wanted = wants(
        cluster, settings.budget, device=settings.device, training=any(task.trains for task in tasks))
    slurm = SlurmRunner(
        folder_of(course, reports), wanted, every=every,
        warn=lambda text: console(err=True).print(f"[yellow]{plain(text)}[/]", soft_wrap=True))
    runner = KeptFirst(workshop, slurm) if workshop else slurm
    if not quiet:
        jobs = counted(len(tasks), "hand-in")
        console(err=True).print(f"[dim]{jobs} for Slurm; Ctrl-C leaves the jobs running[/]", soft_wrap=True)
    try:
        return grade_all(
            [], workshop, reports, quiet=quiet, tasks=tasks, runner=runner, jobs=min(cluster.jobs, len(tasks)),
            course=course)
    except Stopped:
        raise Stopped(
            "stopped waiting; the jobs go on, the same command takes them up, and with --cancel it cancels them"
        ) from None


def cancelled(folders: Sequence[Path], course: Course, reports: Path) -> str:
    """Cancel the jobs of some hand-ins; say how many they were."""
    return cancel(folder_of(course, reports), [task.group for task in tasks_for(folders, reports)])

"""What runs in a job: one hand-in, graded as anywhere else; how it ended is left in a file for whoever asks."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import NoReturn

from harness.batch import Done, Task, run_task
from harness.course import Course
from harness.data import cache_folder
from harness.documents import counted
from harness.records import GradeResult
from harness.report.render import folder_name, write_atomically
from harness.workshop import Keep

__all__ = ["MOST_RESTARTS", "TIME_OVER", "grade_here", "result_file", "stage_file"]

MOST_RESTARTS = 5       # by Slurm, of a job that was preempted or lost its node
SECONDS_BETWEEN = 1.0   # messages on what is being done: a shared file system is not to be written to without need
REMEDY = "free space in the course folder and grade again"
KILLED_BY_TERM = 143    # as shells say it

TIME_OVER = (
    "came to the end of its time; raise `time` below `cluster:` in course.yaml and grade again "
    "(stages that were finished are kept)")


class _Stopped(BaseException):
    """Slurm has told the job to end, by this signal."""

    def __init__(self, number: int) -> None:
        super().__init__(f"Slurm sent {signal.Signals(number).name}")
        self.warned = number == signal.SIGUSR2


def grade_here(task_json: str, end: str, seconds: float) -> None:
    """Grade a hand-in and write its `Done`; a job that is preempted writes none, and is started again by Slurm.

    Args:
        task_json: the `Task`, with its settings.
        end: the file for its `Done`.
        seconds: after the start from which on a warning means that the time is up; before, that others take the node.

    """
    began = time.monotonic()
    task = Task.model_validate_json(task_json)
    restarts = int(os.environ.get("SLURM_RESTART_COUNT", "0"))
    told = f"job {_number()} on {socket.gethostname()}"
    _settle()
    if restarts > MOST_RESTARTS:
        done = Done(path=task.path, group=task.group, failed=(
            f"{told} was interrupted by Slurm {counted(restarts, 'time')} before it could end; "
            "grade again where jobs are not preempted"))
    else:
        try:
            _listen()
            done = run_task(task, progress=_Teller(stage_file(Path(end))), write=partial(_leave, Path(end)))
        except _Stopped as stopped:
            if not stopped.warned or time.monotonic() - began < seconds:
                raise SystemExit(KILLED_BY_TERM) from None      # cancelled or preempted: Slurm knows what is next
            done = Done(path=task.path, group=task.group, seconds=round(time.monotonic() - began, 3), failed=(
                f"{told} {TIME_OVER}"))
    _ignore()
    write_atomically(Path(end), done.model_dump_json(by_alias=True), remedy=REMEDY)


def result_file(end: Path) -> Path:
    """Give where a job leaves the whole result."""
    return end.with_suffix(".result")


def _leave(
    end: Path, result: GradeResult, course: Course, reports: Path, *, keep: Keep | None = None,
) -> tuple[GradeResult, Path]:
    """Leave a result for whoever waits: the gradebook is a database, which many machines must not write at once."""
    del course, keep
    write_atomically(result_file(end), result.model_dump_json(by_alias=True), remedy=REMEDY)
    return result, reports / folder_name(result.group) / "index.html"


def stage_file(end: Path) -> Path:
    """Give where a job says what it is doing."""
    return end.with_suffix(".stage")


def _number() -> str:
    array, place = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{place}" if array else os.environ.get("SLURM_JOB_ID", "?")


def _listen() -> None:
    """End what is under way, and its boxes with it, when Slurm says so; submitit would go on, or submit again."""
    def stop(number: int, _frame: object) -> NoReturn:
        _ignore()       # the second of two signals must not cut short what the first has begun
        raise _Stopped(number)

    for number in (signal.SIGTERM, signal.SIGUSR2):
        signal.signal(number, stop)


def _ignore() -> None:
    for number in (signal.SIGTERM, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)


def _settle() -> None:
    """Make do where the node lacks the temporary folder or the home of the machine that submitted the job."""
    if not os.access(os.environ.get("TMPDIR", "/"), os.W_OK | os.X_OK):
        os.environ.pop("TMPDIR", None)
        tempfile.tempdir = None
    try:
        cache_folder().mkdir(parents=True, exist_ok=True, mode=0o700)
        usable = os.access(cache_folder(), os.W_OK | os.X_OK)
    except (OSError, RuntimeError):     # RuntimeError: this user has no home here
        usable = False
    if not usable:
        os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="harness-cache-")


class _Teller:
    """Writes what is being done into a file, now and then."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stage = ""
        self._next = 0.0

    def __call__(self, stage: str, share: float | None) -> None:
        now = time.monotonic()
        if stage == self._stage and now < self._next:
            return
        self._stage, self._next = stage, now + SECONDS_BETWEEN
        half = self._path.with_suffix(".half")
        with contextlib.suppress(OSError):
            half.write_text(json.dumps({"stage": stage, "share": share}), encoding="utf-8")
            half.replace(self._path)

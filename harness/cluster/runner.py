"""Has hand-ins graded by jobs on a cluster, and waits for them; it may be killed and started again at any time."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.batch import Done, Task, Tell, store_of, write_result
from harness.batch.log import LOG, TAIL_LINES, Log
from harness.cluster.job import TIME_OVER, grade_here, result_file, stage_file
from harness.cluster.slurm import RUNNING, Job, Place, Silent, cancel_jobs, jobs_named, log_of, submit
from harness.cluster.state import Entry, State, folder_of, key_of
from harness.cluster.wants import warned_after
from harness.course import Course
from harness.documents import counted, harmless
from harness.errors import HarnessFault, UserError
from harness.records import GradeResult
from harness.report.render import folder_name

__all__ = ["ENDS", "MOST_ATTEMPTS", "SlurmRunner", "cancel", "folder_of"]

MOST_ATTEMPTS = 3
"""How often a hand-in is submitted whose jobs are lost through no fault of its own."""

ENDS: Mapping[str, tuple[str, bool]] = {
    "CANCELLED": ("was cancelled; grade again to submit it anew", False),
    "TIMEOUT": (TIME_OVER, False),
    "DEADLINE": ("could not end before its deadline", False),
    "OUT_OF_MEMORY": (
        "was ended because its memory ran out; raise `memory` below `cluster:` in course.yaml and grade again", False),
    "PREEMPTED": ("was preempted by other jobs", True),
    "NODE_FAIL": ("lost its node", True),
    "BOOT_FAIL": ("lost its node", True),
    "FAILED": ("died", True),
    "COMPLETED": ("ended without a result", True),
}
"""State of Slurm -> what became of a job that left no end, and whether another job is likely to do better.

None of them is the group's: what is, ends in the box, and leaves a result.
"""

USUAL = frozenset({"", "None", "Priority", "Resources", "JobArrayTaskLimit", "BeginTime", "Cleaning"})
"""Why jobs wait that only need patience."""

SECONDS_OF_SILENCE = 600.0      # of Slurm's controller, after which the program gives up; the jobs do not


class SlurmRunner:
    """Grades each task in a job of its own; leaving early leaves the jobs as they are.

    Args:
        folder: what is known of the jobs, on a file system that the nodes share.
        wanted: what each job asks for; see `harness.cluster.wants`.
        every: seconds between looks at the queue.
        grace: seconds that a file may take from a node to here.
        warn: told, once for each reason, why jobs may wait for ever.

    """

    def __init__(
        self, folder: Path, wanted: Mapping[str, Any], *, every: float = 5.0, grace: float = 45.0,
        warn: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._folder = folder
        self._wanted = wanted
        self._every = every
        self._grace = grace
        self._warn = warn
        self._warned: set[str] = set()

    def run(self, tasks: Sequence[Task], tell: Tell) -> Generator[Done, None, None]:
        """Grade every task; jobs that were submitted for it before are taken up."""
        state = State(self._folder)
        watch = _Watch(state, self._grace)
        watch.look([state.jobs[task.group] for task in tasks if task.group in state.jobs], patience=0.0)
        self._submit(state, [(task, 1) for task in tasks if not watch.goes_on(task)], watch)
        waiting = {task.group: task for task in tasks}
        while waiting:
            watch.look([state.jobs[group] for group in waiting])
            again = []
            for group, task in list(waiting.items()):
                done = watch.end_of(task)
                if isinstance(done, Done):
                    if done.wrong_use:
                        _drop(state, watch, list(waiting))
                        raise UserError(done.wrong_use)
                    yield _filed(done, task, state.end_of(state.jobs[group]))
                    # Only now: whoever is killed before has the next one take it up.
                    state.forget([group])
                    del waiting[group]
                elif done is not None:
                    again.append((task, done + 1))
                else:
                    entry = state.jobs[group]
                    self._tell(task, state.end_of(entry), watch.job(entry), tell)
            self._submit(state, again, watch)
            if waiting:
                time.sleep(self._every)

    def _submit(self, state: State, tasks: Sequence[tuple[Task, int]], watch: _Watch) -> None:
        if not tasks:
            return
        old = [task.group for task, _ in tasks if task.group in state.jobs]
        if old:
            _drop(state, watch, old)
        name, ends = state.begin(tasks)
        minutes = self._wanted["time"]
        try:
            submit(
                name, state.scripts, self._wanted, grade_here, [task.model_dump_json() for task, _ in tasks],
                [str(end) for end in ends], [warned_after(minutes)] * len(tasks))
        except UserError:
            state.forget([task.group for task, _ in tasks])
            raise


    def _tell(self, task: Task, end: Path, job: Job | None, tell: Tell) -> None:
        """Pass on what a job is doing, or why it has to wait where that takes more than patience."""
        if job is not None and job.state in RUNNING:
            stage, share = f"starting on {job.node}", None
            with contextlib.suppress(OSError, ValueError):
                told = json.loads(stage_file(end).read_bytes())
                stage, share = str(told["stage"]), told["share"]
            tell(task, stage, share)
        elif job is not None and job.reason not in USUAL | self._warned:
            self._warned.add(job.reason)
            self._warn(
                f"Slurm lets job {job.number} wait ({harmless(job.reason)}); where that does not pass, see `cluster:` "
                "in course.yaml, or ask those who run the cluster")


class _Watch:
    """What Slurm said of the jobs the last times."""

    def __init__(self, state: State, grace: float) -> None:
        self._state = state
        self._grace = grace
        self._jobs: dict[Place, Job] = {}
        self._over: dict[Place, float] = {}     # since when a job is not there any more
        self._heard = time.monotonic()

    def look(self, entries: Sequence[Entry], *, patience: float = SECONDS_OF_SILENCE) -> None:
        """Ask Slurm.

        Raises:
            HarnessFault: it has said nothing for so many seconds.

        """
        now = time.monotonic()
        try:
            self._jobs |= (found := jobs_named(entry.name for entry in entries))
        except Silent as silent:
            if now - self._heard >= patience:
                raise HarnessFault(
                    f"Slurm gives no answer ({harmless(str(silent))}); the jobs go on, and the same command takes "
                    "them up") from silent
            return
        self._heard = now
        for place in [entry.place for entry in entries]:
            if place in found and not found[place].is_over:
                self._over.pop(place, None)
            else:
                self._over.setdefault(place, now)

    def job(self, entry: Entry) -> Job | None:
        """Give what Slurm said of a job last; None where it never said anything."""
        return self._jobs.get(entry.place)

    def goes_on(self, task: Task) -> bool:
        """Whether a job that was submitted before is as good as one that would be submitted now."""
        entry = self._state.jobs.get(task.group)
        if entry is None or entry.key != key_of(task):
            return False
        job = self.job(entry)
        return self._state.end_of(entry).is_file() or (job is not None and job.state != "CANCELLED")

    def end_of(self, task: Task) -> Done | int | None:
        """Give how a task ended, the number of attempts where it has to be submitted again, None while it goes on."""
        entry = self._state.jobs[task.group]
        done = self._state.done(entry)
        if done is not None:
            return done
        since = self._over.get(entry.place)
        if since is None or time.monotonic() - since < self._grace:
            return None
        job = self.job(entry)
        state = job.state if job and job.is_over else ""
        what, again = ENDS.get(state, ("is gone", True))
        if again and entry.attempt < MOST_ATTEMPTS:
            return entry.attempt
        return self._failed(task, job, what if not again else f"{what}, as did those before it")

    def _failed(self, task: Task, job: Job | None, what: str) -> Done:
        """Say what became of a job, here and with the end of what it printed in the log of the hand-in."""
        number = job.number if job else "of unknown number"
        node = f" on {job.node}" if job and job.node else ""
        printed = log_of(self._state.scripts, number)
        message = f"job {number}{node} {what} (Slurm: {job.state if job else 'unknown'}); its log: {printed}"
        log = Log(task.reports / folder_name(task.group) / LOG, str(task.path))
        log.line(f"not graded: {message}")
        with contextlib.suppress(OSError):
            for line in printed.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]:
                log.line(f"    | {line}")
        return Done(path=task.path, group=task.group, failed=harmless(message))


def _filed(done: Done, task: Task, end: Path) -> Done:
    """Note in the gradebook what a job has found, and write its report; a job does neither."""
    if done.result is None or task.settings is None:
        return done
    course = Course(task.settings.course)
    try:
        whole = GradeResult.model_validate_json(result_file(end).read_bytes())
        keep = store_of(course) if task.settings.keep else None
        result, report = write_result(whole, course, task.reports, keep=keep)
    except (HarnessFault, OSError, ValidationError) as error:
        return done.model_copy(update={"result": None, "report": None, "failed": str(error)})
    return done.model_copy(update={"result": result.without_pictures(), "report": report})


def _drop(state: State, watch: _Watch, groups: Sequence[str]) -> None:
    """Cancel the jobs of some hand-ins, and forget them."""
    jobs = [job for group in groups if (job := watch.job(state.jobs[group]))]
    with contextlib.suppress(Silent):
        cancel_jobs(jobs)
    state.forget(groups)


def cancel(folder: Path, groups: Sequence[str]) -> str:
    """Cancel the jobs of some hand-ins that are waiting or under way; say how many they were.

    Raises:
        HarnessFault: Slurm gives no answer.

    """
    state = State(folder)
    entries = [state.jobs[group] for group in groups if group in state.jobs]
    try:
        found = jobs_named(entry.name for entry in entries)
        jobs = [job for entry in entries if (job := found.get(entry.place)) and not job.is_over]
        cancel_jobs(jobs)
    except Silent as silent:
        raise HarnessFault(f"nothing could be cancelled: Slurm says: {harmless(str(silent))}") from silent
    return f"{counted(len(jobs), 'job')} cancelled" if jobs else "no job of these hand-ins is waiting or under way"

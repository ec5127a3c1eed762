"""What is known of the jobs of a folder of reports, in `.harness/cluster/RUN/jobs.json`, whoever submitted them.

It is written before a job is submitted, so that there is no moment at which a program that is killed leaves a job
which nobody knows.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import ValidationError

from harness.batch import Done, Task
from harness.cluster.slurm import Place
from harness.course import Course
from harness.records import Record
from harness.report.render import write_atomically

__all__ = ["Entry", "State", "folder_of", "key_of"]

REMEDY = "free space in the course folder"


class Entry(Record):
    """A hand-in that was submitted.

    Attributes:
        key: of what is graded, and how.
        name: of the submission, which its jobs bear.
        index: the place in its array.
        attempt: how often it was submitted, with this one.

    """

    key: str
    name: str
    index: int
    attempt: int = 1

    @property
    def place(self) -> Place:
        """By which Slurm knows it."""
        return self.name, self.index


class _File(Record):
    jobs: Mapping[str, Entry]       # by the name that its report is filed under


class State:
    """The jobs of one folder of reports; whoever holds that folder may change them.

    Args:
        folder: made when the first job is submitted.

    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.jobs = self._read()

    def begin(self, tasks: Iterable[tuple[Task, int]]) -> tuple[str, list[Path]]:
        """Note that tasks are about to be submitted, each with how often; give the name and the file of each end."""
        name = f"harness-{secrets.token_hex(4)}"
        entries = [
            (task, Entry(key=key_of(task), name=name, index=index, attempt=attempt))
            for index, (task, attempt) in enumerate(tasks)]
        self.jobs |= {task.group: entry for task, entry in entries}
        self._save()
        return name, [self.end_of(entry) for _, entry in entries]

    def forget(self, groups: Iterable[str]) -> None:
        """Forget jobs whose ends have been taken, or that will not be waited for."""
        for group in groups:
            entry = self.jobs.pop(group, None)
            if entry is not None:
                for left in self.end_of(entry).parent.glob(f"{entry.name}-{entry.index}.*"):
                    left.unlink(missing_ok=True)
        self._save()
        if not self.jobs:       # the logs are kept: messages name them
            for left in [*self.scripts.glob("*.pkl"), *self.scripts.glob(".submission_file_*")]:
                left.unlink(missing_ok=True)

    def end_of(self, entry: Entry) -> Path:
        """Give the file in which a job leaves how it ended."""
        return self.folder / "ends" / f"{entry.name}-{entry.index}.json"

    def done(self, entry: Entry) -> Done | None:
        """Give how a job ended; None where it has not, or has left nothing."""
        try:
            return Done.model_validate_json(self.end_of(entry).read_bytes())
        except (FileNotFoundError, ValidationError):    # it has not ended, or another version has written this
            return None

    @property
    def scripts(self) -> Path:
        """Where scripts and logs of jobs lie."""
        return self.folder / "slurm"

    def _read(self) -> dict[str, Entry]:
        try:
            return dict(_File.model_validate_json((self.folder / "jobs.json").read_bytes()).jobs)
        except (FileNotFoundError, ValidationError):    # another version's: its jobs are not taken up
            return {}

    def _save(self) -> None:
        for folder in (self.folder / "ends", self.scripts):
            folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self.folder / "jobs.json", _File(jobs=self.jobs).model_dump_json(indent=1), remedy=REMEDY)


def folder_of(course: Course, reports: Path) -> Path:
    """Give the folder of the jobs that write into a folder of reports."""
    run = hashlib.sha256(str(reports.resolve()).encode()).hexdigest()[:12]
    return course.root / ".harness" / "cluster" / run


def key_of(task: Task) -> str:
    """Name what is graded, and how: a job that was submitted for another state of the hand-in is of no use."""
    digest = hashlib.sha256(task.model_dump_json().encode())
    files = sorted(task.path.rglob("*")) if task.path.is_dir() else [task.path]
    for file in files:
        if file.is_file():
            facts = file.stat()
            digest.update(f"{file}\0{facts.st_size}\0{facts.st_mtime_ns}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()

"""One hand-in of a batch: the task as plain data, and how it is done, in this process or in another."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Protocol

from harness.batch.log import log_in
from harness.batch.opening import Settings, open_workshop
from harness.course import Course
from harness.errors import HarnessFault, Rejected, UserError
from harness.evidence import Progress
from harness.gradebook import file_result
from harness.grading import grade
from harness.records import Fault, GradeResult, Record
from harness.report import write_report
from harness.report.render import folder_name
from harness.submissions import glance
from harness.workshop import Keep, Workshop, code_of

__all__ = ["Done", "Task", "recall_task", "run_task", "tasks_for", "write_result"]

logger = logging.getLogger(__name__)


class Write(Protocol):
    """Takes a result to where it belongs; see `write_result`."""

    def __call__(
        self, result: GradeResult, course: Course, reports: Path, *, keep: Keep | None = None,
    ) -> tuple[GradeResult, Path]: ...


class Task(Record):
    """A hand-in that is to be graded.

    Attributes:
        path: the folder or archive.
        reports: the folder of all reports.
        named: the group that the hand-in names.
        group: the name that its report is filed under; another one where a hand-in before it names the same group.
        trains: whether a model of it is trained.
        settings: makes the workshop, where none is given.

    """

    path: Path
    reports: Path
    named: str
    group: str
    trains: bool = False
    settings: Settings | None = None


class Done(Record):
    """How a task ended: with a result and a report, or with what went wrong on our side.

    Attributes:
        result: without its pictures, so that those of a large class can be held at once.
        failed: the harness's own fault, where there is no result.
        wrong_use: what the person at the terminal has to mend before anything can be graded.

    """

    path: Path
    group: str
    result: GradeResult | None = None
    report: Path | None = None
    failed: str = ""
    wrong_use: str = ""
    seconds: float = 0.0


def tasks_for(paths: Sequence[Path], reports: Path, settings: Settings | None = None) -> list[Task]:
    """Name each hand-in's report before anything is graded, so that the order of finishing decides nothing."""
    seen = [glance(path) for path in paths]
    taken = {one.group for one in seen}
    used: set[str] = set()
    tasks = []
    for path, (name, trains) in zip(paths, seen, strict=True):
        group = name
        if name in used:
            group = next(other for number in count(2) if (other := f"{name}-{number}") not in taken)
        used.add(group)
        taken.add(group)
        tasks.append(Task(path=path, reports=reports, named=name, group=group, trains=trains, settings=settings))
    return tasks


def run_task(
    task: Task, workshop: Workshop | None = None, *, progress: Progress = lambda _stage, _share: None,
    write: Write | None = None,
) -> Done:
    """Grade one hand-in and write its report and its log; whatever goes wrong is told in what is given.

    Args:
        task: what is to be graded.
        workshop: data, box, judges and settings; opened from the task's settings, once per process, where not given.
        progress: told what is being done.
        write: takes the result to where it belongs, in place of `write_result`.

    """
    begun = time.monotonic()
    done = Done(path=task.path, group=task.group)
    try:
        shop = workshop or _opened(_settings_of(task))
        result, report = _graded(task, shop, progress, write or write_result)
        done = done.model_copy(update={"result": result.without_pictures(), "report": report})
    except UserError as error:
        done = done.model_copy(update={"wrong_use": str(error)})
    except HarnessFault as fault:
        done = done.model_copy(update={"failed": str(fault)})
    except MemoryError:
        done = done.model_copy(update={"failed": "no memory left"})
    except OSError as error:
        done = done.model_copy(update={"failed": f"the machine failed: {error}"})
    except Exception as error:      # a mistake of our own, met in one hand-in, must not cost the others their grade
        logger.exception("grading %s failed", task.path)
        done = done.model_copy(update={"failed": f"{type(error).__name__}: {error}"})
    return done.model_copy(update={"seconds": round(time.monotonic() - begun, 3)})


class _NotThere(Exception):  # noqa: N818 - says that a result has to be made, which is no error
    """A stage that the store does not hold."""


class _OnlyKept:
    """A store that makes nothing."""

    def __init__(self, keep: Keep) -> None:
        self._keep = keep

    def recall(self, stage: str, inputs: Mapping[str, str], make: Callable[[], bytes]) -> bytes:
        def refuse() -> bytes:
            raise _NotThere

        del make
        return self._keep.recall(stage, inputs, refuse)

    def holds(self, stage: str, inputs: Mapping[str, str]) -> bool:
        return self._keep.holds(stage, inputs)


def recall_task(task: Task, workshop: Workshop) -> Done | None:
    """Grade a hand-in of which every stage is in the store; None where one is not, or anything goes wrong."""
    if workshop.keep is None:
        return None
    begun = time.monotonic()
    try:
        result = _filed(grade(task.path, replace(workshop, keep=_OnlyKept(workshop.keep))), task)
        with log_in(task.reports / folder_name(task.group), str(task.path)) as log:
            log.line("every stage is in the store")
            result, report = write_result(result, workshop.course, task.reports, keep=workshop.keep)
            log.end(result)
    except (_NotThere, UserError, HarnessFault, OSError, MemoryError):
        return None         # whoever makes what is missing says what is wrong
    seconds = round(time.monotonic() - begun, 3)
    return Done(path=task.path, group=task.group, result=result.without_pictures(), report=report, seconds=seconds)


def _settings_of(task: Task) -> Settings:
    if task.settings is None:
        raise HarnessFault(f"nothing says how {task.path} is to be graded")
    return task.settings


_workshops: dict[str, Workshop] = {}


def _opened(settings: Settings) -> Workshop:
    name = settings.model_dump_json()
    if name not in _workshops:
        _workshops.clear()      # one at a time: its data and judges are large
        _workshops[name] = open_workshop(settings)
    return _workshops[name]


def _graded(task: Task, workshop: Workshop, progress: Progress, write: Write) -> tuple[GradeResult, Path]:
    with log_in(task.reports / folder_name(task.group), f"{task.path}, {workshop.budget.name} budget") as log:
        def tell(stage: str, share: float | None) -> None:
            log.stage(stage, share)
            progress(stage, share)

        result = _filed(grade(task.path, workshop, progress=tell), task)
        tell("writing the report", None)
        result, report = write(result, workshop.course, task.reports, keep=workshop.keep)
        log.end(result)
    return result, report


def _filed(result: GradeResult, task: Task) -> GradeResult:
    """File a result under the name that was set aside for it, and say so where another hand-in has its own."""
    if task.group == task.named:
        return result.model_copy(update={"group": task.group})
    clash = Fault(
        kind=Rejected.kind, stage="intake", message=f"another hand-in names the group {task.named!r} as well",
        rationale=f"This one came from {task.path}; its report is filed under {task.group}.",
        hint="Write your own group into submission.yaml; teaching staff: find out whose hand-in is whose.",
    )
    return result.model_copy(update={"group": task.group, "faults": [*result.faults, clash]})


def write_result(
    result: GradeResult, course: Course, reports: Path, *, keep: Keep | None = None,
) -> tuple[GradeResult, Path]:
    """Note a grade in the gradebook and write result.json and its report, both only if more than times has changed.

    Args:
        result: the grade.
        course: whose gradebook it is.
        reports: the folder of all reports.
        keep: remembers which page was made of which result; without it, both files are always written.

    Returns:
        The grade with what persons gave and lateness costs, and the path of its page.

    """
    return file_result(course, result, reports, write=lambda marked, folder: _write(marked, folder, keep))


def _write(result: GradeResult, reports: Path, keep: Keep | None) -> Path:
    place = reports / folder_name(result.group)
    page = place / "index.html"
    if keep is not None and _is_there(result, place / "result.json"):
        # A page that another version of the program made of this result, or that a hand edited, does not stand.
        inputs = _page_inputs(place)
        if keep.holds("page", inputs) and keep.recall("page", inputs, bytes).decode() == _hash_of(page):
            return page
    write_report(result, reports)
    if keep is not None:
        keep.recall("page", _page_inputs(place), lambda: _hash_of(page).encode())
    return page


def _page_inputs(place: Path) -> dict[str, str]:
    return {"result": _hash_of(place / "result.json"), "page": str(place.name), **code_of("page")}


def _is_there(result: GradeResult, path: Path) -> bool:
    """Whether a file holds this result, but for the times at which it was made."""
    if not path.is_file():
        return False
    mine = json.loads(result.model_dump_json(by_alias=True))
    try:
        there = json.loads(path.read_bytes())
        for told in (mine, there):
            told["provenance"] = {**told["provenance"], "created": "", "durations": {}}
    except (ValueError, KeyError, TypeError, OSError):
        return False
    return bool(mine == there)


def _hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""

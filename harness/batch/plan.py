"""What of a batch is to be done, why, and how long it will take: from the reports that are there and the store."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from harness.batch.task import Task
from harness.errors import Rejected
from harness.grading import provenance_of, stages_of
from harness.records import ENVIRONMENT_FAULT, GradeResult, Outcome, Provenance
from harness.report.render import folder_name, write_atomically
from harness.scratch import scratch_folder
from harness.store import Store
from harness.submissions import intake
from harness.workshop import Workshop

__all__ = ["Planned", "Seconds", "failures_in", "note_failures", "plan", "seconds_of"]

FAILURES = ".failed.json"

_SETTINGS: Mapping[str, str] = {
    "seed": "the seed", "budget": "the budget", "data_hash": "the data", "device": "the device", "box": "the box",
    "limits": "the limits", "versions": "a version of the harness or a library", "rubric_hash": "the rubric",
}
"""What of a grade's provenance makes it another grade, and its name in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What grading a hand-in again would do.

    Attributes:
        stages: what would be made anew; the rest is in the store.
        changed: why the grade that is there is not what would come out now; "" where it would be the same.
        failed: why there is no whole grade: what failed on our side the last time; "" where there is one.
        seconds: how long it would take, by what such stages took before; None where nothing is known of one.

    """

    task: Task
    stages: list[str]
    changed: str
    failed: str
    seconds: float | None

    @property
    def why(self) -> str:
        """Say in a few words why it would be graded."""
        return self.failed or self.changed or "nothing has changed"


Seconds = Mapping[str, float]


def seconds_of(store: Store | None) -> Seconds:
    """Give how long a stage takes at the median, by what is in the store; models by their name and budget."""
    seen: dict[str, list[float]] = {}
    for entry in store.entries() if store else ():
        seen.setdefault(_kind(entry.stage, entry.inputs), []).append(entry.seconds)
    return {kind: statistics.median(seconds) for kind, seconds in seen.items()}


def _kind(stage: str, inputs: Mapping[str, str]) -> str:
    if stage != "model":
        return stage
    entry = json.loads(inputs.get("entry", "{}"))
    return " ".join(["model", inputs.get("model", ""), str(entry.get("route", "")), inputs.get("budget", "")])


def plan(task: Task, workshop: Workshop, *, failures: Mapping[str, str], known: Seconds) -> Planned:
    """Look at one hand-in: what has to be made anew, and what is known of its last grade. No code of it is run."""
    before, damaged = _last_result(task)
    failed = failures.get(_name(task.path), "") or _failure_of(before, damaged)
    with scratch_folder() as scratch:
        try:
            submission = intake(task.path, scratch / "hand-in")
        except Rejected as fault:
            same = before is not None and [one.message for one in before.faults if one.stage == "intake"] == [
                fault.message]
            return Planned(
                task=task, stages=[], failed=failed, seconds=0.0,
                changed="" if same else f"it is rejected: {fault.message}")
        stages = stages_of(submission, workshop)
        expected = provenance_of(task.path, workshop, submission)
    keep = workshop.keep
    kinds = {name: name if name in {"theory", "report"} else "model" for name in stages}
    missing = [
        name for name, inputs in stages.items() if keep is None or not keep.holds(kinds[name], inputs)]
    times = [known.get(_kind(kinds[name], stages[name])) for name in missing]
    return Planned(
        task=task, stages=missing, failed=failed, changed=_change(before, expected, missing),
        seconds=None if None in times else sum(one for one in times if one is not None))


def _change(before: GradeResult | None, now: Provenance, missing: Sequence[str]) -> str:
    """Say why the grade that is there does not stand; "" where it does."""
    if before is None:
        return "it has not been graded"
    was = before.provenance
    if was.hand_in_hash != now.hand_in_hash:
        return "the hand-in has changed"
    other = [words for name, words in _SETTINGS.items() if getattr(was, name) != getattr(now, name)]
    if other:
        return f"another grade: {', '.join(other)} differs"
    if missing:
        return f"not in the store as it would be made now: {', '.join(missing)}"
    return ""


def _last_result(task: Task) -> tuple[GradeResult | None, bool]:
    """Read the last grade; and say whether there is one that cannot be read."""
    path = task.reports / folder_name(task.group) / "result.json"
    try:
        return GradeResult.model_validate_json(path.read_bytes()), False
    except FileNotFoundError:
        return None, False
    except (ValidationError, OSError):
        return None, True


def _failure_of(before: GradeResult | None, damaged: bool) -> str:  # noqa: FBT001 - private, one caller
    if damaged:
        return "its result.json cannot be read"
    if before is None:
        return "it has not been graded"
    if before.theory.outcome is Outcome.HARNESS_FAULT:
        return "the harness failed at its answers"
    for fault in before.all_faults:
        if fault.ours:
            return f"the harness failed: {fault.message}"
        if fault.kind == ENVIRONMENT_FAULT:
            return f"something is missing here: {fault.message}"
    return ""


def failures_in(reports: Path) -> dict[str, str]:
    """Give the hand-ins that got no grade in the last run, each with what failed on our side."""
    try:
        told = json.loads((reports / FAILURES).read_bytes())
    except (OSError, ValueError):
        return {}
    return {str(path): str(why) for path, why in told.items()} if isinstance(told, dict) else {}


def note_failures(reports: Path, *, failed: Mapping[Path, str], graded: Sequence[Path]) -> None:
    """Remember which hand-ins got no grade, and forget those that have one now."""
    before = failures_in(reports)
    now = {**before, **{_name(path): why for path, why in failed.items()}}
    for path in graded:
        now.pop(_name(path), None)
    if now == before:
        return
    if now:
        write_atomically(reports / FAILURES, json.dumps(now, indent=1) + "\n")
    else:
        (reports / FAILURES).unlink(missing_ok=True)


def _name(path: Path) -> str:
    return str(path.resolve())

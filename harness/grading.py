"""The story of one hand-in: intake, theory and report, models, marks. Orchestration only.

Nothing here opens a terminal or writes a report; the caller is given a `GradeResult`.
"""

from __future__ import annotations

import difflib
import hashlib
import platform
import shlex
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel

from harness import handin, quiz, rubric
from harness.course import Course
from harness.errors import Rejected, SubmissionFault
from harness.evidence import Progress
from harness.features import networks_hash
from harness.measuring import measure_model, model_inputs
from harness.records import Fault, GradeResult, HandIn, Marks, ModelResult, Outcome, Provenance, TheoryResult
from harness.references import beside, reference_values
from harness.sandbox.environments import environment_of
from harness.scratch import scratch_folder
from harness.submissions import Submission, group_of, intake
from harness.workshop import Clock, Keep, NotKept, Workshop, code_of, source_hash, versions

__all__ = ["Keep", "Progress", "Workshop", "grade", "provenance_of", "source_hash", "stages_of", "versions"]

_AT_ONCE = 0.2      # seconds in which answers in YAML are marked, and what the course lacks is met


def grade(path: Path, workshop: Workshop, *, progress: Progress = lambda _stage, _share: None) -> GradeResult:
    """Grade one hand-in.

    Args:
        path: the folder or zip archive that was handed in; it is copied first, and only the copy is used.
        workshop: data, box, judges and settings.
        progress: told what is being done.

    Returns:
        The complete result. Whatever the group's code or files do is in it as faults, never an exception.

    Raises:
        UserError: there is no such folder, or the course lacks what the assignment needs.
        HarnessFault: the harness or its machine failed before anything could be graded.

    """
    clock = Clock()
    with scratch_folder() as scratch:
        progress("taking a clean copy", None)
        with clock.stage("intake"):
            try:
                submission = intake(path, scratch / "hand-in")
            except Rejected as fault:
                return _rejected(path, workshop, fault, clock)
        assignment = submission.manifest.assignment
        if assignment not in rubric.names(workshop.course):
            return _rejected(path, workshop, _no_such_assignment(assignment, workshop.course), clock)
        criteria = rubric.load(workshop.course, assignment)
        # Answers and report are read, by processes of their own where they are PDFs, while the models' workers start.
        with ThreadPoolExecutor(2, thread_name_prefix="reading") as aside:
            answering = aside.submit(_theory, submission, workshop, clock)
            reading = aside.submit(_read_report, submission, workshop, clock)
            if answering in wait([answering], timeout=_AT_ONCE).done:
                answering.result()      # a course without the sheet is known at once, before a model is run
            models = {
                name: measure_model(submission, name, workshop, scratch, progress, clock)
                for name in submission.manifest.models
            }
            theory = answering.result()
            hand_in, faults = reading.result()
    hand_in = handin.compared(hand_in, models, stand_in=workshop.data.stand_in)
    models = _beside_the_reference(models, workshop)
    marks = rubric.mark(criteria, models=models, theory=theory, hand_in=hand_in)
    return GradeResult(
        group=submission.manifest.group, assignment=assignment, marks=marks, theory=theory, measurements=models,
        hand_in=hand_in, faults=faults,
        provenance=provenance_of(path, workshop, submission, clock, judges=bool(models)),
    )


def _beside_the_reference(models: dict[str, ModelResult], workshop: Workshop) -> dict[str, ModelResult]:
    if not models or workshop.data.stand_in:
        return models
    values = reference_values(
        workshop.course, data_hash=workshop.data.hash, budget=workshop.budget.name, judge_hash=networks_hash())
    return {name: beside(model, values) for name, model in models.items()}


def stages_of(submission: Submission, workshop: Workshop) -> dict[str, Mapping[str, str]]:
    """Name the stages that cost time, "vae" or "theory" and so on, each with what its kept result depends on."""
    models = {}
    for name in submission.manifest.models:
        if not any(fault.model == name for fault in submission.missing.values()):
            with suppress(SubmissionFault):     # its environment is not here: it cannot be measured
                models[name] = model_inputs(submission, name, workshop)
    rest = {"theory": _theory_inputs(submission, workshop)}
    if submission.manifest.report and "report" not in submission.missing:
        rest["report"] = _report_inputs(submission, workshop)
    return {**models, **rest}


# --- the report


class _Look(BaseModel):
    """What came of reading a report: what was seen, or why nothing was."""

    report: handin.Report | None = None
    rejected: dict[str, str] | None = None


def _read_report(submission: Submission, workshop: Workshop, clock: Clock) -> tuple[HandIn, list[Fault]]:
    def read(path: Path, name: str) -> handin.Report:
        def make() -> bytes:
            try:
                sheet = quiz.load_sheet(workshop.course, submission.manifest.assignment)
                look = _Look(report=handin.read(path, name=name, sheet=sheet))
            except Rejected as fault:
                look = _Look(rejected={key: one for key, one in fault.facts.items() if key != "kind"})
            return look.model_dump_json().encode()

        look = _Look.model_validate_json(workshop.kept("report", _report_inputs(submission, workshop), make))
        if look.report is None:
            raise Rejected(**(look.rejected or {"message": f"{name} cannot be read"}))
        return look.report

    with clock.stage("report"):
        hand_in, faults = handin.facts(submission, look=read)
    if "answers" in submission.missing:
        faults.append(submission.missing["answers"])
    return hand_in, faults


def _report_inputs(submission: Submission, workshop: Workshop) -> dict[str, str]:
    """Give everything that is seen in a report: its file, and the sheet, whose own pages are told from the group's."""
    name, sheet = submission.manifest.report or "", workshop.course.sheets / f"{submission.manifest.assignment}.yaml"
    return {"name": name, "file": submission.files.get(name, ""), "sheet": _hash_of(sheet), **code_of("report")}


# --- the theory part


def _theory(submission: Submission, workshop: Workshop, clock: Clock) -> TheoryResult:
    name = submission.manifest.assignment

    def read(path: Path, sheet: quiz.Sheet) -> quiz.Readings:
        inputs = {"name": path.name, "file": _hash_of(path), "sheet": sheet.model_dump_json(), **code_of("answers")}
        made = workshop.kept("answers", inputs, lambda: quiz.read_pages(path, sheet).model_dump_json().encode())
        return quiz.Readings.model_validate_json(made)

    def make() -> bytes:
        sheet = quiz.load_sheet(workshop.course, name)
        key = quiz.load_key(workshop.course, name, sheet=sheet) if workshop.with_key else None
        answers = submission.folder / submission.manifest.answers if submission.manifest.answers else None
        result = quiz.theory(answers, sheet=sheet, key=key, read=read)
        content = result.model_dump_json().encode()
        if result.outcome is Outcome.HARNESS_FAULT:
            raise NotKept(content)
        return content

    with clock.stage("theory"):
        return TheoryResult.model_validate_json(workshop.kept("theory", _theory_inputs(submission, workshop), make))


def _theory_inputs(submission: Submission, workshop: Workshop) -> dict[str, str]:
    """Give everything that the theory part's marks depend on: answers, sheet, key."""
    quiz_id, answers = submission.manifest.assignment, submission.manifest.answers or ""
    return {
        "name": answers, "file": submission.files.get(answers, ""), "quiz": quiz_id,
        "sheet": _hash_of(workshop.course.sheets / f"{quiz_id}.yaml"),
        "key": _hash_of(workshop.course.keys / f"{quiz_id}.yaml") if workshop.with_key else "not asked for",
        **code_of("theory"),
    }


def _hash_of(path: Path) -> str:
    """Hash a file; "" where there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


# --- the rest of the record


def _rejected(path: Path, workshop: Workshop, fault: Rejected, clock: Clock) -> GradeResult:
    """Name the group and its fault where not even the manifest could be read."""
    return GradeResult(
        group=group_of(path), assignment="", marks=Marks(points=0, max_points=0, open_points=0, parts=[]),
        theory=TheoryResult(outcome=Outcome.SUBMISSION_FAULT, quiz="", max_points=0),
        measurements={}, hand_in=HandIn(members=[]), faults=[Fault(stage="intake", **fault.facts)],
        provenance=provenance_of(path, workshop, None, clock),
    )


def _no_such_assignment(assignment: str, course: Course) -> Rejected:
    known = rubric.names(course)
    near = difflib.get_close_matches(assignment, known, n=1)
    return Rejected(
        f"submission.yaml: there is no assignment {assignment!r}",
        rationale="The assignment says which sheet was answered and how it is marked.",
        hint=f"Write `assignment: {near[0]}`." if near else f"Write one of: {', '.join(known)}.",
    )


def provenance_of(
    path: Path, workshop: Workshop, submission: Submission | None, clock: Clock | None = None, *, judges: bool = False,
) -> Provenance:
    """Say where a grade comes from, or would come from.

    Args:
        path: what was handed in.
        workshop: data, box and settings.
        submission: what was taken in; None where it was rejected.
        clock: how long each stage took.
        judges: whether a model was looked at.

    """
    assignment = submission.manifest.assignment if submission else ""
    rules = workshop.course.rubrics / f"{assignment}.yaml"
    return Provenance(
        command=_replay(path, workshop), created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions={**versions(), **_versions_elsewhere(submission, workshop.course)},
        platform=platform.platform(), device=workshop.device, box=workshop.box.name, seed=workshop.seed,
        budget=workshop.budget.name, data=workshop.data.name, data_hash=workshop.data.hash,
        stand_in=workshop.data.stand_in, hand_in_hash=submission.fingerprint if submission else "",
        rubric=assignment, rubric_hash=hashlib.sha256(rules.read_bytes()).hexdigest() if rules.is_file() else "",
        judge_hash=networks_hash() if judges else "",
        limits=workshop.budget.told(),
        durations={stage: round(seconds, 3) for stage, seconds in (clock or Clock()).seconds.items()},
    )


def _replay(path: Path, workshop: Workshop) -> str:
    """Give the command that makes this grade again."""
    words = ["harness", "grade", str(path), "--seed", str(workshop.seed), "--budget", workshop.budget.name]
    if workshop.data.stand_in:
        words.append("--stand-in")
    elif workshop.data_option:
        words += ["--data", workshop.data_option]
    if workshop.device != "cpu":
        words += ["--device", workshop.device]
    if not workshop.box.protects:
        words.append("--unconfined")
    if not workshop.with_key:
        words.append("--no-key")
    return shlex.join(words)


def _versions_elsewhere(submission: Submission | None, course: Course) -> dict[str, str]:
    """Give the versions of the environments that models of this hand-in ran in."""
    told: dict[str, str] = {}
    for entry in submission.manifest.models.values() if submission else ():
        if entry.environment is not None:
            with suppress(SubmissionFault):     # it did not run
                told |= environment_of(course, entry.environment).versions
    return told

"""The story of one hand-in: intake, evidence, measurements, marks. Orchestration only.

Nothing here opens a terminal or writes a report; the caller is given a `GradeResult`.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import logging
import platform
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Protocol

from harness import __version__, evidence, handin, quiz, rubric
from harness.course import Course
from harness.data import Dataset
from harness.errors import HarnessFault, Rejected, SubmissionFault, UserError
from harness.evidence import Progress
from harness.features import networks_hash
from harness.limits import Budget
from harness.metrics import FAMILIES
from harness.metrics.base import Family, Perception, Recall, Scene
from harness.metrics.together import import_heavy, one_thread_each
from harness.records import (
    ENVIRONMENT_FAULT,
    OUR_FAULT,
    Fault,
    Findings,
    GradeResult,
    HandIn,
    Marks,
    ModelResult,
    Outcome,
    Provenance,
    TheoryResult,
)
from harness.references import beside, reference_values
from harness.sandbox.base import Box
from harness.sandbox.environments import Environment, environment_of
from harness.scratch import scratch_folder
from harness.submissions import ModelEntry, Submission, group_of, intake

__all__ = ["Keep", "Progress", "Workshop", "grade", "source_hash", "versions"]

logger = logging.getLogger(__name__)

class Keep(Protocol):
    """The stage store, as grading needs it: what a stage made, by what it was made from."""

    def recall(self, stage: str, inputs: Mapping[str, str], make: Callable[[], bytes]) -> bytes:
        """Give what `make()` gave for these inputs, now or earlier."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Everything that the grades of one run share.

    Attributes:
        data: what models are trained and measured on.
        perception: makes the judges when the first model is measured; not called for a hand-in without models.
        keep: where results of stages are kept; None to make everything anew.
        with_key: whether the theory part is marked (where the key is at hand) or only checked for form.
        inception_weights: file of Inception-v3's weights, for a Fréchet distance to compare with papers; or None.

    """

    course: Course
    data: Dataset
    box: Box
    perception: Callable[[], Perception]
    recall: Recall
    budget: Budget
    seed: int = 0
    device: str = "cpu"
    keep: Keep | None = None
    with_key: bool = True
    data_option: str = ""
    inception_weights: Path | None = None


@dataclass(slots=True)
class _Clock:
    """How long each stage took, by its name."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begun


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
    clock = _Clock()
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
        with clock.stage("theory"):
            theory = _theory(submission, workshop)
        # The report is read by a process of its own, while the models' workers start.
        with ThreadPoolExecutor(1, thread_name_prefix="report") as aside:
            reading = aside.submit(_read_report, submission, workshop.course, clock)
            models = {
                name: _model(submission, name, workshop, scratch, progress, clock)
                for name in submission.manifest.models
            }
            hand_in, faults = reading.result()
    hand_in = handin.compared(hand_in, models, stand_in=workshop.data.stand_in)
    models = _beside_the_reference(models, workshop)
    marks = rubric.mark(criteria, models=models, theory=theory, hand_in=hand_in)
    return GradeResult(
        group=submission.manifest.group, assignment=assignment, marks=marks, theory=theory, measurements=models,
        hand_in=hand_in, faults=faults, provenance=_provenance(path, workshop, submission, clock, models),
    )


def _beside_the_reference(models: dict[str, ModelResult], workshop: Workshop) -> dict[str, ModelResult]:
    if not models or workshop.data.stand_in:
        return models
    values = reference_values(
        workshop.course, data_hash=workshop.data.hash, budget=workshop.budget.name, judge_hash=networks_hash())
    return {name: beside(model, values) for name, model in models.items()}


def _read_report(submission: Submission, course: Course, clock: _Clock) -> tuple[HandIn, list[Fault]]:
    with clock.stage("report"):
        hand_in, faults = handin.facts(submission, sheet=quiz.load_sheet(course, submission.manifest.assignment))
    if "answers" in submission.missing:
        faults.append(submission.missing["answers"])
    return hand_in, faults


def _theory(submission: Submission, workshop: Workshop) -> TheoryResult:
    name = submission.manifest.assignment
    sheet = quiz.load_sheet(workshop.course, name)
    key = quiz.load_key(workshop.course, name, sheet=sheet) if workshop.with_key else None
    answers = submission.folder / submission.manifest.answers if submission.manifest.answers else None
    return quiz.theory(answers, sheet=sheet, key=key)


def _model(
    submission: Submission, name: str, workshop: Workshop, scratch: Path, progress: Progress, clock: _Clock,
) -> ModelResult:
    """Measure one model, or recall what was measured on the same inputs."""
    entry = submission.manifest.models[name]

    try:
        environment = environment_of(workshop.course, entry.environment)
    except SubmissionFault as fault:
        return _failed(_blank(name, entry), fault)

    def make() -> bytes:
        result = _measure_model(submission, name, workshop, environment, scratch, progress, clock)
        return result.model_dump_json().encode()

    try:
        if workshop.keep is None:
            return ModelResult.model_validate_json(make())
        kept = workshop.keep.recall("model", _stage_inputs(submission, name, entry, workshop, environment), make)
    except _NotKept as result:
        return result.result
    return ModelResult.model_validate_json(kept)


class _NotKept(Exception):  # noqa: N818 - carries a result past the store, it is no error
    """A result that must not be kept: the harness itself failed in it, or lacked a library."""

    def __init__(self, result: ModelResult) -> None:
        super().__init__()
        self.result = result


def _stage_inputs(
    submission: Submission, name: str, entry: ModelEntry, workshop: Workshop, environment: Environment,
) -> dict[str, str]:
    """Everything that a model's measurements depend on."""
    return {
        "hand_in": submission.fingerprint, "model": name, "entry": entry.model_dump_json(),
        "data": workshop.data.hash, "budget": json.dumps(asdict(workshop.budget), sort_keys=True),
        "seed": str(workshop.seed), "device": workshop.device, "box": workshop.box.name,
        "inception": str(workshop.inception_weights or ""), "code": source_hash(*_MEASURED_BY), **versions(),
        "environment": json.dumps(dict(environment.installed), sort_keys=True),
    }


def _blank(name: str, entry: ModelEntry) -> ModelResult:
    return ModelResult(name=name, source=entry.source, route=entry.route, outcome=Outcome.SCORED)


def _failed(base: ModelResult, fault: SubmissionFault) -> ModelResult:
    shown = Fault(stage=base.route, model=base.name, **fault.facts)
    return base.model_copy(update={"outcome": _outcome_of([shown]), "faults": [shown]})


def _measure_model(
    submission: Submission, name: str, workshop: Workshop, environment: Environment, scratch: Path,
    progress: Progress, clock: _Clock,
) -> ModelResult:
    entry = submission.manifest.models[name]
    base = _blank(name, entry)
    missing = [fault for fault in submission.missing.values() if fault.model == name]
    if missing:
        return base.model_copy(update={"outcome": Outcome.SUBMISSION_FAULT, "faults": missing})
    say: Progress = lambda stage, share: progress(f"{name}: {stage}", share)  # noqa: E731 - one line with a type
    try:
        handed_in = submission.folder
        if entry.route != "load":
            with clock.stage(f"{name}.{entry.route}"):
                handed_in = evidence.train(
                    submission, name, data=workshop.data, box=workshop.box, budget=workshop.budget,
                    seed=workshop.seed, device=workshop.device, environment=environment,
                    into=scratch / f"{name}-trained", progress=say,
                )
        checkpoint = handed_in / entry.checkpoint if isinstance(entry.checkpoint, str) else handed_in
        with ThreadPoolExecutor(1, thread_name_prefix="perception") as aside:
            perceiving = aside.submit(_perceive, workshop)
            with clock.stage(f"{name}.evidence"):
                seen, faults = evidence.gather(
                    submission, name, checkpoint=checkpoint, data=workshop.data, box=workshop.box,
                    budget=workshop.budget, seed=workshop.seed, device=workshop.device, environment=environment,
                    progress=say,
                )
            perception = perceiving.result()
        scene = Scene(
            data=workshop.data, evidence=seen, perception=perception, budget=workshop.budget,
            seed=workshop.seed, recall=workshop.recall, inception_weights=workshop.inception_weights,
        )
        found = _with_findings(base, scene, faults, say, clock)
        return _keepable(found.model_copy(update={"notes": evidence.remarks(entry, seen, workshop.data)}))
    except SubmissionFault as fault:
        return _keepable(_failed(base, fault))
    except HarnessFault as fault:
        raise _NotKept(base.model_copy(update={
            "outcome": Outcome.HARNESS_FAULT, "faults": [_our_fault(str(fault), entry.route, name)],
        })) from fault


def _perceive(workshop: Workshop) -> Perception:
    """Import what measuring needs, and make the judges, while the group's code is asked."""
    import_heavy()
    return workshop.perception()


def _keepable(result: ModelResult) -> ModelResult:
    # A library may be there the next time.
    if any(fault.ours or fault.kind == ENVIRONMENT_FAULT for fault in result.faults):
        raise _NotKept(result)
    return result


def _with_findings(base: ModelResult, scene: Scene, faults: list[Fault], say: Progress, clock: _Clock) -> ModelResult:
    """Let every family measure what it can, and say of the others why not."""
    missing: dict[str, str] = {}
    able = [family for family in FAMILIES if set(family.needs) <= set(scene.evidence.capabilities)]
    # Of a model that could not be started nothing is known of what it can do.
    started = not any(fault.stage == "start" for fault in faults)
    for family in FAMILIES if started else ():
        if family not in able:
            lacking = [need for need in family.needs if need not in scene.evidence.capabilities]
            missing[family.name] = f"the model has no {' and no '.join(lacking)}"
    found, failures = _measure_all(able, scene, say, clock, base.name)
    faults = [*faults, *failures]
    outcome = _outcome_of(faults) if faults else Outcome.SCORED
    return base.model_copy(update={
        "outcome": outcome, "capabilities": list(scene.evidence.capabilities), "parameters": scene.evidence.parameters,
        "told": scene.evidence.told,
        "measurements": {each.name: each for one in found for each in one.measurements},
        "tables": {key: table for one in found for key, table in one.tables.items()},
        "pictures": {key: picture for one in found for key, picture in one.pictures.items()},
        "clouds": {key: cloud for one in found for key, cloud in one.clouds.items()},
        "flags": [flag.model_copy(update={"model": base.name}) for one in found for flag in one.flags],
        "not_applicable": missing, "faults": faults,
    })


def _outcome_of(faults: Sequence[Fault]) -> Outcome:
    """Say how a model with faults ended: a fault of its own counts first, what is not here before what we broke."""
    if any(not fault.ours and fault.kind != ENVIRONMENT_FAULT for fault in faults):
        return Outcome.SUBMISSION_FAULT
    return Outcome.ENVIRONMENT if any(fault.kind == ENVIRONMENT_FAULT for fault in faults) else Outcome.HARNESS_FAULT


def _measure_all(
    families: Sequence[Family], scene: Scene, say: Progress, clock: _Clock, model: str,
) -> tuple[list[Findings], list[Fault]]:
    """Measure families side by side, the slowest first; give what they found in their own order, and our faults."""

    def measure(family: Family) -> Findings:
        with clock.stage(f"{model}.{family.name}"):
            return _measured(family, scene)

    threads = scene.budget.limits.threads
    with one_thread_each(), ThreadPoolExecutor(threads, thread_name_prefix="measuring") as pool:
        slowest_first = sorted(families, key=lambda family: family.cost, reverse=True)
        running: dict[Future[Findings], Family] = {pool.submit(measure, family): family for family in slowest_first}
        say("measuring", 0.0)
        for done, _ in enumerate(as_completed(running), start=1):
            waiting = [family.title.lower() for future, family in running.items() if not future.done()]
            say(f"measuring {', '.join(waiting[:threads])}", done / len(running))
    found, faults = {}, []
    for future, family in running.items():
        try:
            found[family.name] = future.result()
        except HarnessFault as fault:
            faults.append(_our_fault(str(fault), family.name, model))
    return [found[family.name] for family in families if family.name in found], faults


def _measured(family: Family, scene: Scene) -> Findings:
    """Measure, and turn whatever goes wrong in our own code into a fault of ours."""
    try:
        return family.measure(scene)
    except HarnessFault:
        raise
    except MemoryError as error:
        raise HarnessFault(f"no memory left while measuring {family.title.lower()}") from error
    except Exception as error:
        logger.exception("measuring %s failed", family.name)
        raise HarnessFault(f"measuring {family.title.lower()} failed: {type(error).__name__}: {error}") from error


def _our_fault(message: str, stage: str, model: str | None) -> Fault:
    return Fault(
        kind=OUR_FAULT, stage=stage, model=model, message=message,
        rationale="This is a fault of the harness or its machine, not of the hand-in; it costs no points.",
        hint="Teaching staff: run `harness doctor`, then grade this hand-in again.",
    )


def _rejected(path: Path, workshop: Workshop, fault: Rejected, clock: _Clock) -> GradeResult:
    """Name the group and its fault where not even the manifest could be read."""
    return GradeResult(
        group=group_of(path), assignment="", marks=Marks(points=0, max_points=0, open_points=0, parts=[]),
        theory=TheoryResult(outcome=Outcome.SUBMISSION_FAULT, quiz="", max_points=0),
        measurements={}, hand_in=HandIn(members=[]), faults=[Fault(stage="intake", **fault.facts)],
        provenance=_provenance(path, workshop, None, clock, {}),
    )


def _no_such_assignment(assignment: str, course: Course) -> Rejected:
    known = rubric.names(course)
    near = difflib.get_close_matches(assignment, known, n=1)
    return Rejected(
        f"submission.yaml: there is no assignment {assignment!r}",
        rationale="The assignment says which sheet was answered and how it is marked.",
        hint=f"Write `assignment: {near[0]}`." if near else f"Write one of: {', '.join(known)}.",
    )


def _provenance(
    path: Path, workshop: Workshop, submission: Submission | None, clock: _Clock, models: Mapping[str, ModelResult],
) -> Provenance:
    assignment = submission.manifest.assignment if submission else ""
    rules = workshop.course.rubrics / f"{assignment}.yaml"
    return Provenance(
        command=_replay(path, workshop), created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions={**versions(), **_versions_elsewhere(submission, workshop.course)},
        platform=platform.platform(), device=workshop.device, box=workshop.box.name, seed=workshop.seed,
        budget=workshop.budget.name, data=workshop.data.name, data_hash=workshop.data.hash,
        stand_in=workshop.data.stand_in, hand_in_hash=submission.fingerprint if submission else "",
        rubric=assignment, rubric_hash=hashlib.sha256(rules.read_bytes()).hexdigest() if rules.is_file() else "",
        judge_hash=networks_hash() if models else "",
        limits=workshop.budget.told(),
        durations={stage: round(seconds, 3) for stage, seconds in clock.seconds.items()},
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


def versions() -> dict[str, str]:
    """Give the versions of what a measurement depends on."""
    found = {"harness": __version__, "python": platform.python_version()}
    for package in ("torch", "numpy", "scipy", "scikit-learn", "umap-learn"):
        try:
            found[package] = version(package)
        except PackageNotFoundError as error:
            raise UserError(f"{package} is not installed; run `make install` in the project's folder") from error
    return found


_MEASURED_BY = (
    "contract.py", "forms.py", "limits.py", "wire.py", "grading.py", "worker", "sandbox", "evidence", "features",
    "metrics", "weights/judges.json",
)


@cache
def source_hash(*rooms: str) -> str:
    """Hash files of the package, and the Python files below folders of it, so that a change of them is noticed."""
    digest = hashlib.sha256()
    for room in rooms:
        place = Path(__file__).parent / room
        for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(file.read_bytes())
    return digest.hexdigest()

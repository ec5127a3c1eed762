"""What is found out about one model: its evidence, asked for in boxes, and every measurement of it."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

from harness import evidence
from harness.errors import HarnessFault, SubmissionFault
from harness.evidence import Progress
from harness.limits import Budget
from harness.metrics import FAMILIES
from harness.metrics.base import Family, Perception, Scene
from harness.metrics.together import import_heavy, one_thread_each
from harness.records import ENVIRONMENT_FAULT, OUR_FAULT, Fault, Findings, ModelResult, Outcome
from harness.sandbox.environments import Environment, environment_of
from harness.submissions import MANIFEST, ModelEntry, Submission
from harness.workshop import Clock, NotKept, Workshop, code_of

__all__ = ["measure_model", "model_inputs", "our_fault"]

logger = logging.getLogger(__name__)


def measure_model(
    submission: Submission, name: str, workshop: Workshop, scratch: Path, progress: Progress, clock: Clock,
) -> ModelResult:
    """Measure one model, or recall what was measured of it on the same inputs.

    Args:
        submission: the hand-in; only the files of its clean copy that concern models are shown to its code.
        name: which of its models.
        workshop: data, box, judges and settings.
        scratch: a folder for what it is trained to.
        progress: told what is being done.
        clock: told how long it took.

    """
    entry = submission.manifest.models[name]
    missing = [fault for fault in submission.missing.values() if fault.model == name]
    if missing:
        return _base(name, entry).model_copy(update={"outcome": Outcome.SUBMISSION_FAULT, "faults": missing})
    try:
        environment = environment_of(workshop.course, entry.environment)
    except SubmissionFault as fault:
        return _failed(_base(name, entry), fault)

    def make() -> bytes:
        shown = _of_models_alone(submission, scratch / f"{name}-files")
        return _bytes(_measure(shown, name, workshop, environment, scratch, progress, clock))

    return ModelResult.model_validate_json(workshop.kept("model", model_inputs(submission, name, workshop), make))


def model_inputs(submission: Submission, name: str, workshop: Workshop) -> dict[str, str]:
    """Give everything that a model's measurements depend on.

    Raises:
        SubmissionFault: the environment that it names is not here.

    """
    environment = environment_of(workshop.course, submission.manifest.models[name].environment)
    files = json.dumps(_files_of_models(submission), sort_keys=True)
    return {
        "files": hashlib.sha256(files.encode()).hexdigest(), "model": name,
        "entry": submission.manifest.models[name].model_dump_json(), "data": workshop.data.hash,
        "budget": _budget_as_text(workshop.budget), "seed": str(workshop.seed), "device": workshop.device,
        "box": workshop.box.name, "inception": _inception_hash(workshop.inception_weights), **code_of("model"),
        "environment": json.dumps(dict(environment.installed), sort_keys=True),
    }


def _files_of_models(submission: Submission) -> dict[str, str]:
    """Give the files that a model's code may see: no report, no answers, no manifest, unless they are its own too.

    So that an edited answer measures no model anew, and no code can read what it is not measured by.
    """
    named = submission.manifest.named_files
    own = {path for name, paths in named.items() if name.startswith("models.") for path in paths}
    aside = {MANIFEST, *(path for name in ("report", "answers") for path in named.get(name, ()))} - own
    return {path: digest for path, digest in submission.files.items() if path not in aside}


def _of_models_alone(submission: Submission, into: Path) -> Submission:
    """Lay out the copy of a hand-in as its models see it, without copying a byte where the disk can do that."""
    try:
        into.mkdir(parents=True, exist_ok=True)
        for path in _files_of_models(submission):
            target = into / path
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(submission.folder / path, target)
            except OSError:     # a file system without hard links
                shutil.copyfile(submission.folder / path, target)
    except OSError as error:
        raise HarnessFault(f"the files of the models cannot be laid out in {into}: {error}") from error
    return replace(submission, folder=into)


def _budget_as_text(budget: Budget) -> str:
    return json.dumps(asdict(budget), sort_keys=True)


@cache
def _inception_hash(weights: Path | None) -> str:
    return hashlib.sha256(weights.read_bytes()).hexdigest() if weights else ""


def _base(name: str, entry: ModelEntry) -> ModelResult:
    return ModelResult(name=name, source=entry.source, route=entry.route, outcome=Outcome.SCORED)


def _failed(base: ModelResult, fault: SubmissionFault) -> ModelResult:
    shown = Fault(stage=base.route, model=base.name, **fault.facts)
    return base.model_copy(update={"outcome": _outcome_of([shown]), "faults": [shown]})


def _measure(
    submission: Submission, name: str, workshop: Workshop, environment: Environment, scratch: Path,
    progress: Progress, clock: Clock,
) -> ModelResult:
    entry = submission.manifest.models[name]
    base = _base(name, entry)
    say: Progress = lambda stage, share: progress(f"{name}: {stage}", share)  # noqa: E731 - one line with a type
    try:
        handed_in = submission.folder
        if entry.route != "load":
            with workshop.turn(), clock.stage(f"{name}.{entry.route}"):
                handed_in = evidence.train(
                    submission, name, data=workshop.data, box=workshop.box, budget=workshop.budget,
                    seed=workshop.seed, device=workshop.device, environment=environment,
                    into=scratch / f"{name}-trained", progress=say,
                )
        checkpoint = handed_in / entry.checkpoint if isinstance(entry.checkpoint, str) else handed_in
        with ThreadPoolExecutor(1, thread_name_prefix="perception") as aside:
            perceiving = aside.submit(_perceive, workshop)
            with workshop.turn(), clock.stage(f"{name}.evidence"):
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
        found = _with_findings(base, scene, faults, say, clock, workshop.threads)
        return _keepable(found.model_copy(update={"notes": evidence.remarks(entry, seen, workshop.data)}))
    except SubmissionFault as fault:
        return _keepable(_failed(base, fault))
    except HarnessFault as fault:
        broken = [our_fault(str(fault), entry.route, name)]
        raise NotKept(_bytes(base.model_copy(update={
            "outcome": Outcome.HARNESS_FAULT, "faults": broken}))) from fault


def _perceive(workshop: Workshop) -> Perception:
    """Import what measuring needs, and make the judges, while the group's code is asked."""
    import_heavy()
    return workshop.perception()


def _keepable(result: ModelResult) -> ModelResult:
    # A library may be there the next time.
    if any(fault.ours or fault.kind == ENVIRONMENT_FAULT for fault in result.faults):
        raise NotKept(_bytes(result))
    return result


def _with_findings(
    base: ModelResult, scene: Scene, faults: list[Fault], say: Progress, clock: Clock, threads: int | None,
) -> ModelResult:
    """Let every family measure what it can, and say of the others why not."""
    missing: dict[str, str] = {}
    able = [family for family in FAMILIES if set(family.needs) <= set(scene.evidence.capabilities)]
    # Of a model that could not be started nothing is known of what it can do.
    started = not any(fault.stage == "start" for fault in faults)
    for family in FAMILIES if started else ():
        if family not in able:
            lacking = [need for need in family.needs if need not in scene.evidence.capabilities]
            missing[family.name] = f"the model has no {' and no '.join(lacking)}"
    found, failures = _measure_all(able, scene, say, clock, base.name, threads)
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


def _bytes(result: ModelResult) -> bytes:
    return result.model_dump_json().encode()


def _outcome_of(faults: Sequence[Fault]) -> Outcome:
    """Say how a model with faults ended: a fault of its own counts first, what is not here before what we broke."""
    if any(not fault.ours and fault.kind != ENVIRONMENT_FAULT for fault in faults):
        return Outcome.SUBMISSION_FAULT
    return Outcome.ENVIRONMENT if any(fault.kind == ENVIRONMENT_FAULT for fault in faults) else Outcome.HARNESS_FAULT


def _measure_all(
    families: Sequence[Family], scene: Scene, say: Progress, clock: Clock, model: str,
    threads: int | None,
) -> tuple[list[Findings], list[Fault]]:
    """Measure families side by side, the slowest first; give what they found in their own order, and our faults."""

    def measure(family: Family) -> Findings:
        with clock.stage(f"{model}.{family.name}"):
            return _measured(family, scene)

    threads = threads or scene.budget.limits.threads
    with one_thread_each(), _dropping_what_waits(threads) as pool:
        slowest_first = sorted(families, key=lambda family: family.cost, reverse=True)
        running: dict[Future[Findings], Family] = {pool.submit(measure, family): family for family in slowest_first}
        say("measuring", 0.0)
        for done, _ in enumerate(as_completed(running), start=1):
            waiting = [family.title.lower() for future, family in running.items() if not future.done()]
            say(" ".join(["measuring", ", ".join(waiting[:threads])]).strip(), done / len(running))
    found, faults = {}, []
    for future, family in running.items():
        try:
            found[family.name] = future.result()
        except HarnessFault as fault:
            faults.append(our_fault(str(fault), family.name, model))
    return [found[family.name] for family in families if family.name in found], faults


@contextmanager
def _dropping_what_waits(threads: int) -> Iterator[ThreadPoolExecutor]:
    """Open a pool that, when it is left early (Ctrl-C), waits for what runs alone."""
    with ThreadPoolExecutor(threads, thread_name_prefix="measuring") as pool:
        try:
            yield pool
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


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


def our_fault(message: str, stage: str, model: str | None) -> Fault:
    """Make the fault that costs nobody points."""
    return Fault(
        kind=OUR_FAULT, stage=stage, model=model, message=message,
        rationale="This is a fault of the harness or its machine, not of the hand-in; it costs no points.",
        hint="Teaching staff: run `harness doctor`, then grade this hand-in again.",
    )

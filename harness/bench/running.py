"""The story of a benchmark: each contender is trained or loaded, and all are measured in the same way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness.bench.cards import Card, Measured, load_card, weights_file, write_card
from harness.bench.contenders import Contender, as_hand_in
from harness.bench.training import machine, train, with_time
from harness.course import Course
from harness.errors import SubmissionFault, UserError
from harness.grading import Progress, Workshop, grade
from harness.records import BenchResult, BenchRow, ModelResult, Outcome, Provenance
from harness.scratch import scratch_folder

__all__ = ["Plan", "run_bench", "trained_weights", "with_measurements"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a benchmark is to do.

    Attributes:
        train: train the reference models anew; else their shipped weights are loaded.
        seeds: the seeds to train by; the weights of the first are kept.
        seconds: the deadline that each `fit` is given.
        threads: how many threads a training may use.
        command: how to make the benchmark again.

    """

    train: bool = False
    seeds: tuple[int, ...] = (0,)
    seconds: float = 1_800.0
    threads: int = 2
    command: str = "harness bench"


def run_bench(
    course: Course, entrants: Sequence[Contender], workshop: Workshop, plan: Plan, *,
    progress: Callable[[str], Progress],
) -> BenchResult:
    """Measure every contender.

    Args:
        course: where the reference models, their weights and their cards are.
        entrants: who takes part.
        workshop: data, box, judges and settings, the same for all.
        plan: what is to be done.
        progress: gives what to tell the progress of one contender, by its name.

    Raises:
        UserError: a reference model has no weights and is not to be trained.
        HarnessFault: the harness or its machine failed.

    """
    altered = [one.name for one in entrants if one.arguments and plan.train]
    if altered:
        raise UserError(f"{altered[0]}: arguments go with weights that are loaded, not with --train")
    missing = [one.model for one in entrants if one.model and not plan.train
               and not weights_file(course, one.model).is_file()]
    if missing:
        raise UserError(
            f"{', '.join(missing)}: no weights are shipped; "
            f"train them with `harness bench {' '.join(missing)} --train`")
    rows: list[BenchRow] = []
    for one in entrants:
        say = progress(one.name)
        rows += [_reference(course, one, workshop, plan, say)] if one.model else _hand_in(one, workshop, say)
    return _result(rows, workshop, plan)


def _result(rows: list[BenchRow], workshop: Workshop, plan: Plan) -> BenchResult:
    from harness.features import networks_hash
    from harness.grading import versions

    return BenchResult(
        rows=rows, created=datetime.now(UTC).isoformat(timespec="seconds"), command=plan.command, versions=versions(),
        machine=machine(), device=workshop.device, box=workshop.box.name, seed=workshop.seed,
        budget=workshop.budget.name, data=workshop.data.name, data_hash=workshop.data.hash,
        stand_in=workshop.data.stand_in, judge_hash=networks_hash(),
    )


def _hand_in(one: Contender, workshop: Workshop, say: Progress) -> list[BenchRow]:
    """Measure all models of a hand-in, as its grade does."""
    assert one.folder is not None  # noqa: S101 - a contender is a model or has a folder
    result = grade(one.folder, workshop, progress=say)
    return [
        BenchRow(
            name=f"{result.group}, {name}", reference=False, model=model,
            seed=workshop.seed if model.route == "fit" else None,
            training_seconds=_fit_seconds(result.provenance, name),
        )
        for name, model in result.measurements.items()
    ]


def _fit_seconds(provenance: Provenance, name: str) -> float | None:
    return provenance.durations.get(f"{name}.fit")


def _reference(course: Course, one: Contender, workshop: Workshop, plan: Plan, say: Progress) -> BenchRow:
    """Measure one reference model, for each seed where it is trained."""
    if not plan.train:
        card = load_card(course, one.model)
        model = _measured(course, one, weights_file(course, one.model), workshop, say)
        return _row(one.name, model, card)
    results: list[ModelResult] = []
    first: Card | None = None
    for seed in plan.seeds:
        weights, card = trained_weights(
            course, one.model, workshop, plan, seed=seed, keep=seed == plan.seeds[0], say=say)
        results.append(_measured(course, one, weights, workshop, say))
        if first is None:
            first = with_measurements(card, results[0], workshop)
            write_card(course, first)
        else:
            weights.unlink(missing_ok=True)
    row = _row(one.name, results[0], first)
    names = [name for name in results[0].measurements if all(name in other.measurements for other in results)]
    over = {name: [result.measurements[name].value for result in results] for name in names}
    return row.model_copy(update={"over_seeds": over if len(results) > 1 else {}})


def trained_weights(
    course: Course, name: str, workshop: Workshop, plan: Plan, *, seed: int, keep: bool, say: Progress,
) -> tuple[Path, Card]:
    """Train a reference model by one seed; keep the weights where the others lie, or aside.

    Raises:
        UserError: the model itself failed: these files are ours, but somebody is at work on them.

    """
    path = weights_file(course, name)
    if not keep:
        path = path.with_name(f".{name}.seed{seed}.safetensors")
    budget = with_time(workshop.budget, seconds=plan.seconds, threads=plan.threads)
    try:
        card = train(
            course, name, path, data=workshop.data, box=workshop.box, budget=budget, seed=seed,
            device=workshop.device, progress=say,
        )
    except SubmissionFault as fault:
        raise UserError(f"{name} could not be trained: {fault.message}") from fault
    return path, card


def _measured(course: Course, one: Contender, weights: Path, workshop: Workshop, say: Progress) -> ModelResult:
    with scratch_folder() as scratch:
        folder = scratch / one.model
        slot = as_hand_in(course, one.model, folder, weights=weights, arguments=one.arguments)
        return grade(folder, workshop, progress=say).measurements[slot]


def with_measurements(card: Card, model: ModelResult, workshop: Workshop) -> Card:
    """Write what was measured of the shipped weights into their card."""
    from harness.features import networks_hash

    return card.model_copy(update={
        "parameters": model.parameters, "budget": workshop.budget.name, "judge_hash": networks_hash(),
        "measured": {
            name: Measured(
                value=_short(one.value), unit=one.unit, sample_size=one.sample_size,
                interval=None if one.interval is None else (_short(one.interval[0]), _short(one.interval[1])))
            for name, one in model.measurements.items()
        },
        "told": {name: _short(value) for name, value in model.told.items()},
    })


def _short(value: float) -> float:
    """Give six significant digits: far more than any interval supports."""
    return float(f"{value:.6g}")


def _row(name: str, model: ModelResult, card: Card | None) -> BenchRow:
    row = BenchRow(name=name, reference=True, model=model, seed=None)
    faults = " ".join(fault.message for fault in model.faults) if model.outcome is not Outcome.SCORED else ""
    if card is None:
        return row.model_copy(update={"note": faults})
    trained = card.trained
    threads = f"{trained.threads} thread{'' if trained.threads == 1 else 's'}"
    return row.model_copy(update={
        "seed": trained.seed, "training_seconds": trained.seconds, "note": faults or card.note,
        "training": f"{trained.images} images of {trained.data}, {threads} of {trained.machine}, {trained.device}",
    })

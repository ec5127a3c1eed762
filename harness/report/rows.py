"""What the class report keeps of each hand-in: small records, so that a thousand results need not be held at once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from harness.records import ENVIRONMENT_FAULT, CriterionMark, Fault, GradeResult, Late, Marks, Outcome
from harness.report.page import doubts, has_key
from harness.report.text import anchor
from harness.rubric import OPEN

__all__ = ["Damaged", "FaultSeen", "OpenItem", "Row", "read_results", "row_of"]

THEORY, PRACTICE = "theory", "practice"
LONGEST_MESSAGE = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenItem:
    """A criterion whose points are open, and where it stands in the group's report."""

    title: str
    link: str
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultSeen:
    """A fault without its log."""

    kind: str
    stage: str
    model: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What the class report says about one hand-in."""

    group: str
    link: str
    members: list[str]
    assignment: str
    outcome: Outcome
    theory: tuple[float, float] | None  # points and most points; None where there is no such part
    practice: tuple[float, float] | None
    points: float
    max_points: float
    open_points: float
    open_items: list[OpenItem]
    looks: int  # flags of models, and what a person has to decide or read beside them
    flags: list[str]  # names of the models' flags, each once
    faults: list[FaultSeen]
    data: str
    budget: str
    box: str
    measured_by: tuple[str, str, str]  # hash of the data, budget, hash of the judge networks
    created: str
    marked: bool  # the theory was marked with a key
    measured: dict[str, float] = field(default_factory=dict)  # "vae.reconstruction.mse" -> its value
    anchors: dict[str, tuple[float, float]] = field(default_factory=dict)  # the same -> no points, full points
    stand_in: bool = False
    late: Late | None = None
    by_hand: int = 0  # criteria whose points a person gave

    @property
    def kinds(self) -> list[str]:
        """Kinds of its faults, each once."""
        return list(dict.fromkeys(fault.kind for fault in self.faults))


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """A `result.json` that cannot be read."""

    path: str
    reason: str


def read_results(folder: Path) -> Iterator[tuple[Path, GradeResult | Damaged]]:
    """Read every `result.json` below `folder`, one at a time; with each its path from there."""
    for path in sorted(folder.rglob("result.json")):
        inside = path.relative_to(folder)
        try:
            yield inside, GradeResult.model_validate_json(path.read_bytes())
        except ValidationError as error:
            yield inside, Damaged(path=str(inside), reason=_reason(error))
        except OSError as error:
            yield inside, Damaged(path=str(inside), reason=error.strerror or str(error))


def row_of(result: GradeResult, link: str) -> Row:
    """Keep what the class report needs of a result whose page is at `link`."""
    provenance = result.provenance
    flags = [flag.name for model in result.measurements.values() for flag in model.flags]
    return Row(
        group=result.group,
        link=link,
        members=result.hand_in.members,
        assignment=result.assignment,
        outcome=_outcome(result),
        theory=_part(result.marks, THEORY),
        practice=_part(result.marks, PRACTICE),
        points=result.marks.points,
        max_points=result.marks.max_points,
        open_points=result.marks.open_points,
        open_items=[
            OpenItem(title=mark.title, link=f"{link}#{anchor(part.id, mark.id)}", outcome=mark.outcome)
            for part in result.marks.parts for mark in part.criteria if mark.outcome in OPEN],
        looks=len(flags) + len(doubts(result)),
        flags=list(dict.fromkeys(flags)),
        faults=list(_faults(result)),
        data=provenance.data,
        budget=provenance.budget,
        box=provenance.box,
        measured_by=(provenance.data_hash, provenance.budget, provenance.judge_hash),
        created=provenance.created,
        marked=has_key(result.theory),
        measured={
            f"{model.name}.{name}": one.value for model in result.measurements.values()
            for name, one in model.measurements.items() if math.isfinite(one.value)},
        anchors=dict(_anchors(mark for part in result.marks.parts for mark in part.criteria)),
        stand_in=provenance.stand_in,
        late=result.marks.late,
        by_hand=sum(one.by_hand is not None and not one.by_hand.reopened
                    for part in result.marks.parts for one in part.criteria),
    )


def _outcome(result: GradeResult) -> Outcome:
    """Say in one word how a hand-in stands: what stops its grade comes before what only costs points."""
    outcomes = {mark.outcome for part in result.marks.parts for mark in part.criteria}
    kinds = {fault.kind for fault in result.all_faults}
    if Outcome.HARNESS_FAULT in outcomes or any(fault.ours for fault in result.all_faults):
        return Outcome.HARNESS_FAULT
    if kinds - {ENVIRONMENT_FAULT} or Outcome.SUBMISSION_FAULT in outcomes:
        return Outcome.SUBMISSION_FAULT
    if kinds or Outcome.ENVIRONMENT in outcomes:
        return Outcome.ENVIRONMENT
    return Outcome.NEEDS_PERSON if outcomes & OPEN else Outcome.SCORED


def _faults(result: GradeResult) -> Iterator[FaultSeen]:
    def seen(fault: Fault, model: str) -> FaultSeen:
        return FaultSeen(
            kind=fault.kind, stage=fault.stage, model=fault.model or model, message=fault.message[:LONGEST_MESSAGE])

    yield from (seen(fault, "") for fault in result.faults)
    yield from (seen(fault, model.name) for model in result.measurements.values() for fault in model.faults)


def _anchors(marks: Iterator[CriterionMark]) -> Mapping[str, tuple[float, float]]:
    return {
        mark.measurement: (mark.none, mark.full) for mark in marks
        if mark.measurement and mark.none is not None and mark.full is not None}


def _part(marks: Marks, name: str) -> tuple[float, float] | None:
    part = next((part for part in marks.parts if part.id == name), None)
    return (part.points, part.max_points) if part else None


def _reason(error: ValidationError) -> str:
    """Say what is wrong first, and where."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    return f"{first['msg']}{f' (at {place})' if place else ''}"

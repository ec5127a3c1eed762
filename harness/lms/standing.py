"""Whether a result is a grade yet, and if not, why: what every export asks first.

Points that a person can still give, and whatever the harness itself failed at, keep a result from being a grade.
Neither is ever turned into zero.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.records import CriterionMark, GradeResult, Outcome, PartMarks

__all__ = ["Standing", "criteria_of", "part_is_ours", "standing"]

_WAITING = frozenset({Outcome.NEEDS_PERSON, Outcome.ENVIRONMENT, Outcome.NOT_APPLICABLE})
"""Outcomes of a criterion that leave its points to a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a hand-in stands as a whole.

    Attributes:
        outcome: `scored` where it is a grade; else what stands in the way: `needs_person`, `harness_fault`,
            `submission_fault` (it could not be taken in, so nothing was marked), `not_applicable` (measured on a
            stand-in for the data).
        points: the grade; None where it is none yet.
        so_far: points that are certain already; None where not even they are known.
        why: why it is no grade yet, in a sentence; else empty.

    """

    outcome: Outcome
    points: float | None = None
    so_far: float | None = None
    why: str = ""

    def exported(self, *, partial: bool) -> float | None:
        """Give the points to write down: the grade, or with `partial` what a person has not added to yet."""
        if partial and self.outcome is Outcome.NEEDS_PERSON:
            return self.so_far
        return self.points


def standing(result: GradeResult) -> Standing:
    """Say whether a result is a grade."""
    marks = result.marks
    if _ours(result):
        return Standing(
            outcome=Outcome.HARNESS_FAULT,
            why="the harness failed at part of it, which costs no points; grade it again",
        )
    if result.provenance.stand_in:
        return Standing(
            outcome=Outcome.NOT_APPLICABLE,
            why=f"it was measured on {result.provenance.data}, a stand-in for the data; grade it on the real ones",
        )
    if not marks.parts:
        fault = next(iter(result.faults), None)
        return Standing(
            outcome=Outcome.SUBMISSION_FAULT,
            why="it could not be taken in" + (f": {fault.message}" if fault else "; look at its report"),
        )
    waiting = [one for one in criteria_of(result) if one.outcome in _WAITING]
    if waiting or marks.open_points:
        named = f" ({', '.join(one.title for one in waiting)})" if waiting else ""
        return Standing(
            outcome=Outcome.NEEDS_PERSON, so_far=marks.points,
            why=f"a person has still to give {marks.open_points:g} of {marks.max_points:g} points{named}",
        )
    return Standing(outcome=Outcome.SCORED, points=marks.points, so_far=marks.points)


def criteria_of(result: GradeResult) -> list[CriterionMark]:
    """List the criteria of all parts in their order."""
    return [one for part in result.marks.parts for one in part.criteria]


def part_is_ours(part: PartMarks) -> bool:
    """Whether the harness failed at a criterion of this part."""
    return any(one.outcome is Outcome.HARNESS_FAULT for one in part.criteria)


def _ours(result: GradeResult) -> bool:
    return (
        any(fault.ours for fault in result.all_faults) or result.theory.outcome is Outcome.HARNESS_FAULT
        or any(model.outcome is Outcome.HARNESS_FAULT for model in result.measurements.values())
        or any(part_is_ours(part) for part in result.marks.parts)
    )

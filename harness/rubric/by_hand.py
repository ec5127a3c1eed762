"""Points that a person gives: on top of the harness's own, counted as long as what they were given on stays.

They never replace what the harness found out: `without_hand_marks` gives it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from pydantic import Field

from harness.quiz.exact import Exact
from harness.records import ByHand, CriterionMark, Marks, Outcome, PartMarks, Record
from harness.rubric.marking import OPEN, as_written, total

__all__ = ["GivenMark", "HandMarks", "with_hand_marks", "without_hand_marks"]


class HandMark(Record):
    """Points for one criterion in a file of marks."""

    points: Exact = Field(ge=0)
    because: str = Field(min_length=1)
    author: str = ""            # empty: the file's


class HandMarks(Record):
    """What `marks/GROUP.yaml` holds."""

    group: str = ""             # empty: as the file is called
    author: str = ""            # empty: whoever calls `harness mark`
    marks: dict[str, HandMark] = Field(min_length=1)        # criterion -> its points


class GivenMark(Record):
    """The points of a person that stand for one criterion."""

    points: Fraction
    author: str
    reason: str
    time: str                   # ISO 8601, UTC
    evidence: str               # CriterionMark.evidence when they were given


def with_hand_marks(marks: Marks, given: Mapping[str, GivenMark]) -> Marks:
    """Put what persons gave, by criterion, on top of what the harness gave.

    Points count within 0 and the most of the criterion. Where a criterion's evidence is no longer that which they were
    given on, the criterion is open again, with the old points beside it.
    """
    bare = without_hand_marks(marks)
    parts = [
        _with(part, {one.id: given[one.id] for one in part.criteria if one.id in given}) for part in bare.parts
    ]
    return total(parts)


def without_hand_marks(marks: Marks) -> Marks:
    """Give what the harness gave alone, without what the course deducts for lateness."""
    return total([_summed(part, [_bare(one) for one in part.criteria]) for part in marks.parts])


def _with(part: PartMarks, given: Mapping[str, GivenMark]) -> PartMarks:
    return _summed(part, [_given(one, given[one.id]) if one.id in given else one for one in part.criteria])


def _summed(part: PartMarks, criteria: list[CriterionMark]) -> PartMarks:
    if criteria == part.criteria:
        return part
    points = sum((as_written(one.points) for one in criteria if one.points is not None), Fraction(0))
    open_ = sum((as_written(one.max_points) for one in criteria if one.outcome in OPEN), Fraction(0))
    return part.model_copy(update={"criteria": criteria, "points": float(points), "open_points": float(open_)})


def _given(mark: CriterionMark, given: GivenMark) -> CriterionMark:
    points = min(max(given.points, Fraction(0)), as_written(mark.max_points))
    reopened = given.evidence != mark.evidence
    by_hand = ByHand(
        points=float(points), author=given.author, reason=given.reason, time=given.time, automatic=mark.points,
        outcome=mark.outcome, reopened=reopened,
    )
    if reopened:
        outcome = mark.outcome if mark.outcome in OPEN else Outcome.NEEDS_PERSON
        return mark.model_copy(update={"outcome": outcome, "points": None, "by_hand": by_hand})
    return mark.model_copy(update={"outcome": Outcome.SCORED, "points": float(points), "by_hand": by_hand})


def _bare(mark: CriterionMark) -> CriterionMark:
    by_hand = mark.by_hand
    if by_hand is None:
        return mark
    return mark.model_copy(update={"outcome": by_hand.outcome, "points": by_hand.automatic, "by_hand": None})

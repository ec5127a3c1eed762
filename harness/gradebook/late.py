"""What coming late costs by the course's rule, in exact fractions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction

from harness.course import Deadline
from harness.documents import counted
from harness.records import Late, Marks
from harness.rubric import as_written

__all__ = ["days_late", "deduction", "late", "with_lateness"]

_DAY = timedelta(days=1)


def days_late(deadline: Deadline, handed_in: datetime) -> int:
    """Count the days that have begun since the deadline; 0 within the grace."""
    over = handed_in - deadline.due
    return 0 if over <= deadline.grace else math.ceil(over / _DAY)


def deduction(deadline: Deadline, days: int, *, reached: Fraction, most: Fraction) -> Fraction:
    """Give the points to deduct: within 0 and `reached`, and never less for a later day.

    Args:
        deadline: the course's rule.
        days: days late, as `days_late` counts them.
        reached: points of all parts.
        most: the most points that the assignment gives.

    """
    if deadline.most_days is not None and days > deadline.most_days:
        return reached
    costing = max(days - deadline.free_days, 0)
    if deadline.penalty is None or not costing:
        return Fraction(0)
    whole = {"max": most, "reached": reached, None: Fraction(1)}[deadline.penalty.of]
    return min(costing * deadline.penalty.amount * whole, reached)


def with_lateness(marks: Marks, deadline: Deadline, handed_in: datetime | None, source: str) -> Marks:
    """Deduct from marks without lateness what the rule says; nothing where the time is not known."""
    reached, most = as_written(marks.points), as_written(marks.max_points)
    days = 0 if handed_in is None else days_late(deadline, handed_in)
    cost = deduction(deadline, days, reached=reached, most=most)
    found = late(deadline, handed_in, source, cost=cost, all_of_it=bool(cost) and cost == reached)
    return marks.model_copy(update={"late": found, "points": float(reached - cost)})


def late(
    deadline: Deadline, handed_in: datetime | None, source: str, *, cost: Fraction, all_of_it: bool = False,
) -> Late:
    """Say when it came and what that costs, and whether that is everything that was reached."""
    days = 0 if handed_in is None else days_late(deadline, handed_in)
    words = [*_reason(deadline, handed_in, days, cost), *(["That is all that was reached."] if all_of_it else [])]
    return Late(
        handed_in=handed_in.isoformat(timespec="minutes") if handed_in else "", source=source,
        due=deadline.due.isoformat(timespec="minutes"), days=days, points=float(cost), rule=_rule(deadline),
        reason=" ".join(words),
    )


def _rule(deadline: Deadline) -> str:
    said = [f"Due {_shown(deadline.due)}"]
    if deadline.grace:
        said.append(f"{_long(deadline.grace)} of grace")
    said.append(f"then {deadline.penalty.said}" if deadline.penalty else "nothing is deducted per day")
    if deadline.free_days:
        said.append(f"{counted(deadline.free_days, 'day')} free")
    if deadline.most_days is not None:
        said.append(f"no points after {counted(deadline.most_days, 'day')}")
    return ", ".join(said) + "."


def _reason(deadline: Deadline, handed_in: datetime | None, days: int, cost: Fraction) -> Iterator[str]:
    if handed_in is None:
        yield "It is not known when this was handed in, so nothing is deducted: a person should look."
        return
    over = handed_in - deadline.due
    if over <= timedelta(0):
        yield f"Handed in {_shown(handed_in)}, in time."
        return
    yield f"Handed in {_shown(handed_in)}, {_long(over)} after the deadline"
    if not days:
        yield "and within the grace: nothing is deducted."
        return
    if deadline.most_days is not None and days > deadline.most_days:
        yield f"and later than {counted(deadline.most_days, 'day')}: it has no points."
        return
    free = min(days, deadline.free_days)
    yield f"({counted(days, 'day')} begun{f', {free} of them free' if free else ''}): {float(cost):g} points deducted."


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} (UTC{moment.isoformat()[-6:]})"


def _long(span: timedelta) -> str:
    """Say a duration by its two largest units, rounded up to a minute: a second late is late."""
    minutes = math.ceil(span / timedelta(minutes=1))
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = [(days, "day"), (hours, "hour"), (minutes, "minute")]
    return " ".join([counted(number, unit) for number, unit in units if number][:2])

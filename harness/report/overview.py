"""What the class report says about all hand-ins together: distributions of points, what waits, what failed."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.records import Outcome
from harness.report.rows import Row
from harness.report.text import points

__all__ = ["Bar", "Failure", "Histogram", "Waiting", "failures", "histograms", "waiting"]

MOST_BARS = 20
MOST_NAMED = 40  # groups that are named with a failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar; places and sizes are percent of the drawing."""

    x: float
    width: float
    height: float
    words: str  # "14 to under 15"
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """How the points of one part are distributed."""

    title: str
    assignment: str  # empty where all are of one
    bars: list[Bar]
    most: float
    count: int
    tallest: int
    median: float
    median_place: float
    quartiles: tuple[float, float]
    incomplete: int  # hand-ins with points still open in it


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A criterion that waits for a person, or for another run of the harness, in some groups."""

    title: str
    groups: int
    ours: bool  # the harness failed: grading again helps, not a person


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Faults of one kind in one stage."""

    kind: str
    stage: str
    message: str  # the most frequent
    alike: int  # how many have that message
    rows: list[Row]

    @property
    def shown(self) -> list[Row]:
        """The first of them: a class can fail as a whole."""
        return self.rows[:MOST_NAMED]


def histograms(rows: Iterable[Row]) -> list[Histogram]:
    """Draw the points of all together and of each part, for each assignment."""
    assignments: dict[str, list[Row]] = {}
    for row in rows:
        if row.max_points > 0:
            assignments.setdefault(row.assignment, []).append(row)
    drawn = []
    for assignment, members in assignments.items():
        name = assignment if len(assignments) > 1 else ""
        everything = [(row.points, row.max_points) for row in members]
        unfinished = sum(row.open_points > 0 for row in members)
        for title, earned, open_ in (
            ("All points", everything, unfinished),
            ("Theory", [row.theory for row in members if row.theory and row.marked], 0),
            ("Practice", [row.practice for row in members if row.practice], unfinished),
        ):
            if earned:
                drawn.append(_histogram(title, name, earned, open_))
    return drawn


def _histogram(title: str, assignment: str, earned: Sequence[tuple[float, float]], open_: int) -> Histogram:
    reached, most = [one for one, _ in earned], max(most for _, most in earned)
    width = _bar_width(most)
    count = max(1, math.ceil(most / width))
    heights = [0] * count
    for one in reached:
        heights[min(max(int(one / width), 0), count - 1)] += 1  # full points belong to the last bar
    tallest = max(heights)
    middle = statistics.median(reached)
    low, _, high = statistics.quantiles(reached, n=4, method="inclusive") if len(reached) > 1 else [middle] * 3
    return Histogram(
        title=title, assignment=assignment, most=most, count=len(reached), tallest=tallest, median=middle,
        median_place=_percent(middle / (count * width)), quartiles=(low, high), incomplete=open_,
        bars=[
            Bar(x=_percent(index / count), width=_percent(1 / count), height=_percent(height / tallest), count=height,
                words=f"{points(index * width)} to {points(min((index + 1) * width, most))}")
            for index, height in enumerate(heights)],
    )


def _bar_width(most: float) -> float:
    """Choose the width of bars, in points: one that people count in."""
    power = 10.0 ** math.floor(math.log10(most / MOST_BARS)) if most > 0 else 1.0
    return next(factor * power for factor in (1, 2, 5, 10, 20) if most / (factor * power) <= MOST_BARS)


def _percent(share: float) -> float:
    return round(100 * min(max(share, 0.0), 1.0), 2)


def waiting(rows: Iterable[Row]) -> list[Waiting]:
    """Count for each criterion the groups in which it is open, most first."""
    counts: dict[tuple[str, bool], int] = {}
    for row in rows:
        for item in row.open_items:
            key = (item.title, item.outcome is Outcome.HARNESS_FAULT)
            counts[key] = counts.get(key, 0) + 1
    return [
        Waiting(title=title, groups=count, ours=ours)
        for (title, ours), count in sorted(counts.items(), key=lambda one: -one[1])]


def failures(rows: Iterable[Row]) -> list[Failure]:
    """Put faults of one kind and stage together, those of most groups first."""
    found: dict[tuple[str, str], dict[str, tuple[Row, list[str]]]] = {}
    for row in rows:
        for fault in row.faults:
            groups = found.setdefault((fault.kind, fault.stage), {})
            groups.setdefault(row.link, (row, []))[1].append(fault.message)
    listed = []
    for (kind, stage), groups in found.items():
        messages = [message for _, texts in groups.values() for message in texts]
        message = statistics.mode(messages)
        listed.append(Failure(
            kind=kind, stage=stage, message=message, alike=messages.count(message),
            rows=[row for row, _ in groups.values()]))
    return sorted(listed, key=lambda one: -len(one.rows))

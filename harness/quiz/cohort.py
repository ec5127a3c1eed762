"""The class's answers put together: per statement, for the sheet, and what a person should look at.

Made from marked theory parts alone, so a class report can make it from the `result.json` of each group. A small class
gets intervals, not verdicts: what is listed for a look is listed with its evidence and how often chance does as much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from harness.quiz.patterns import identical, nearly, probabilities
from harness.quiz.statistics import (
    ABSTAINED,
    RIGHT,
    WRONG,
    Discrimination,
    better_half,
    clopper_pearson,
    discrimination,
    holm,
    kr20,
)
from harness.records import Record, StatementResult, TheoryResult

__all__ = [
    "Argument", "Estimate", "KeyDoubt", "NearPattern", "QuizStatistics", "SamePattern", "Share",
    "StatementStatistics", "statistics",
]


class Share(Record):
    """A share of groups with its exact interval of 95 %."""

    count: int
    of: int
    value: float | None                 # None where there was nobody to count
    interval: tuple[float, float]


class Estimate(Record):
    """A number with its interval of 95 %."""

    value: float
    interval: tuple[float, float]


class Argument(Record):
    """An argument that groups gave for a wrong answer."""

    text: str
    groups: tuple[str, ...]


class StatementStatistics(Record):
    """How a class did on one statement."""

    id: str
    text: str
    key: Literal["yes", "no"] | None
    right: Share                            # of all groups
    wrong: Share
    abstained: Share                        # left out, missing, or unreadable
    facility: Share                         # right, of those that answered
    discrimination: Estimate | None         # rest-corrected point-biserial correlation, of those that answered
    contested: int = 0                      # groups whose argument against a contested key a person should read
    arguments: tuple[Argument, ...] = ()    # for the wrong answer, those of most groups first


class KeyDoubt(Record):
    """A statement whose key may be wrong, as good groups contradict it; for a person to look at."""

    id: str
    key: Literal["yes", "no"] | None
    better: Share                           # of the better half that answered: who contradicts the key
    others: Share                           # likewise of the other half
    discrimination: Estimate
    by_chance: float    # chance of so low a discrimination on any statement, where none tells good groups from others


class SamePattern(Record):
    """Groups that gave the same answer to every statement."""

    groups: tuple[str, ...]
    right: int
    wrong: int
    abstained: int
    chance: float       # that another group as good gives exactly these answers
    in_class: float     # bound on the chance that any two groups of the class agree on a sheet as rare as this


class NearPattern(Record):
    """Groups whose answers differ in one or two statements."""

    groups: tuple[str, ...]
    others: tuple[str, ...]
    apart: tuple[str, ...]      # ids of the statements in which they differ
    alike_wrong: int            # statements on which both have the same wrong answer
    chance: float       # that another group as good comes as near by itself
    in_class: float     # bound on the chance that any two groups of the class come out as unlikely near


class QuizStatistics(Record):
    """What a class's answers say."""

    quiz: str
    groups: int
    max_points: float
    mean_points: float
    median_points: float
    statements: tuple[StatementStatistics, ...]
    kr20: Estimate | None
    key_doubts: tuple[KeyDoubt, ...] = ()
    same_patterns: tuple[SamePattern, ...] = ()
    near_patterns: tuple[NearPattern, ...] = ()     # those of which chance is expected to make fewer than one
    near_unlisted: int = 0                          # pairs of answers as near that are not listed
    void: tuple[str, ...] = ()
    left_out: dict[str, str] = Field(default_factory=dict)      # hand-in -> why its answers are not counted


MOST_NEAR = 100     # pairs of nearly the same answers that are listed

_CATEGORIES = {"right": RIGHT, "wrong": WRONG}


def statistics(
    marked: Mapping[str, TheoryResult], *, left_out: Mapping[str, str] | None = None,
) -> QuizStatistics:
    """Put a class's marked answers to one quiz together; void statements are counted nowhere.

    Args:
        marked: the marked theory part of each group; at least one.
        left_out: hand-ins that could not be counted, and why.

    """
    first = next(iter(marked.values()))
    counting = [one for one in first.statements if one.verdict != "void"]
    results = [_by_id(result, counting) for result in marked.values()]
    verdicts = np.array(
        [[_CATEGORIES.get(one.verdict, ABSTAINED) for one in row] for row in results], dtype=np.int8)
    worth = np.array([[one.points or 0.0 for one in row] for row in results])
    telling = discrimination(verdicts, worth)
    columns = list(zip(*results, strict=True))
    names = list(marked)
    points = [result.points or 0.0 for result in marked.values()]
    reliability = kr20(verdicts)
    expected = probabilities(verdicts)
    near, near_unlisted = _near(verdicts, expected, names, [one.id for one in counting])
    return QuizStatistics(
        quiz=first.quiz, groups=len(names), max_points=first.max_points,
        mean_points=float(np.mean(points)), median_points=float(np.median(points)),
        statements=tuple(
            _statement(column, verdicts[:, place], telling[place], names) for place, column in enumerate(columns)),
        kr20=Estimate(value=reliability[0], interval=reliability[1]) if reliability else None,
        key_doubts=tuple(_doubts(columns, verdicts, worth, telling)),
        same_patterns=tuple(_same(verdicts, expected, names)), near_patterns=near, near_unlisted=near_unlisted,
        void=tuple(one.id for one in first.statements if one.verdict == "void"), left_out=dict(left_out or {}),
    )


def _by_id(result: TheoryResult, statements: Sequence[StatementResult]) -> list[StatementResult]:
    """Bring the statements of a result into the order of the first; one that it lacks was left out."""
    given = {one.id: one for one in result.statements}
    return [given.get(one.id) or StatementResult(id=one.id, verdict="missing") for one in statements]


def _share(count: int, of: int) -> Share:
    return Share(count=count, of=of, value=count / of if of else None, interval=clopper_pearson(count, of))


def _estimate(found: Discrimination) -> Estimate:
    return Estimate(value=found.value, interval=found.interval)


def _statement(
    column: Sequence[StatementResult], verdicts: np.ndarray, telling: Discrimination | None, names: Sequence[str],
) -> StatementStatistics:
    groups = len(verdicts)
    right, wrong, abstained = (int(np.sum(verdicts == one)) for one in (RIGHT, WRONG, ABSTAINED))
    return StatementStatistics(
        id=column[0].id, text=column[0].text, key=column[0].key,
        right=_share(right, groups), wrong=_share(wrong, groups), abstained=_share(abstained, groups),
        facility=_share(right, right + wrong), discrimination=_estimate(telling) if telling else None,
        contested=sum(one.contested for one in column),
        arguments=_arguments({
            name: one.argument for name, one in zip(names, column, strict=True)
            if one.verdict == "wrong" and one.argument}),
    )


def _arguments(given: Mapping[str, str]) -> tuple[Argument, ...]:
    """List arguments, the most frequent first; those that differ in capitals, spaces or full stops only are one."""
    alike: dict[str, list[str]] = {}
    for name, text in given.items():
        alike.setdefault(" ".join(text.casefold().split()).strip(" .!"), []).append(name)
    arguments = [Argument(text=given[groups[0]], groups=tuple(groups)) for groups in alike.values()]
    return tuple(sorted(arguments, key=lambda one: -len(one.groups)))


def _doubts(
    columns: Sequence[Sequence[StatementResult]], verdicts: np.ndarray, worth: np.ndarray,
    telling: Sequence[Discrimination | None],
) -> list[KeyDoubt]:
    """List statements that good groups miss, those with the lowest discrimination first.

    Listed is where those who are right do worse elsewhere (discrimination below 0) and most of the better half that
    answered contradicts the key, or where the discrimination's whole interval is below 0.
    """
    known = [place for place, one in enumerate(telling) if one is not None]
    by_chance = dict(zip(known, holm([telling[place].below_zero for place in known]), strict=True))  # type: ignore[union-attr]
    totals = worth.sum(axis=1)
    doubts = []
    for place, found in enumerate(telling):
        if found is None or found.value >= 0:
            continue
        half = better_half(totals - worth[:, place])
        better, others = (_contradicting(verdicts[rows, place]) for rows in (half, ~half))
        if 2 * better.count > better.of or found.interval[1] < 0:
            first = columns[place][0]
            doubts.append(KeyDoubt(
                id=first.id, key=first.key, better=better, others=others, discrimination=_estimate(found),
                by_chance=by_chance[place]))
    return sorted(doubts, key=lambda one: one.discrimination.value)


def _contradicting(verdicts: np.ndarray) -> Share:
    return _share(int(np.sum(verdicts == WRONG)), int(np.sum(verdicts != ABSTAINED)))


def _same(verdicts: np.ndarray, expected: np.ndarray, names: Sequence[str]) -> list[SamePattern]:
    found = []
    for same in identical(verdicts, expected=expected):
        right, wrong, abstained = np.bincount(verdicts[same.groups[0]], minlength=3).tolist()
        if right + wrong == 0:
            continue        # nobody's answers are not a copy of anybody's
        found.append(SamePattern(
            groups=tuple(names[place] for place in same.groups), right=right, wrong=wrong, abstained=abstained,
            chance=same.chance, in_class=same.in_class))
    return found


def _near(
    verdicts: np.ndarray, expected: np.ndarray, names: Sequence[str], ids: Sequence[str],
) -> tuple[tuple[NearPattern, ...], int]:
    """List those pairs of answers that chance alone is not expected to make, and count the others."""
    answered = (verdicts != ABSTAINED).any(axis=1)
    found = [
        one for one in nearly(verdicts, expected=expected)
        if answered[one.groups[0][0]] and answered[one.groups[1][0]]]
    telling = [one for one in found if one.in_class < 1][:MOST_NEAR]
    listed = []
    for near in telling:
        groups, others = (tuple(names[place] for place in places) for places in near.groups)
        both = verdicts[near.groups[0][0]], verdicts[near.groups[1][0]]
        listed.append(NearPattern(
            groups=groups, others=others, apart=tuple(ids[place] for place in near.apart),
            alike_wrong=int(np.sum((both[0] == WRONG) & (both[1] == WRONG))), chance=near.chance,
            in_class=near.in_class))
    return tuple(listed), len(found) - len(listed)

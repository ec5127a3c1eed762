"""The queue of the review page: criteria that a person has to look at, read from the results and the marks by hand."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Literal

from pydantic import ValidationError

from harness.errors import UserError
from harness.records import CriterionMark, GradeResult, Outcome
from harness.review.marks import HandMark, Key, MarkStore
from harness.rubric import OPEN, without_hand_marks

__all__ = ["Choice", "Item", "Queue", "Tally", "progress", "tallies"]

State = Literal["open", "reopened", "done"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One criterion of one group that a person looks at."""

    id: str                     # names it in addresses, and does not tell the group
    path: Path                  # its result.json
    group: str
    assignment: str
    criterion: str
    title: str
    part: str
    max_points: float
    automatic: float | None     # what the harness gave; None where the points are open
    ask: str                    # what the rubric asks a person to judge; may be empty
    reasons: tuple[str, ...]    # why a person looks at it
    evidence: str               # hash of what a person sees; a mark given on another one is open again
    place: int                  # of the criterion in its rubric
    mark: HandMark | None = None

    @property
    def key(self) -> Key:
        """Where its mark is kept."""
        return self.group, self.assignment, self.criterion

    @property
    def state(self) -> State:
        """Say whether a person still has to look at it."""
        if self.mark is None:
            return "open"
        return "done" if self.mark.evidence == self.evidence else "reopened"

    @property
    def version(self) -> str:
        """The version of its mark; empty where there is none."""
        return self.mark.version if self.mark else ""

    @property
    def group_id(self) -> str:
        """Name its group in addresses."""
        return _digest(self.group)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which part of the queue somebody goes through."""

    criterion: str = ""         # "summer23/interpretation"
    group: str = ""             # Item.group_id
    state: str = ""             # "" everything, "todo" without what is done, "done"

    def holds(self, item: Item) -> bool:
        """Whether the item is in this part."""
        return (
            self.criterion in {"", f"{item.assignment}/{item.criterion}"} and self.group in {"", item.group_id}
            and (not self.state or (item.state == "done") == (self.state == "done")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How far one criterion is."""

    assignment: str
    criterion: str
    title: str
    done: int
    reopened: int
    count: int

    @property
    def choice(self) -> Choice:
        """What is left of it."""
        return Choice(criterion=f"{self.assignment}/{self.criterion}", state="todo")


@dataclass(frozen=True, slots=True)
class _Read:
    """What was taken from a result.json, and how the file looked then."""

    stamp: tuple[int, int, int]
    items: tuple[Item, ...]


class Queue:
    """The queue of a folder of reports; results are read again when their files change.

    Args:
        reports: the folder of all reports.
        store: where marks by hand are kept.
        anonymous: groups are shown under numbers that say nothing about them.

    """

    def __init__(self, reports: Path, store: MarkStore, *, anonymous: bool = False) -> None:
        self.reports, self.store, self.anonymous = reports, store, anonymous
        self._read: dict[Path, _Read] = {}
        self._numbers: dict[str, int] = {}
        self._lock = Lock()

    def items(self) -> list[Item]:
        """List everything that a person has to look at or has marked: criterion by criterion, then by group."""
        with self._lock:
            self._look()
            found = [item for read in self._read.values() for item in read.items]
            self._count(found)
        marks = self.store.marks()
        marked = [replace(item, mark=marks.get(item.key)) for item in found]
        return sorted(
            (item for item in marked if item.reasons or item.mark is not None),
            key=lambda item: (item.assignment, item.place, item.criterion, self._order(item)))

    def label(self, item: Item) -> str:
        """Name the item's group as the page shows it."""
        return f"Hand-in {self._numbers[item.group]}" if self.anonymous else item.group

    def result(self, item: Item) -> GradeResult:
        """Read the item's result.

        Raises:
            UserError: it is gone or damaged.

        """
        try:
            return GradeResult.model_validate_json(item.path.read_bytes())
        except (OSError, ValidationError) as error:
            raise UserError(
                f"{item.path}: cannot be read ({str(error).splitlines()[0]}); grade the hand-in again") from error

    def _look(self) -> None:
        """Read the results that are new or have changed, one at a time, and forget those that are gone."""
        there = {}
        for path in self.reports.glob("*/result.json"):
            try:
                stat = path.stat()
                stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
                read = self._read.get(path)
                if read is None or read.stamp != stamp:
                    read = _Read(stamp, tuple(_items(path, GradeResult.model_validate_json(path.read_bytes()))))
            except (OSError, ValidationError):
                continue        # the list of all reports names damaged results
            there[path] = read
        self._read = there

    def _count(self, items: Iterable[Item]) -> None:
        """Give groups numbers in an order that has nothing to do with their names; a number that was given stays."""
        for group in sorted({item.group for item in items} - set(self._numbers), key=_digest):
            self._numbers[group] = len(self._numbers) + 1

    def _order(self, item: Item) -> object:
        if self.anonymous:
            return self._numbers[item.group]
        return [(int(part), "") if part.isdecimal() else (-1, part.lower())
                for part in re.split(r"(\d+)", item.group) if part]


def tallies(items: Sequence[Item]) -> list[Tally]:
    """Count what is done, criterion by criterion."""
    grouped: dict[tuple[str, str], list[Item]] = {}
    for item in items:
        grouped.setdefault((item.assignment, item.criterion), []).append(item)
    return [
        Tally(
            assignment=assignment, criterion=criterion, title=members[0].title, count=len(members),
            done=sum(item.state == "done" for item in members),
            reopened=sum(item.state == "reopened" for item in members))
        for (assignment, criterion), members in grouped.items()]


def _items(path: Path, result: GradeResult) -> Iterable[Item]:
    marks = [(part, mark) for part in without_hand_marks(result.marks).parts for mark in part.criteria]
    for place, (part, mark) in enumerate(marks):
        yield Item(
            id=_digest(result.group, result.assignment, mark.id), path=path, group=result.group,
            assignment=result.assignment, criterion=mark.id, title=mark.title, part=part.title, place=place,
            max_points=mark.max_points, automatic=mark.points, ask=mark.ask, reasons=tuple(_reasons(mark)),
            evidence=mark.evidence)


def _reasons(mark: CriterionMark) -> Iterable[str]:
    """Say why a person looks at a criterion; a fault of the harness is mended by grading again, not by a person."""
    if mark.outcome in OPEN - {Outcome.HARNESS_FAULT}:
        yield "the points are open"
    yield from mark.flags


def _digest(*names: str) -> str:
    return hashlib.sha256("\0".join(names).encode("utf-8", "replace")).hexdigest()[:12]


def progress(items: Sequence[Item]) -> Mapping[str, int]:
    """Count states."""
    return {state: sum(item.state == state for item in items) for state in ("open", "reopened", "done")}

"""What the review page asks of the place where marks by hand are kept."""

from __future__ import annotations

from fractions import Fraction
from typing import Protocol

from harness.errors import UserError
from harness.records import GradeResult, Record

__all__ = ["HandMark", "Key", "MarkStore", "MarkedMeanwhile"]

Key = tuple[str, str, str]
"""Group, assignment, criterion."""


class HandMark(Record):
    """Points that a person gave for one criterion."""

    points: float
    author: str
    reason: str
    time: str                   # ISO 8601, UTC
    evidence: str               # hash of what the person saw; another one now reopens the mark
    version: str                # tells this mark from every other one that may stand in its place


class MarkedMeanwhile(UserError):  # noqa: N818 - it says what happened
    """Somebody else has marked the criterion since the person who marks it now saw it."""


class MarkStore(Protocol):
    """Where marks by hand are kept: only ever added to, by several processes at once."""

    def marks(self) -> dict[Key, HandMark]:
        """Give the marks that stand."""

    def give(
        self, result: GradeResult, criterion: str, points: Fraction, *, reason: str, author: str, evidence: str,
        seen: str,
    ) -> None:
        """Add a mark; it is on the disk when this returns.

        Args:
            result: of the group that it is for.
            criterion: id of the criterion.
            points: what it gets.
            reason: why; the group reads it.
            author: who gives it.
            evidence: hash of what the author saw.
            seen: version of the mark that the author saw; empty if there was none.

        Raises:
            MarkedMeanwhile: another mark stands there by now; it is left as it is.
            UserError: the mark is not possible.

        """

    def settle(self) -> None:
        """Bring the reports up to date with the marks; may take long, and may be called again at any time."""

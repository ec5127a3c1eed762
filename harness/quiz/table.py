"""A marked or checked theory part as rows of text, for terminals and plain files."""

from __future__ import annotations

from typing import NamedTuple

from harness.records import StatementResult, TheoryResult

__all__ = ["Row", "rows"]


class Row(NamedTuple):
    """One statement; `details` are lines to stand under each other: statement, why, the group's argument."""

    id: str
    answer: str
    verdict: str
    points: str
    details: tuple[str, ...]


def rows(result: TheoryResult) -> list[Row]:
    """Give a row for each statement, in the order of the sheet.

    Where no key was used, points are empty and nothing is said about why. Raw points are shown with their
    sign; what they become is in `result.explanation`.
    """
    return [_row(one) for one in result.statements]


def _said(one: StatementResult) -> str:
    """Give the verdict; without a key, whether the answer could be read."""
    if one.verdict != "unmarked":
        return one.verdict
    return "read" if one.answer is not None else "unreadable"


def _row(one: StatementResult) -> Row:
    details = [one.text]
    if one.why:
        details.append(f"{one.key}: {one.why}" if one.key else one.why)
    if one.argument:
        details.append(f"Your argument: {one.argument}")
    points = "" if one.points is None else f"{one.points:+.3g}".replace("-", "\N{MINUS SIGN}")
    return Row(
        id=one.id, answer=one.answer or "\N{EN DASH}", points="0" if one.points == 0 else points,
        verdict=f"{one.verdict}, contested" if one.contested else _said(one), details=tuple(details),
    )

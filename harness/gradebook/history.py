"""What happened to a group's grade, in the order in which it happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from harness.gradebook.book import Gradebook
from harness.gradebook.tables import Attempt, AutomaticMark, HandedIn, PersonMark

__all__ = ["Entry", "history"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened.

    Attributes:
        time: ISO 8601, UTC.
        kind: `graded`, `given`, `withdrawn` or `handed in`.
        said: what happened, in a line.
        details: what changed by it, line by line.
        facts: the row of the gradebook, by column.

    """

    time: str
    kind: str
    said: str
    details: list[str]
    facts: dict[str, object]


def history(book: Gradebook, group: str) -> list[Entry]:
    """List attempts with what changed from one to the next, and everything that persons said."""
    entries = [
        *_attempts(book.attempts(group)), *map(_mark, book.person_marks(group)), *map(_time, book.times_said(group))]
    return sorted(entries, key=lambda entry: entry.time)


def _attempts(attempts: list[tuple[Attempt, list[AutomaticMark]]]) -> Iterator[Entry]:
    before: dict[str, dict[str, AutomaticMark]] = {}        # by assignment
    hashes: dict[str, str] = {}
    for one, marks in attempts:
        earlier = before.get(one.assignment)
        now = {mark.criterion: mark for mark in marks}
        which = "the same hand-in" if hashes.get(one.assignment) == one.hand_in_hash else "hand-in"
        named = one.hand_in_hash[:8] or "that could not be taken in"
        yield Entry(
            time=one.graded, kind="graded", details=list(_changes(earlier, now)) if earlier is not None else [],
            said=f"{one.assignment or 'no assignment'}: {which} {named}, "
                 f"{one.points:g} of {one.max_points:g} points, {one.open_points:g} open ({one.data}, {one.budget})",
            facts=one.fields() | {"marks": [mark.fields() for mark in marks]},
        )
        before[one.assignment], hashes[one.assignment] = now, one.hand_in_hash


def _changes(before: dict[str, AutomaticMark], now: dict[str, AutomaticMark]) -> Iterator[str]:
    for name in dict.fromkeys([*before, *now]):
        old, new = _shown(before.get(name)), _shown(now.get(name))
        if old != new:
            yield f"{name}: {old} → {new}"
        elif before[name].evidence != now[name].evidence:
            yield f"{name}: what it rests on changed"


def _shown(mark: AutomaticMark | None) -> str:
    if mark is None:
        return "none"
    return mark.outcome.replace("_", " ") if mark.points is None else f"{mark.points:g} of {mark.max_points:g}"


def _mark(mark: PersonMark) -> Entry:
    if mark.points is None:
        kind, said = "withdrawn", f"{mark.criterion}: taken back by {mark.author}"
    else:
        kind, said = "given", f"{mark.criterion}: {float(Fraction(mark.points)):g} points by {mark.author}"
    return Entry(time=mark.time, kind=kind, said=said, details=[mark.reason], facts=mark.fields())


def _time(said: HandedIn) -> Entry:
    return Entry(time=said.time, kind="handed in", said=f"{said.moment}, says {said.author}", details=[said.reason],
                 facts=said.fields())

"""Finds the statements of a sheet in a document, by their numbers and by their words.

The words are looked up by local alignment: the heaviest common subsequence of a statement and a window of the
document, each word weighed by how rare it is on the sheet. What comes near two statements alike is taken for
neither, unless its number decides.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from harness.quiz.reading.chains import Link, chain_of
from harness.quiz.reading.labels import Labels
from harness.quiz.reading.parts import parts, weights_of
from harness.quiz.reading.stream import Stream
from harness.quiz.reading.typed import is_answer
from harness.quiz.sheet import Sheet

__all__ = ["ENOUGH", "Location", "locate"]

ENOUGH, ENOUGH_WITH_LABEL = 0.62, 0.36      # share of a statement's weight that must be found
MARGIN = 0.1                                # by which the next statement must fit worse
OVERRULES = 0.8                             # share from which words count more than another statement's number
FAR = 6                                     # words between those that belong together
MOST_WINDOWS = 12                           # of one statement that are aligned
MOST_ALONE = 30                             # places of one number without words

_BARRIER = re.compile(r"^(?:\(?(?:YES|NO|JA|NEIN|TRUE|FALSE)[.,;:!)]*|[-–—=]+>|[→⇒➔➜⟶⇨])$")


@dataclass(frozen=True, slots=True)
class Location:
    """A place where a statement stands, or its number alone.

    Attributes:
        id: the statement.
        start: index of the first word that belongs to it: of its number where it has one.
        label: indices of the words of its number; empty where it has none.
        matched: indices of its own words that were found; empty where only its number stands.
        score: share of its weight that was found; 0 for a number alone.
        numbered: its number is one that sections may have as well.
        rival: another statement that fits nearly as well; "" where there is none.

    """

    id: str
    start: int
    label: tuple[int, ...] = ()
    matched: frozenset[int] = frozenset()
    score: float = 0.0
    numbered: bool = False
    rival: str = ""

    @property
    def last(self) -> int:
        """Index of its last word that was found."""
        return max(self.matched, default=max(self.label, default=self.start))


def locate(sheet: Sheet, stream: Stream) -> tuple[list[Location], dict[int, str]]:
    """Find all statements, also those that stand in several places.

    Returns:
        Places in the order of reading, which do not overlap; and the headings: first word of a line -> question.

    """
    labels = Labels(sheet)
    numbers, headings = _labels(labels, stream)
    candidates = list(_candidates(sheet, stream))
    between = [label for label in numbers if any(_between(label, one) for one in candidates)]
    before = [label for label in numbers if label not in between]
    found = [_labelled(one, before, between) for one in candidates]
    chosen = _choose(found)
    claimed = {index for one in chosen for index in (*one.label, *one.matched)}
    alone = _not_too_many(one for one in numbers if not claimed & set(one.label))
    return sorted([*chosen, *alone], key=lambda one: one.start), headings


def _labels(labels: Labels, stream: Stream) -> tuple[list[Location], dict[int, str]]:
    """Find numbers at the beginning of pieces, and the headings that they stand below."""
    found: list[Location] = []
    headings: dict[int, str] = {}
    question: str | None = None
    texts: dict[int, list[str]] = {}
    for piece in stream.pieces:
        texts.setdefault(piece.line, []).extend(word.text for word in piece.words)
    index, line, headed = 0, -1, -1
    for piece in stream.pieces:
        words = [word.text for word in piece.words]
        begins = piece.line != line
        chain = chain_of(texts[piece.line], labels, question) if begins else []
        heading = labels.heading(" ".join(texts[piece.line])) if begins else None
        if chain:
            headed = piece.line
            found += [_place_of(link, index) for link in chain]
            question = labels.question_of(chain[-1].id)
            if chain[0].begin > 0:
                headings[index] = question
        elif heading is not None:
            question, headings[index], headed = heading, heading, piece.line
        elif piece.line != headed:
            skip = 1 if is_answer(words[:1]) else 0     # "YES 1a) ..."
            label = labels.at(words[skip:skip + 4], question)
            if label is not None:
                one, size, numbered = label
                begin = index + skip
                found.append(Location(one, begin, tuple(range(begin, begin + size)), numbered=numbered))
        index, line = index + len(words), piece.line
    return found, headings


def _place_of(link: Link, index: int) -> Location:
    """Give the place of a number on a line that begins with the word of this index."""
    begin = index + link.begin
    return Location(link.id, begin, tuple(range(begin, begin + link.size)), numbered=link.numbered)


def _candidates(sheet: Sheet, stream: Stream) -> Iterator[Location]:
    weights = weights_of(sheet)
    for statement in sheet.statements:
        wanted = parts(statement.text)
        total = sum(weights[part] for part in wanted)
        for begin, end in _windows(wanted, weights, stream, total):
            window = stream.parts[begin:end]
            pairs, weight = _align(wanted, [part for part, _ in window], weights)
            pairs, weight = _trim(pairs, weight, [weights.get(part, 0.0) for part, _ in window], 0.2 * total)
            pairs, weight = _within_barriers(pairs, weight, window, stream, weights)
            matched = frozenset(index for place in pairs for index in window[place][1])
            if matched and weight / total >= ENOUGH_WITH_LABEL:
                yield Location(statement.id, min(matched), (), matched, weight / total)


def _windows(
    wanted: Sequence[str], weights: dict[str, float], stream: Stream, total: float,
) -> list[tuple[int, int]]:
    """Give stretches of the document that hold much of a statement, the fullest first; they may not overlap much."""
    size = int(1.4 * len(wanted)) + 6
    here = set(wanted)
    hits = [index for index, (part, _) in enumerate(stream.parts) if part in here]
    scored = []
    for place, begin in enumerate(hits):
        seen = set()
        for index in hits[place:place + size]:
            if index >= begin + size:
                break
            seen.add(stream.parts[index][0])
        weight = sum(weights[part] for part in seen)
        if weight >= 0.8 * ENOUGH_WITH_LABEL * total:
            scored.append((weight, -begin))
    chosen: list[tuple[int, int]] = []
    for _, begin in sorted(scored, reverse=True):
        if all(abs(-begin - other) > size // 2 for other, _ in chosen):
            chosen.append((max(0, -begin - 4), min(-begin + size + 4, len(stream.parts))))
        if len(chosen) == MOST_WINDOWS:
            break
    return chosen


def _align(wanted: Sequence[str], seen: Sequence[str], weights: dict[str, float]) -> tuple[list[int], float]:
    """Give the places in `seen` of the heaviest common subsequence, and its weight; of equal ones, a short one.

    It ends where the weight is first reached, and begins where it is last possible: words of a statement often
    stand in its argument or in the next statement as well.
    """
    _, weight, end = _subsequence(wanted, seen, weights)
    _, _, length = _subsequence(wanted[::-1], seen[:end][::-1], weights)
    begin = end - length
    places, _, _ = _subsequence(wanted, seen[begin:end], weights)
    return [begin + place for place in places], weight


def _subsequence(
    wanted: Sequence[str], seen: Sequence[str], weights: dict[str, float],
) -> tuple[list[int], float, int]:
    """Give places and weight of the heaviest common subsequence, and how much of `seen` is needed to reach it."""
    table = [[0.0] * (len(seen) + 1) for _ in range(len(wanted) + 1)]
    for row, part in enumerate(wanted, 1):
        above, here = table[row - 1], table[row]
        for column, other in enumerate(seen, 1):
            best = max(above[column], here[column - 1])
            if part == other:
                best = max(best, above[column - 1] + weights[part])
            here[column] = best
    places = []
    row, column = len(wanted), len(seen)
    while row and column:
        here_weight = table[row][column]
        if here_weight == table[row][column - 1]:
            column -= 1
        elif here_weight == table[row - 1][column]:
            row -= 1
        else:
            places.append(column - 1)
            row, column = row - 1, column - 1
    weight = table[-1][-1]
    # Sums in another order may differ in the last digit.
    needed = next(column for column, value in enumerate(table[-1]) if value >= weight - 1e-9)
    return places[::-1], weight, needed


def _trim(places: list[int], weight: float, weights: Sequence[float], most: float) -> tuple[list[int], float]:
    """Let go of a few light words at either end that stand far from the others: they are the neighbours'."""
    for flip in (1, -1):
        ordered = places[::flip]
        lost = 0.0
        for index in range(len(ordered) - 1):
            lost += weights[ordered[index]]
            if lost > most:
                break
            if abs(ordered[index + 1] - ordered[index]) > FAR:
                ordered, weight, lost = ordered[index + 1:], weight - lost, 0.0
                break
        places = ordered[::flip]
    return places, weight


def _within_barriers(
    places: list[int], weight: float, window: Sequence[tuple[str, tuple[int, ...]]], stream: Stream,
    weights: dict[str, float],
) -> tuple[list[int], float]:
    """Keep to one side of a typed answer or an arrow: no statement goes on behind it."""
    for index in range(len(places) - 1):
        left, right = window[places[index]][1][-1], window[places[index + 1]][1][0]
        if any(_BARRIER.match(stream.words[between].text) for between in range(left + 1, right)):
            sides = places[:index + 1], places[index + 1:]
            heavier = max(sides, key=lambda side: sum(weights[window[place][0]] for place in side))
            kept = sum(weights[window[place][0]] for place in heavier)
            return _within_barriers(heavier, kept, window, stream, weights)
    return places, weight


def _not_too_many(numbers: Iterable[Location]) -> list[Location]:
    """Keep the first places of each number: a file that repeats one a thousand times is no hand-in."""
    counts: Counter[str] = Counter()
    kept = []
    for one in numbers:
        counts[one.id] += 1
        if counts[one.id] <= MOST_ALONE:
            kept.append(one)
    return kept


def _between(label: Location, one: Location) -> bool:
    """Tell whether a number stands between the lines of its own statement, as in the middle of a table's row."""
    return label.id == one.id and min(one.matched) < label.start < one.last


def _labelled(one: Location, numbers: Sequence[Location], between: Sequence[Location]) -> Location:
    """Give a place its number: one between its lines, or the last one before it with no more than a few words between.

    The place begins with its number in the second case.
    """
    for label in between:
        if _between(label, one):
            return replace(one, label=label.label)
    before = [label for label in numbers if label.start <= min(one.matched)]
    if not before:
        return one
    label = before[-1]
    distance = min(one.matched) - label.last
    if label.id == one.id and distance <= 12:
        return replace(one, start=label.start, label=label.label)
    if label.id != one.id and distance <= 3:
        return replace(one, start=label.start, label=label.label, rival=label.id)
    return one


def _choose(found: Sequence[Location]) -> list[Location]:
    """Take the best places, each for one statement; note where another one fits nearly as well."""
    def trust(one: Location) -> float:
        numbered = bool(one.label) and not one.rival
        return one.score + (0.3 if numbered else -0.1 if one.rival else 0.0)

    chosen: list[Location] = []
    for one in sorted(found, key=lambda one: (-trust(one), one.start, one.id)):
        least = ENOUGH_WITH_LABEL if one.label and not one.rival else ENOUGH
        if one.score < least or any(_overlap(one, other) for other in chosen):
            continue
        chosen.append(one)
    return [replace(one, rival=_rival(one, found, chosen, trust)) for one in chosen]


def _rival(
    one: Location, found: Sequence[Location], chosen: Sequence[Location], trust: Callable[[Location], float],
) -> str:
    """Name a statement that fits a place nearly as well, and does not stand there only because it is next to it."""
    for other in found:
        near = other.id != one.id and trust(other) > trust(one) - MARGIN and _overlap(one, other)
        if near and not any(own.id == other.id and _overlap(own, other) for own in chosen):
            return other.id
    return one.rival if one.score < OVERRULES else ""


def _overlap(one: Location, other: Location) -> bool:
    begin, end = max(min(one.matched), min(other.matched)), min(one.last, other.last)
    shorter = min(one.last - min(one.matched), other.last - min(other.matched)) + 1
    return end - begin + 1 > 0.3 * shorter

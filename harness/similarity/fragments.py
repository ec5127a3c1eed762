"""The stretches that two hand-ins share, grown from common fingerprints as far as both are alike."""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from typing import Literal

from harness.similarity.documents import Document
from harness.similarity.results import Fragment

__all__ = ["fragments_of"]

MOST = 8                # fragments of a pair and kind
MOST_LINES = 40         # of a fragment that are shown


def fragments_of(
    kind: str, one: Document, other: Document, prints: Iterable[int], *, most: int = MOST,
) -> list[Fragment]:
    """Give the longest stretches that begin from common fingerprints; no token of the first one is in two."""
    covered: set[int] = set()
    found: list[tuple[int, int, int]] = []
    for begin, there in sorted((one.prints[print_], other.prints[print_]) for print_ in prints):
        if begin in covered:
            continue
        start, match, length = _grown(one, other, begin, there)
        covered.update(range(start, start + length))
        found.append((length, start, match))
    found.sort(reverse=True)
    return [_fragment(kind, one, other, stretch) for stretch in found[:most]]


def _grown(one: Document, other: Document, begin: int, there: int) -> tuple[int, int, int]:
    """Extend a common run to both sides, within the files in which it stands."""
    low, high = _bounds(one, begin)
    other_low, other_high = _bounds(other, there)
    before = 0
    while min(begin - before - low, there - before - other_low) > 0 and (
            one.tokens[begin - before - 1].word == other.tokens[there - before - 1].word):
        before += 1
    after = 0
    while max(begin + after - high, there + after - other_high) < 0 and (
            one.tokens[begin + after].word == other.tokens[there + after].word):
        after += 1
    return begin - before, there - before, before + after


def _file(document: Document, place: int) -> int:
    return bisect.bisect_right(document.starts, place) - 1


def _bounds(document: Document, place: int) -> tuple[int, int]:
    """Give the first token of the file of a token, and the one behind its last."""
    file = _file(document, place)
    end = document.starts[file + 1] if file + 1 < len(document.starts) else len(document.tokens)
    return document.starts[file], end


def _fragment(kind: str, one: Document, other: Document, stretch: tuple[int, int, int]) -> Fragment:
    length, start, match = stretch
    first, second = _shown(one, start, length), _shown(other, match, length)
    named: Literal["code", "text"] = "code" if kind == "code" else "text"
    return Fragment(kind=named, tokens=length, places=(first[0], second[0]), texts=(first[1], second[1]))


def _shown(document: Document, start: int, length: int) -> tuple[str, str]:
    """Give where a stretch stands, and its lines with their numbers."""
    name, lines = document.files[_file(document, start)]
    first, last = document.tokens[start].line, document.tokens[start + length - 1].line
    seen = enumerate(lines[first - 1:min(last, first + MOST_LINES - 1)], first)
    shown = [f"{number:>4}  {line[:160]}" for number, line in seen]
    if last - first >= MOST_LINES:
        shown.append("   …")
    return f"{name}, lines {first} to {last}" if last > first else f"{name}, line {first}", "\n".join(shown)

"""The words of a document in the order of reading, each knowing its place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.quiz.reading.facts import Box, Page
from harness.quiz.reading.layout import Piece, pieces_of
from harness.quiz.reading.parts import parts

__all__ = ["Placed", "Stream", "stream_of"]


@dataclass(frozen=True, slots=True)
class Placed:
    """A word and where it stands: page from 1, column, line and piece of the line in the order of reading."""

    text: str
    box: Box
    page: int
    column: int
    line: int
    piece: int


@dataclass(frozen=True, slots=True)
class Stream:
    """All words, the pieces they stand in, and their comparable parts: (part, indices of the words it is from)."""

    words: tuple[Placed, ...]
    pieces: tuple[Piece, ...]
    parts: tuple[tuple[str, tuple[int, ...]], ...]

    def first_of(self, piece: int) -> int:
        """Give the index of the first word of a piece."""
        return sum(len(one.words) for one in self.pieces[:piece])


def stream_of(pages: Sequence[Page]) -> Stream:
    """Put the words of all pages into one row."""
    pieces: list[Piece] = []
    for page in pages:
        pieces += pieces_of(page, pieces[-1].line + 1 if pieces else 0)
    words = tuple(
        Placed(word.text, word.box, piece.page, piece.column, piece.line, number)
        for number, piece in enumerate(pieces) for word in piece.words
    )
    return Stream(words, tuple(pieces), tuple(_parts(words)))


def _parts(words: Sequence[Placed]) -> list[tuple[str, tuple[int, ...]]]:
    """Split words into parts; a word that is broken at the end of a line is made whole."""
    found: list[tuple[str, tuple[int, ...]]] = []
    skip = False
    for index, word in enumerate(words):
        if skip:
            skip = False
            continue
        after = words[index + 1] if index + 1 < len(words) else None
        broken = (
            after is not None and after.line != word.line and re.search(r"[a-zäöüß]-$", word.text)
            and re.match(r"[a-zäöüß]", after.text)
        )
        if broken and after is not None:
            # As one word and as two: "regu-lariser" was one, "log-likelihood" two.
            ends = parts(word.text), parts(after.text)
            whole = parts(word.text[:-1] + after.text)
            found += [(part, (index, index + 1)) for part in whole]
            found += [(part, (index + 1,)) for part in ends[1]]
            skip = True
        else:
            found += [(part, (index,)) for part in parts(word.text)]
    return found

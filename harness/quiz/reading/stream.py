"""The words of a document in the order of reading, each knowing its place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.quiz.reading.facts import Box, Page
from harness.quiz.reading.layout import Piece, pieces_of
from harness.quiz.reading.parts import parts
from harness.quiz.reading.targets import option

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
    """Split words into parts; a word that is broken at the end of a line is made whole.

    What stands apart and is an option or an answer is no part of a statement, even if the statement has that word.
    """
    texts: dict[int, list[str]] = {}
    for word in words:
        texts.setdefault(word.piece, []).append(word.text)
    apart = {piece for piece, some in texts.items() if all(option(text) is not None for text in some)}
    found: list[tuple[str, tuple[int, ...]]] = []
    skip = False
    for index, word in enumerate(words):
        if skip or word.piece in apart:
            skip = False
            continue
        after = words[index + 1] if index + 1 < len(words) else None
        broken = (
            after is not None and after.line != word.line and re.search(r"[a-zäöüß]-$", word.text)
            and re.match(r"[a-zäöüß]", after.text)
        )
        if broken and after is not None:
            # As one word and as two: "regu-lariser" was one, "log-likelihood" two.
            found += [(part, (index, index + 1)) for part in parts(word.text[:-1] + after.text)]
            found += [(part, (index + 1,)) for part in parts(after.text)]
            skip = True
        else:
            found += [(part, (index,)) for part in parts(word.text)]
    return found

"""Words into pieces of lines, in the order in which a person reads them."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.quiz.reading.facts import Box, Page, TickBox, Word, joined
from harness.quiz.reading.targets import option

__all__ = ["GAP", "Piece", "columns_of", "pieces_of", "with_written_boxes"]

GAP = 14.0          # points between two words that do not belong together
OPTION_GAP = 5.5
_EMPTY = frozenset("☐□◻❏❑❒○◯⬜▢") | {"[ ]", "[]", "( )", "()"}
_TICKED = frozenset("☒☑✅❌✗✘✕✖✓✔⊠■●◉") | {
    f"{left}{tick}{right}" for left, right in ("[]", "()") for tick in "xX✓✔✗✘"}
_WRITTEN = re.compile(r"^([☐□◻❏❑❒○◯⬜▢☒☑✅❌✗✘✕✖✓✔⊠■●◉]|\[[xX✓✔✗✘ ]?\]|\([xX✓✔✗✘ ]?\))(.+)$")


@dataclass(frozen=True, slots=True)
class Piece:
    """Words that stand close to each other on one line.

    Attributes:
        words: from left to right.
        page: number of the page, from 1.
        column: which column of the page, from 0.
        line: number of its line in the order of reading; pieces of one line share it.

    """

    words: tuple[Word, ...]
    page: int
    column: int
    line: int

    @property
    def box(self) -> Box:
        """The box around its words."""
        return joined(*(word.box for word in self.words))

    @property
    def text(self) -> str:
        """Its words with spaces between them."""
        return " ".join(word.text for word in self.words)


def with_written_boxes(page: Page) -> Page:
    """Take boxes that are written as letters (☐, ☒, [ ], [x]) from the words to the boxes."""
    words: list[Word] = []
    boxes = list(page.boxes)
    for word in _with_whole_brackets(page.words):
        if word.text in _EMPTY or word.text in _TICKED:
            boxes.append(TickBox(box=word.box, shape="written", ticked=word.text in _TICKED, text=word.text))
        elif found := _WRITTEN.match(word.text):
            share = len(found[1]) / len(word.text)
            left, top, right, bottom = word.box
            cut = left + share * (right - left)
            ticked = found[1] not in _EMPTY
            boxes.append(TickBox(box=(left, top, cut, bottom), shape="written", ticked=ticked, text=found[1]))
            words.append(Word(text=found[2], box=(cut, top, right, bottom)))
        else:
            words.append(word)
    return page.model_copy(update={"words": tuple(words), "boxes": tuple(boxes)})


def _with_whole_brackets(words: Sequence[Word]) -> Iterable[Word]:
    """Put "[" "x" "]", "[" "]" and "( x )" together, which spaces have torn apart."""
    waiting = list(words)
    index = 0
    while index < len(waiting):
        for size in (3, 2):
            some = waiting[index:index + size]
            text = "".join(word.text for word in some)
            if len(some) == size and re.fullmatch(r"\[[xX✓✔✗✘]?\]|\([xX✓✔✗✘]?\)", text):
                yield Word(text=text, box=joined(*(word.box for word in some)))
                index += size
                break
        else:
            yield waiting[index]
            index += 1


def pieces_of(page: Page, first_line: int = 0) -> list[Piece]:
    """Give the pieces of a page: column after column, line after line, from left to right."""
    edges = columns_of(page)
    pieces: list[Piece] = []
    line = first_line
    for column, (left, right) in enumerate(edges):
        own = [word for word in page.words if left <= (word.box[0] + word.box[2]) / 2 < right]
        for words in _lines(own):
            pieces += [Piece(words=tuple(piece), page=page.number, column=column, line=line) for piece in _split(words)]
            line += 1
    return pieces


def columns_of(page: Page) -> list[tuple[float, float]]:
    """Find columns of text: left and right edges; one from -inf to inf where there are none, as in a text file.

    A column of answers beside the statements is none: its lines have too few words.
    """
    whole = [(float("-inf"), float("inf"))]
    words = page.words
    if len(words) < 60 or page.is_text:
        return whole
    left, right = min(word.box[0] for word in words), max(word.box[2] for word in words)
    cuts = []
    for step in range(30, 71):
        cut = left + (right - left) * step / 100
        crossing = sum(1 for word in words if word.box[0] < cut + 2 and word.box[2] > cut - 2)
        if crossing <= 0.02 * len(words) and _are_columns(words, cut):
            cuts.append((crossing, abs(step - 50), cut))
    if not cuts:
        return whole
    cut = min(cuts)[2]
    return [(float("-inf"), cut), (cut, float("inf"))]


def _are_columns(words: Sequence[Word], cut: float) -> bool:
    """Tell columns of text from answers beside statements: both have enough words, on lines that begin as text does."""
    for side in ([word for word in words if word.box[0] < cut], [word for word in words if word.box[0] >= cut]):
        lines = _lines(side)
        if len(side) < 0.2 * len(words) or statistics.median(len(line) for line in lines) < 4:
            return False
        if sum(1 for line in lines if option(line[0].text) is not None) > 0.2 * len(lines):
            return False
    return True


def _lines(words: Sequence[Word]) -> list[list[Word]]:
    """Put words whose middles lie level into lines."""
    lines: list[tuple[float, list[Word]]] = []
    for word in sorted(words, key=lambda word: (word.box[1] + word.box[3]) / 2):
        middle, height = (word.box[1] + word.box[3]) / 2, max(word.box[3] - word.box[1], 4.0)
        if lines and middle - lines[-1][0] <= 0.5 * min(height, 12.0):
            lines[-1][1].append(word)
        else:
            lines.append((middle, [word]))
    return [sorted(line, key=lambda word: word.box[0]) for _, line in lines]


def _split(words: Sequence[Word]) -> Iterable[list[Word]]:
    """Split a line at wide gaps; options at its end need a less wide one, as they stand at a fixed place."""
    end = len(words)
    while end > 0 and option(words[end - 1].text) is not None:
        end -= 1
    piece: list[Word] = []
    for place, word in enumerate(words):
        if piece and word.box[0] - piece[-1].box[2] > (OPTION_GAP if place >= end else GAP):
            yield piece
            piece = []
        piece.append(word)
    if piece:
        yield piece

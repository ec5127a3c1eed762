"""What belongs to each place where a statement stands: the band of the page, and the words that are not its own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.quiz.reading.facts import Box, Page, TickBox, centre
from harness.quiz.reading.locate import Location
from harness.quiz.reading.stream import Placed, Stream
from harness.quiz.reading.targets import option
from harness.quiz.reading.typed import is_answer, is_arrow, is_lead

__all__ = ["ABOVE", "Band", "Zone", "zones_of"]

ABOVE = 4.0             # points that a band begins above its first line
BELOW = 60.0            # points that the last band of a page goes on for
MOST_GAP = 60.0         # points between lines of an answer and its argument
MOST_WORDS = 150
CLOSE = 10.0            # points between words of a sentence, at most
MOST_ASIDE = 25.0       # points from an option's word to the middle of its box
_FOOT = re.compile(r"^(?:(?:page|seite)\s*)?\d{1,3}(?:\s*(?:/|of|von)\s*\d{1,3})?$|answer sheet", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Band:
    """A part of a page: everything in a column between two heights."""

    page: int
    left: float
    right: float
    top: float
    bottom: float

    def holds(self, box: Box, page: int) -> bool:
        """Tell whether the middle of a box lies in it."""
        x, y = centre(box)
        return page == self.page and self.left <= x < self.right and self.top <= y < self.bottom


@dataclass(frozen=True, slots=True)
class Zone:
    """A place of a statement with what belongs to it.

    Attributes:
        location: the place.
        bands: where on the pages it lies.
        options: printed words to choose from, none or at least yes and no.
        before: words of its first line that stand before it.
        words: what stands beside and behind it, without its own words and the options.
        label_end: the last word of its number; None where it has none.

    """

    location: Location
    bands: tuple[Band, ...]
    options: tuple[Placed, ...]
    before: tuple[Placed, ...]
    words: tuple[Placed, ...]
    label_end: Box | None = None


def zones_of(
    locations: Sequence[Location], headings: Mapping[int, str], stream: Stream, pages: Sequence[Page],
    columns: Mapping[int, Sequence[tuple[float, float]]],
) -> list[Zone]:
    """Give the zones of all places, in their order; `columns` are the edges of each page's columns."""
    boxes = {page.number: page.boxes for page in pages}
    befores: list[list[int]] = []
    for place, one in enumerate(locations):
        previous = locations[place - 1] if place else None
        if previous and not befores[-1] and stream.words[previous.last].line == stream.words[one.start].line:
            befores.append([])      # "1a yes  1b no": the answer is of the number before it
        else:
            befores.append(_before(one, previous.last if previous else -1, stream))
    starts = [before[0] if before else one.start for one, before in zip(locations, befores, strict=True)]
    zones = []
    for place, one in enumerate(locations):
        end = starts[place + 1] if place + 1 < len(locations) else len(stream.words)
        headed = min((index for index in headings if one.last < index < end), default=end)
        bands = _bands(one, end, headed, stream, pages, columns)
        rest = _rest(one, min(end, headed), stream)
        options = _options([word for word in rest if any(band.holds(word.box, word.page) for band in bands)], boxes)
        words = _near([word for word in rest if word not in options], one, stream)
        zones.append(Zone(
            one, bands, tuple(options), tuple(stream.words[index] for index in befores[place]), tuple(words),
            stream.words[max(one.label)].box if one.label else None))
    return zones


def _before(one: Location, taken: int, stream: Stream) -> list[int]:
    """Find an answer that stands on the line before a statement: "YES 1a ...", or a table's first column.

    `taken` is the last word of the statement before it.
    """
    line = stream.words[one.start].line
    indices: list[int] = []
    for index in range(one.start - 1, taken, -1):
        if stream.words[index].line != line:
            break
        indices.insert(0, index)
    return indices if is_answer([stream.words[index].text for index in indices]) else []


def _rest(one: Location, end: int, stream: Stream) -> list[Placed]:
    """Give the words up to `end` that are not the statement's: its number and words, and what is reworded between."""
    own = {stream.words[index].piece for index in one.matched}
    first = min(one.matched, default=one.last)
    behind = max(one.label, default=one.start - 1) + 1
    while behind < first and is_lead(stream.words[behind].text):
        behind += 1     # "1a - true: A VAE ...", but not "1a Is it true that a VAE ..."
    answering = {behind} if behind < first and option(stream.words[behind].text) is not None else set()
    kept = []
    for index in range(one.start, end):
        word = stream.words[index]
        if index in one.label or index in one.matched:
            continue
        if index > one.last or word.piece not in own or (index < first and index in answering):
            kept.append(word)
    return kept


def _options(words: Sequence[Placed], boxes: Mapping[int, Sequence[TickBox]]) -> list[Placed]:
    """Find printed options: yes and no that follow each other with nothing but signs between, each once.

    In "yes, no encoder has one" the second begins an argument: it has no box, and a word stands close behind it.
    """
    run: list[Placed] = []
    for word in [*words, None]:
        meant = [option(one.text) for one in run]
        follows = word is not None and not is_arrow(word.text) and (
            option(word.text) is not None or not re.search(r"[^\W_]", word.text))
        if word is None or not follows or option(word.text) in meant:
            if {"yes", "no"} <= set(meant) and not (_goes_on(run[-1], word) and _boxless(run[-1], boxes)):
                return run
            run = []
        if word is not None and option(word.text) is not None:
            run.append(word)
    return []


def _goes_on(word: Placed, after: Placed | None) -> bool:
    """Tell whether a sentence goes on behind a word."""
    return after is not None and after.line == word.line and after.box[0] - word.box[2] < CLOSE


def _boxless(word: Placed, boxes: Mapping[int, Sequence[TickBox]]) -> bool:
    """Tell whether no box stands beside a word."""
    x, y = centre(word.box)
    reach = (word.box[2] - word.box[0]) / 2 + MOST_ASIDE
    middles = (centre(box.box) for box in boxes.get(word.page, ()))
    return not any(abs(middle[1] - y) < ABOVE and abs(middle[0] - x) <= reach for middle in middles)


def _near(words: Sequence[Placed], one: Location, stream: Stream) -> list[Placed]:
    """Cut words off where a gap, another page or a foot shows that they belong elsewhere."""
    feet = {word.line for word in words if _FOOT.search(
        " ".join(other.text for other in words if other.line == word.line))}
    kept: list[Placed] = []
    previous = stream.words[one.last]
    for word in words:
        if word.line in feet:
            continue
        far = word.page == previous.page and word.box[1] - previous.box[3] > MOST_GAP
        turned = word.page > previous.page + 1 or (word.page != previous.page and bool(kept))
        if far or turned or len(kept) == MOST_WORDS:
            break
        kept.append(word)
        previous = word
    return kept


def _bands(
    one: Location, end: int, headed: int, stream: Stream, pages: Sequence[Page],
    columns: Mapping[int, Sequence[tuple[float, float]]],
) -> tuple[Band, ...]:
    own = [stream.words[index] for index in sorted({one.start, *one.label, *one.matched})]
    places = list(dict.fromkeys((word.page, word.column) for word in own))
    bands = []
    for number, (page, column) in enumerate(places):
        words = [word for word in own if (word.page, word.column) == (page, column)]
        left, right = columns[page][column]
        height = next(one.height for one in pages if one.number == page)
        bottom = height
        if number == len(places) - 1:
            bottom = max(word.box[3] for word in words) + BELOW
            for index in (headed, end):
                after = stream.words[index] if index < len(stream.words) else None
                if after is not None and (after.page, after.column) == (page, column):
                    line = [word for word in stream.words[index:index + 40] if word.line == after.line]
                    bottom = min(bottom, min(word.box[1] for word in line) - ABOVE)
                    break
        top = min(word.box[1] for word in words) - ABOVE if number == 0 else 0.0
        bands.append(Band(page, left, right, top, bottom))
    return tuple(bands)

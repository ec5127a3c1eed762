"""Reads the pages of one document: what was seen at each statement, and how that comes to an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.quiz.reading.facts import Box, Mark, Page, TickBox, Word, centre, inside, joined
from harness.quiz.reading.fields import read_fields
from harness.quiz.reading.heads import Heads, cells_below, heads_of
from harness.quiz.reading.layout import GAP, columns_of
from harness.quiz.reading.locate import ENOUGH, Location, locate
from harness.quiz.reading.lone import Usage, lone_signs, read_lone
from harness.quiz.reading.prepare import prepared
from harness.quiz.reading.results import Evidence
from harness.quiz.reading.seen import Place, Seen
from harness.quiz.reading.signals import Signal
from harness.quiz.reading.stream import Placed, Stream, stream_of
from harness.quiz.reading.targets import option, rings_among, targets_of
from harness.quiz.reading.ticks import Side, side_of, ticks
from harness.quiz.reading.typed import LONGEST, is_answer, is_lead, meaning, read_typed
from harness.quiz.reading.unread import hints
from harness.quiz.reading.zones import Zone, zones_of
from harness.quiz.sheet import Sheet

__all__ = ["look_for_answers"]

MOST_ARGUMENT = 800     # characters
MOST_WORDS = 15_000     # of a document that are looked at
MOST_LINES = 0.7        # share of all lines
SENTENCE = 4            # words between a number and its places to tick that make another sentence
LEVEL = 3.0             # points by which words of one line differ in height
SEVERAL = 3             # such sentences make another sheet
NEAR = 8                # words behind a statement that may answer it
_HALF = frozenset((
    "not", "nicht", "maybe", "perhaps", "vielleicht", "partly", "partially", "teilweise", "depends", "?", "??", "+",
    "-", "0", "1", "w"))


def look_for_answers(sheet: Sheet, pages: Sequence[Page]) -> dict[str, Seen]:
    """Look at all pages for answers that can be read without their pictures; one entry for each statement."""
    pages = prepared(_first_words(pages))
    stream = stream_of(pages)
    locations, headings = locate(sheet, stream)
    columns = {page.number: columns_of(page) for page in pages}
    zones = zones_of(locations, headings, stream, pages, columns)
    places = _places(zones, pages, stream)
    side = side_of((place.targets, place.marks) for place in places)
    doubt = _Doubt(stream, places, pages)
    untrusted = _sections(sheet, places, doubt, stream)
    seen = {statement.id: Seen() for statement in sheet.statements}
    for place in places:
        if place not in untrusted:
            _read_place(place, seen[place.zone.location.id], side, doubt)
    _ask_about_another_sheet(places, seen)
    read_fields(sheet, pages, places, seen)
    answering = [place.zone.location for place in untrusted if _typed(place, doubt)[0]]
    for one, some in hints(sheet, stream, answering).items():
        seen[one].hints += some
    return seen


def _ask_about_another_sheet(places: Sequence[Place], seen: Mapping[str, Seen]) -> None:
    """Leave to a person what was found by its number, where another sentence is put to yes and no beside it.

    Where that is so of several statements, the file is another sheet, and words that fit by half are no proof.
    """
    others = {id(place) for place in places if _holds_another_sentence(place)}
    several = len(others) >= SEVERAL
    for one in seen.values():
        strays = any(id(place) in others for place in one.places)
        best = max((place.zone.location.score for place in one.places), default=0.0)
        if strays or (several and 0 < best < ENOUGH):
            reason = "another sentence stands at its number; is this the sheet of another quiz?"
            one.signals = [Signal(None, signal.how, signal.evidence, reason=reason) for signal in one.signals]


def _holds_another_sentence(place: Place) -> bool:
    """Tell whether words stand between a number and its places to tick that are not the statement's."""
    label, location = place.zone.label_end, place.zone.location
    if label is None or location.matched or not place.targets:
        return False
    edge = min(target.box[0] for target in place.targets)
    between = [word for word in place.zone.words if any(letter.isalpha() for letter in word.text)
               and label[2] <= word.box[0] and word.box[2] <= edge and abs(word.box[1] - label[1]) < LEVEL]
    return len(between) >= SENTENCE


def _first_words(pages: Sequence[Page]) -> list[Page]:
    """Cut a document that is longer than any hand-in."""
    left = MOST_WORDS
    kept = []
    for page in pages:
        kept.append(page.model_copy(update={"words": page.words[:max(left, 0)]}))
        left -= len(page.words)
    return kept


def _sections(sheet: Sheet, places: Sequence[Place], doubt: _Doubt, stream: Stream) -> list[Place]:
    """Give the numbers such as 1.1 that may be those of sections.

    They are those of statements where half of the statements have one, or most lines are such a number with its
    answer.
    """
    if 2 * len({place.zone.location.id for place in places if place.zone.location.numbered}) >= len(sheet.statements):
        return []
    numbered = [place for place in places if place.zone.location.numbered and not place.zone.location.matched]
    answering = [place for place in numbered if _typed(place, doubt)[0]]
    lines = {word.line for word in stream.words}
    answered = {stream.words[place.zone.location.start].line for place in answering}
    return [] if len(answering) >= 2 and len(answered) >= MOST_LINES * len(lines) else numbered


class _Doubt:
    """Why typed words may be no answers in this document: what is printed may look like what is typed."""

    def __init__(self, stream: Stream, places: Sequence[Place], pages: Sequence[Page]) -> None:
        printed = [place.zone.options for place in places if place.zone.options]
        self._printed = {word.text for options in printed for word in options} if len(printed) >= 3 else set()
        self._scanned = {page.number for page in pages if page.covered}
        self._ahead = _answer_ahead(stream, places)
        self._stream = stream
        self.signs = Usage.of([sign for place in places for sign in place.signs])

    def about(self, words: Sequence[Placed], at: int) -> str:
        """Say why a typed answer may be none; "" where nothing speaks against it."""
        word = words[at]
        alone = [other for other in words if other.line == word.line] == [word]
        if word.page in self._scanned:
            return "its page is a picture, and the text that was found in it may lack what was written by hand"
        if word.text in self._printed and at == len(words) - 1:
            return f"it may be a printed {word.text!r}"
        if self._ahead and alone:
            return "answers may stand before their statements here, or behind them"
        return ""

    def own_word(self, location: Location, word: Placed) -> bool:
        """Tell whether a word may be the end of a reworded statement, as in "classifies all images right."."""
        last = self._stream.words[location.last]
        behind = self._stream.words[location.last + 1:location.last + 2]
        return (
            bool(location.matched) and behind == (word,) and last.line == word.line and word.text[:1].islower()
            and word.box[0] - last.box[2] <= GAP
            and last.text[-1:].isalnum() and meaning(word.text) is not None
            and word.text.casefold().strip(".,;:!") not in {"yes", "no", "ja", "nein", "abstain"})


def _answer_ahead(stream: Stream, places: Sequence[Place]) -> bool:
    """Tell whether an answer stands on a line by itself before the first statement."""
    first = min((place.zone.location.start for place in places), default=0)
    line = stream.words[first].line - 1 if first else -1
    return is_answer([word.text for word in stream.words if word.line == line])


def _places(zones: Sequence[Zone], pages: Sequence[Page], stream: Stream) -> list[Place]:
    starts = [stream.words[zone.location.start] for zone in zones]
    tables = {page.number: heads_of(page, [centre(one.box)[1] for one in starts if one.page == page.number])
              for page in pages}
    by_number = {page.number: page for page in pages}
    used = {(word.page, word.box) for zone in zones for word in zone.options}
    free = {page.number: [word for word in page.words if option(word.text) is not None
                          and (page.number, word.box) not in used] for page in pages}
    places = []
    for zone in zones:
        boxes: list[TickBox] = []
        marks: list[Mark] = []
        heads: list[Word] = []
        for band in zone.bands:
            page = by_number[band.page]
            boxes += [box for box in page.boxes if band.holds(box.box, page.number)]
            marks += [mark for mark in page.marks if band.holds(mark.box, page.number)]
            heads += free[page.number]
        options = [Word(text=word.text, box=word.box) for word in zone.options]
        boxes, rings = rings_among(boxes, options)
        marks += rings
        targets = targets_of(options, boxes, heads)
        signs = lone_signs(zone, marks, boxes, by_number) if not targets else []
        place = Place(zone, targets, marks, signs)
        places.append(place if targets or options else _in_table(place, boxes, tables[place.page]))
    return places


def _in_table(place: Place, boxes: Sequence[TickBox], tables: Sequence[Heads]) -> Place:
    """Give a place the columns that are headed yes and no above it, and its ticks as marks; rules are none."""
    band = place.zone.bands[0]
    place.targets = cells_below(tables, (band.left, band.top, band.right, band.bottom))
    if place.targets:
        place.marks = [mark for mark in place.marks if mark.kind != "line" or min(_size(mark.box)) > 1]
        place.marks += [Mark(kind="letter", box=box.box, text=box.text) for box in boxes if box.ticked]
    return place


def _size(box: Box) -> tuple[float, float]:
    return box[2] - box[0], box[3] - box[1]


def _read_place(place: Place, seen: Seen, side: Side | None, doubt: _Doubt) -> None:
    location = place.zone.location
    signals = ticks(place.targets, place.marks, page=place.page, side=side)
    typed, argument = _typed(place, doubt)
    signals += typed
    if argument:
        seen.arguments.append(argument)
    for mark in place.marks:
        if mark.kind in {"free text", "note"} and mark.text.strip():
            signals += _note(mark, place, seen)
    if location.rival:
        reason = f"the words around it fit statement {location.rival} as well"
        signals = [Signal(None, one.how, one.evidence, reason=reason) for one in signals]
    if not signals and place.signs:
        signals, argument = _lone(place, doubt)
        seen.arguments += [argument] if argument else []
    if location.matched and not signals and not place.targets:
        signals = _half_said(place)
    if not location.matched and not signals and place.zone.options and not any(one.boxed for one in place.targets):
        signals = [_undecided(place)]
    if location.matched and not signals and place.zone.options and not place.targets:
        signals = [_unpaired(place)]
    if location.matched or signals or place.targets:
        seen.places.append(place)
    found = _found(location)
    seen.signals += [Signal(one.answer, one.how, one.evidence, one.reason, found) for one in signals]


def _found(location: Location) -> float:
    """Give how sure it is that a place is the statement's: its words, its number, best both."""
    if not location.matched:
        return 0.9
    return min(1.0, 0.5 + 0.5 * location.score + (0.3 if location.label else 0.0))


def _typed(place: Place, doubt: _Doubt) -> tuple[list[Signal], str]:
    """Read what is typed at a place; behind a number alone, only what answers at once."""
    words = [*place.zone.before, *place.zone.words]
    texts = [_without_colon(word, place.zone.label_end) for word in words]
    typed = read_typed(texts, [word.line for word in words], _cells(words))
    if not place.zone.location.matched and not _at_once(words, typed.at):
        return [], ""
    argument = typed.argument[:MOST_ARGUMENT] if typed.at >= 0 or place.targets else ""
    if typed.at < 0:
        return [], argument
    word = words[typed.at]
    shown = joined(*(other.box for other in words[typed.at:typed.at + 12] if other.page == word.page
                     and abs(other.box[1] - word.box[1]) < 30))
    snippet = " ".join(other.text for other in words[typed.at:typed.at + 12])
    evidence = Evidence(page=word.page, box=shown, snippet=snippet, how="typed")
    reason = typed.unclear or doubt.about(words, typed.at)
    if doubt.own_word(place.zone.location, word):
        reason = f"{word.text!r} may be a word of the statement"
    for mark in place.marks:
        if mark.kind in {"strike", "squiggle", "stroke", "ink", "line"} and _crosses(mark, word):
            reason = "the typed answer is struck through or marked"
    return [Signal(None if reason else typed.answer, "typed", evidence, reason=reason)], argument


def _lone(place: Place, doubt: _Doubt) -> tuple[list[Signal], str]:
    """Read a tick or a cross that stands alone, and the argument behind it."""
    words = [word.text for word in place.zone.words if not is_lead(word.text)]
    signals = read_lone(place.signs, doubt.signs, page=place.page, alone=not words)
    if place.targets:
        signals = [Signal(None, one.how, one.evidence, "a mark stands in none of the columns") for one in signals]
    return signals, " ".join(words)[:MOST_ARGUMENT]


def _undecided(place: Place) -> Signal:
    """Say that somebody wrote "yes/no" behind a number, and chose neither."""
    snippet = " ".join(word.text for word in place.zone.options)
    evidence = Evidence(
        page=place.page, box=joined(*(word.box for word in place.zone.options)), snippet=snippet, how="typed")
    return Signal(None, "typed", evidence, reason=f"it says {snippet!r}, and none of them is marked")


def _unpaired(place: Place) -> Signal:
    """Say that what stands at the printed words was not made out, so that nobody calls it empty."""
    evidence = Evidence(
        page=place.page, box=joined(*(word.box for word in place.zone.options)),
        snippet=" ".join(word.text for word in place.zone.options), how="none")
    return Signal(None, "strokes", evidence, reason="which box belongs to which of its printed words is not clear")


def _half_said(place: Place) -> list[Signal]:
    """Find words behind a statement that may answer it: "partly true", "I would say no", "+"."""
    words = place.zone.words[:NEAR]
    for at, word in enumerate(words):
        bare = word.text.casefold().strip(".,;:!()[]\"'*")
        if bare in _HALF or (len(bare) > 1 and meaning(word.text) is not None):
            shown = words[max(0, at - 3):at + 4]
            snippet = " ".join(other.text for other in shown)
            evidence = Evidence(
                page=word.page, box=joined(*(other.box for other in shown if other.page == word.page)),
                snippet=snippet, how="typed")
            return [Signal(None, "typed", evidence, reason=f"{snippet!r} may answer it, and is not clear")]
    return []


def _without_colon(word: Placed, label: Box | None) -> str:
    """Give a word's text; "1a True: A VAE ..." answers, while "True:" on a line of its own heads what is below."""
    beside = label is not None and label[1] == word.box[1] and 0 <= word.box[0] - label[2] <= GAP
    return word.text.rstrip(":") if beside else word.text


def _cells(words: Sequence[Placed]) -> list[int]:
    """Give each word the number of its stretch of a line; wide gaps set them apart, as between a table's cells."""
    cells: list[int] = []
    for place, word in enumerate(words):
        before = words[place - 1] if place else word
        apart = word.line != before.line or word.box[0] - before.box[2] > GAP
        cells.append(cells[-1] + apart if cells else 0)
    return cells


def _at_once(words: Sequence[Placed], at: int) -> bool:
    """Tell whether an answer stands right behind a number, or behind words that lead to it: "1a is true"."""
    texts = [word.text for word in words]
    return at >= 0 and (
        all(not any(letter.isalnum() for letter in text) for text in texts[:at])
        or (at <= 4 and read_typed(texts[:at + LONGEST], [0] * len(texts[:at + LONGEST])).at == at))


def _crosses(mark: Mark, word: Placed) -> bool:
    """Tell whether a mark runs through a word; a line below it does not."""
    middle = centre(word.box)
    height = word.box[3] - word.box[1]
    reach = (mark.box[0] - 1, mark.box[1] - 0.2 * height, mark.box[2] + 1, mark.box[3] + 0.2 * height)
    return inside(middle, reach)


def _note(mark: Mark, place: Place, seen: Seen) -> list[Signal]:
    """Read a text that was put on the page as an annotation."""
    words = mark.text.split()
    typed = read_typed(words, [0] * len(words))
    if typed.at < 0:
        seen.arguments.append(mark.text.strip()[:MOST_ARGUMENT])
        seen.noted = True
        return []
    if typed.argument:
        seen.arguments.append(typed.argument[:MOST_ARGUMENT])
    evidence = Evidence(page=place.page, box=mark.box, snippet=mark.text.strip()[:200], how="annotation")
    return [Signal(typed.answer, "annotation", evidence, reason=typed.unclear)]

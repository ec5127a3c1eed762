"""Reads the pages of one document: what was seen at each statement, and how that comes to an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.quiz.reading.facts import FormField, Mark, Page, TickBox, Word, centre, grown, inside, joined
from harness.quiz.reading.layout import columns_of
from harness.quiz.reading.locate import Location, locate
from harness.quiz.reading.prepare import prepared
from harness.quiz.reading.results import Evidence
from harness.quiz.reading.signals import Signal
from harness.quiz.reading.stream import Placed, Stream, stream_of
from harness.quiz.reading.targets import Target, option, targets_of
from harness.quiz.reading.ticks import Side, side_of, ticks
from harness.quiz.reading.typed import is_answer, meaning, read_typed
from harness.quiz.reading.zones import Zone, zones_of
from harness.quiz.sheet import Sheet, fold

__all__ = ["Place", "Seen", "look_for_answers"]

MOST_ARGUMENT = 800     # characters
MOST_WORDS = 15_000     # of a document that are looked at


@dataclass(slots=True)
class Place:
    """One place where a statement stands, and what can be ticked there."""

    zone: Zone
    targets: list[Target]
    marks: list[Mark]

    @property
    def page(self) -> int:
        """The page of its first line."""
        return self.zone.bands[0].page


@dataclass(slots=True)
class Seen:
    """Everything that was seen of one statement."""

    places: list[Place] = field(default_factory=list)
    signals: list[Signal] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)


def look_for_answers(sheet: Sheet, pages: Sequence[Page]) -> dict[str, Seen]:
    """Look at all pages for answers that can be read without their pictures; one entry for each statement."""
    pages = prepared(_first_words(pages))
    stream = stream_of(pages)
    locations, headings = locate(sheet, stream)
    columns = {page.number: columns_of(page.words) for page in pages}
    zones = zones_of(locations, headings, stream, pages, columns)
    places = _places(zones, pages)
    side = side_of((place.targets, place.marks) for place in places)
    trusted = _numbers_count(sheet, locations)
    doubt = _Doubt(stream, places, pages)
    seen = {statement.id: Seen() for statement in sheet.statements}
    for place in places:
        if place.zone.location.numbered and not place.zone.location.matched and not trusted:
            continue
        _read_place(place, seen[place.zone.location.id], side, doubt)
    _read_fields(sheet, pages, places, seen)
    return seen


def _first_words(pages: Sequence[Page]) -> list[Page]:
    """Cut a document that is longer than any hand-in."""
    left = MOST_WORDS
    kept = []
    for page in pages:
        kept.append(page.model_copy(update={"words": page.words[:max(left, 0)]}))
        left -= len(page.words)
    return kept


def _numbers_count(sheet: Sheet, locations: Sequence[Location]) -> bool:
    """Tell whether numbers such as 1.1 stand for statements here: where half of the statements have one, they do."""
    return 2 * len({one.id for one in locations if one.numbered}) >= len(sheet.statements)


class _Doubt:
    """Why typed words may be no answers in this document: what is printed may look like what is typed."""

    def __init__(self, stream: Stream, places: Sequence[Place], pages: Sequence[Page]) -> None:
        printed = [place.zone.options for place in places if place.zone.options]
        self._printed = {word.text for options in printed for word in options} if len(printed) >= 3 else set()
        self._scanned = {page.number for page in pages if page.covered}
        self._ahead = _answer_ahead(stream, places)

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


def _answer_ahead(stream: Stream, places: Sequence[Place]) -> bool:
    """Tell whether an answer stands on a line by itself before the first statement."""
    first = min((place.zone.location.start for place in places if place.zone.location.matched), default=0)
    line = stream.words[first].line - 1 if first else -1
    return is_answer([word.text for word in stream.words if word.line == line])


def _places(zones: Sequence[Zone], pages: Sequence[Page]) -> list[Place]:
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
        places.append(Place(zone, targets_of(options, boxes, heads), marks))
    return places


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
    if location.matched or signals:
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
    typed = read_typed([word.text for word in words], [word.line for word in words])
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
    for mark in place.marks:
        if mark.kind in {"strike", "squiggle", "stroke", "ink", "line"} and _crosses(mark, word):
            reason = "the typed answer is struck through or marked"
    return [Signal(None if reason else typed.answer, "typed", evidence, reason=reason)], argument


def _at_once(words: Sequence[Placed], at: int) -> bool:
    return at >= 0 and all(not any(letter.isalnum() for letter in word.text) or word.text.casefold() in {
        "answer", "answer:", "antwort", "antwort:"} for word in words[:at])


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
        return []
    if typed.argument:
        seen.arguments.append(typed.argument[:MOST_ARGUMENT])
    evidence = Evidence(page=place.page, box=mark.box, snippet=mark.text.strip()[:200], how="annotation")
    return [Signal(typed.answer, "annotation", evidence, reason=typed.unclear)]


# --- form fields


def _read_fields(
    sheet: Sheet, pages: Sequence[Page], places: Sequence[Place], seen: Mapping[str, Seen],
) -> None:
    names = {fold(statement.id): statement.id for statement in sheet.statements}
    for page in pages:
        for one in page.fields:
            if one.checked is not None:
                _button(one, page, names, places, seen)
            elif one.value.strip():
                _text_field(one, page, names, places, seen)


def _button(
    one: FormField, page: Page, names: Mapping[str, str], places: Sequence[Place], seen: Mapping[str, Seen],
) -> None:
    """Read a check box or radio button: by its name and value, else by where it stands."""
    on = one.state not in {"", "Off"}
    if not one.checked and not on:
        return
    found = _by_name(one, names) or _by_place(one, page, places)
    if found is None:
        return
    identifier, answer = found
    evidence = Evidence(page=page.number, box=grown(one.box, 6), snippet=f"{answer}, ticked", how="form field")
    if one.checked != on and one.state:
        reason = "its form field is ticked and not ticked at once"
        seen[identifier].signals.append(Signal(None, "form field", evidence, reason=reason))
    else:
        seen[identifier].signals.append(Signal(answer, "form field", evidence))    # type: ignore[arg-type]


def _by_name(one: FormField, names: Mapping[str, str]) -> tuple[str, str] | None:
    own = fold(one.name)
    answer = meaning(one.export)
    if own in names and answer is not None:
        return names[own], answer
    for word in ("yes", "no", "abstain", "ja", "nein", "true", "false"):
        meant = meaning(word)
        if own.endswith(word) and own.removesuffix(word) in names and meant:
            return names[own.removesuffix(word)], meant
    return None


def _by_place(one: FormField, page: Page, places: Sequence[Place]) -> tuple[str, str] | None:
    for place in places:
        for target in place.targets:
            here = any(band.holds(one.box, page.number) for band in place.zone.bands)
            if here and inside(centre(one.box), target.box) and not place.zone.location.rival:
                return place.zone.location.id, target.answer
    return None


def _text_field(
    one: FormField, page: Page, names: Mapping[str, str], places: Sequence[Place], seen: Mapping[str, Seen],
) -> None:
    """Read a text field or a list to choose from: an argument by its name, an answer, or what its place tells."""
    own = fold(one.name)
    if own.endswith("argument") and own.removesuffix("argument") in names:
        seen[names[own.removesuffix("argument")]].arguments.append(one.value.strip())
        return
    identifier = names.get(own) or next(
        (place.zone.location.id for place in places if not place.zone.location.rival
         and any(band.holds(one.box, page.number) for band in place.zone.bands)), None)
    if identifier is None:
        return
    words = one.value.split()
    typed = read_typed(words, [0] * len(words))
    evidence = Evidence(page=page.number, box=one.box, snippet=one.value.strip()[:200], how="form field")
    if typed.at >= 0:
        seen[identifier].signals.append(Signal(typed.answer, "form field", evidence, reason=typed.unclear))
        if typed.argument:
            seen[identifier].arguments.append(typed.argument)
    else:
        seen[identifier].arguments.append(one.value.strip())



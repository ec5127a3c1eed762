"""Which pages of a PDF are the group's own, and which are the sheet's, answers to it, or blank."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from harness.quiz import Sheet
from harness.quiz.reading.parts import coverage, parts

__all__ = ["Kind", "PageText", "best_page", "kinds_of", "own_words"]

Kind = Literal["own", "sheet", "answers", "blank"]

# Words that a group's own page has and the sheet it answers has not.
_OWN = re.compile(
    r"epochs?\b|epochen|learning rate|lernrate|batch[- ]?(?:size|größe)|\badam\b|github|gitlab|colab|\bfig(?:ure|\.)"
    r"|abbildung|\bwe (?:train|use|chose|see|found)|\bwir (?:trainier|verwende|nutze|sehen)", re.IGNORECASE)
# Words in which a sheet speaks to those who are to answer it.
_SHEET = re.compile(
    r"\b(?:exercise|sheet|assignment|übungsblatt|aufgabenblatt|aufgabe|deadline|due date|abgabe|submit|hand in|moodle"
    r"|tutorial|lecture|vorlesung|points|punkte)\b|at most (?:one|1) page|höchstens eine seite"
    r"|answer (?:each|every|the) statement|(?:yes|ja)(?: or | oder |\s*/\s*)(?:no|nein)", re.IGNORECASE)
_ANSWER = re.compile(
    r"^\s*\(?\d{0,2}\s*[.)]?\s*[a-z0-9]{1,2}\s*[.):]*\s*(?:[-–=]*>|[:→–-])?\s*(?:yes|no|ja|nein|true|false|abstain)\b",
    re.IGNORECASE | re.MULTILINE)
_BOXES = re.compile(r"\b(?:yes|ja)\b\W{0,12}\b(?:no|nein)\b", re.IGNORECASE)

ON_PAGE = 0.6           # share of a statement's words, close together, from which it stands on a page, reworded or not
FEWEST_STATEMENTS = 4   # of the sheet, on a page of it
FEWEST_ROWS = 5         # answers, or pairs of boxes, on a page of them
OWN_ENOUGH = 3          # words of its own from which a page is the group's, whatever else is on it


class PageText(NamedTuple):
    """What is known of a page: number from 1, its text, targets of its links, how many images, whether a scan."""

    number: int
    text: str
    links: list[str]
    pictures: int
    scanned: bool


def kinds_of(pages: Sequence[PageText], sheet: Sheet | None) -> dict[int, Kind]:
    """Tell the kind of each page; where in doubt it is the group's own.

    A sheet is known by its statements, whose words may be reworded a little, by its rows of boxes, or by the words
    in which it speaks to its readers. A page that says much of a training is the group's own all the same.
    """
    return {page.number: _kind(page, sheet) for page in pages}


def _kind(page: PageText, sheet: Sheet | None) -> Kind:
    text = page.text.strip()
    if not text:
        return "own" if page.pictures else "blank"
    own = own_words(text)
    if own >= OWN_ENOUGH:
        return "own"
    if _statements_on(text, sheet) >= FEWEST_STATEMENTS or len(_BOXES.findall(text)) >= FEWEST_ROWS:
        return "sheet"
    if len(_ANSWER.findall(text)) >= FEWEST_ROWS:
        return "answers"
    spoken = len({word.group().casefold() for word in _SHEET.finditer(text)})
    return "sheet" if spoken >= 2 and own == 0 and _asks(text) else "own"


def own_words(text: str) -> int:
    """Count the different words of a page that a sheet does not have."""
    return len({word.group().casefold() for word in _OWN.finditer(text)})


def _statements_on(text: str, sheet: Sheet | None) -> int:
    if sheet is None:
        return 0
    seen = parts(text)
    there = [statement for statement in sheet.statements if len(parts(statement.text)) >= 5]
    # In a long text of the field most words of a short statement stand somewhere: they have to stand close together.
    return sum(1 for statement in there if _stands(parts(statement.text), seen))


def _stands(wanted: Sequence[str], seen: Sequence[str]) -> bool:
    """Tell whether most of `wanted` stands within a stretch of `seen` that is not much longer."""
    if coverage(wanted, seen) < ON_PAGE:
        return False
    size = int(1.3 * len(wanted)) + 3
    step = max(1, size // 6)
    begins = range(0, max(1, len(seen) - size + step), step)
    return any(coverage(wanted, seen[begin:begin + size]) >= ON_PAGE for begin in begins)


def _asks(text: str) -> bool:
    """Tell whether a text gives tasks: sentences that begin with what is to be done."""
    tasks = re.findall(
        r"(?:^|[.:;)]\s+)(?:train|show|interpolate|answer|submit|describe|compare|explain|use|hand in|give|plot"
        r"|trainieren|zeigen|beschreiben|geben|beantworten|interpolieren)(?:\s+sie)?\s+\w+", text,
        re.IGNORECASE | re.MULTILINE)
    return len(tasks) >= 2


def best_page(pages: Sequence[PageText], kinds: dict[int, Kind]) -> int:
    """Give the number of the page that shows most of a group's own work."""
    def score(page: PageText) -> tuple[bool, int, int]:
        return kinds[page.number] == "own", 2 * min(page.pictures, 5) + own_words(page.text), page.number

    return max(pages, key=score).number

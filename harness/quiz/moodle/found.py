"""Questions as they stand in a file of Moodle's, whatever its format, and what all formats write alike."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from html.parser import HTMLParser

from harness.documents import shown
from harness.errors import UserError
from harness.quiz.exact import exact
from harness.quiz.moodle.items import Option

__all__ = ["Found", "Heading", "category_path", "choices_of_truth", "read_heading", "text_of_html", "weight_of"]

_PLACES = {"$course$", "$system$", "$module$", "top", ""}     # steps of a category's path that are no names
_PERCENT = re.compile(r"-?\d{1,3}(\.\d*)?")


@dataclass(frozen=True, slots=True)
class Found:
    """A question that stands in a file.

    Attributes:
        line: where it begins, from 1.
        kind: "true-false", "choice", or another word for what it is, such as "essay".
        options: answers with their weights; True and False for a true/false question.
        void: it was found to be badly put; only files that the harness wrote can say so.

    """

    line: int
    name: str
    text: str
    kind: str
    category: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    feedback: str = ""
    tags: tuple[str, ...] = ()
    void: bool = False


@dataclass(frozen=True, slots=True)
class Heading:
    """What a file says of the sheet as a whole, which no question bank has a place for: its comments do.

    Attributes:
        title: of the sheet; "" where it is not said.
        points: of the sheet; None where they are not said.

    """

    title: str = ""
    points: Fraction | None = None


def read_heading(remarks: Sequence[str]) -> Heading:
    """Read the comments at the head of a file, as `items.heading` words them; others are passed over."""
    said = {field: value.strip() for field, _, value in (one.strip().partition(": ") for one in remarks)}
    points = None
    with contextlib.suppress(ValueError):       # not there, or somebody's own comment
        points = exact(said.get("points", ""))
    return Heading(title=said.get("title", ""), points=points if points and points > 0 else None)


def category_path(text: str) -> tuple[str, ...]:
    """Take the path of a category apart at its single slashes; a doubled one belongs to a name."""
    parts = [part.strip().replace("//", "/") for part in re.split("(?<!/)/(?!/)", text.strip())]
    return tuple(part for part in parts if part not in _PLACES)


def choices_of_truth(*, truth: bool, right: str, wrong: str) -> tuple[Option, Option]:
    """Give the two answers of a true/false question, True first, with the feedback for those right and wrong."""
    chosen = Option("True" if truth else "False", Fraction(1), right)
    other = Option("False" if truth else "True", Fraction(0), wrong)
    return (chosen, other) if truth else (other, chosen)


def weight_of(percent: str, where: str) -> Fraction:
    """Take percent as the share that is meant: -33.33333 as minus a third.

    Raises:
        UserError: it is no number.

    """
    if not _PERCENT.fullmatch(percent.strip()):
        raise UserError(
            f"{where}: an answer is worth {shown(percent.strip())}, which is no number of percent; write one such as "
            "100 or -33.33333")
    return (exact(percent.strip()[:11]) / 100).limit_denominator(20)


def text_of_html(markup: str) -> str:
    """Keep the text of HTML."""
    taken = _Text()
    taken.feed(markup)
    taken.close()
    return " ".join("".join(taken.words).split())


class _Text(HTMLParser):
    """Collects the text of HTML, and nothing that it would load or run."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - as the parser calls it
        if tag in {"br", "p", "div", "li"}:
            self.words.append(" ")

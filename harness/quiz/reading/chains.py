"""Several answers on one line: "1a yes, 1b no, 1c abstain", "1: a) y b) n c) y"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.quiz.reading.labels import Labels
from harness.quiz.reading.typed import is_lead, said

__all__ = ["Link", "chain_of"]


@dataclass(frozen=True, slots=True)
class Link:
    """A number with its answer: the statement, and which words of the line the number takes.

    `numbered` says that sections may have such a number as well.
    """

    id: str
    begin: int
    size: int
    numbered: bool = False


def chain_of(words: Sequence[str], labels: Labels, question: str | None) -> list[Link]:
    """Find numbers and answers that take turns from the beginning of a line on.

    A letter without a sign, as in "a yes, b no", counts where two follow each other below the heading of their
    question, or where its answer ends the line; elsewhere "a" is an article.

    Args:
        words: of one line.
        labels: of the sheet.
        question: below whose heading they stand, if any.

    Returns:
        The numbers, or nothing where the line is no such chain.

    """
    headed, place = _head(words, labels)
    links: list[Link] = []
    below = headed or question
    ends = bare = False
    while place < len(words):
        link = _link(words, place, labels, below)
        if link is None:
            break
        at = _past_leads(words, link.begin + link.size)
        answer, size = said(words, at) if at < len(words) else (None, 0)
        if answer is None:
            break
        bare = bare or labels.at(words[place:place + 2], below) is None
        below = labels.question_of(link.id)
        links.append(link)
        place = _past_leads(words, at + size)
        ends = place == len(words)
    return links if len(links) > 1 or (ends and (bare or headed is not None)) else []


def _head(words: Sequence[str], labels: Labels) -> tuple[str | None, int]:
    """Give the question that a line names before its answers, "1:" or "Question 1", and how many words that takes."""
    for size in (1, 2, 3):
        head = labels.heading(" ".join(words[:size])) if len(words) > size and not is_lead(words[0]) else None
        if head is not None and labels.at(words[:2], None) is None:
            return head, _past_leads(words, size)
    return None, 0


def _link(words: Sequence[str], place: int, labels: Labels, question: str | None) -> Link | None:
    found = labels.at(words[place:place + 2], question)
    if found is not None:
        return Link(found[0], place, found[1], found[2])
    one = labels.letter(words[place], question)
    return Link(one, place, 1) if one is not None else None


def _past_leads(words: Sequence[str], place: int) -> int:
    while place < len(words) and is_lead(words[place]):
        place += 1
    return place

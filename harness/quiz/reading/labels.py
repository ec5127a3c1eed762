"""Numbers of statements as people write them: 1a, 1a), (1a), 1.a, 1 a), 1.1, and a) below "Question 1"."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

from harness.quiz.reading.parts import coverage, parts
from harness.quiz.sheet import Question, Sheet, fold

__all__ = ["Labels"]

_HEADING = re.compile(
    r"^(?:question|frage|aufgabe|exercise|task|teil|part|q)?[\s.:]*([A-Za-z0-9]{1,3})[.:)]*(?:\s+(.*))?$",
    re.IGNORECASE,
)
_WORD = re.compile(r"^(?:question|frage|aufgabe|exercise|task|teil|part)\b", re.IGNORECASE)
_BARE = re.compile(r"^\(?([a-z])\)[.:]?$|^([a-z])[.:]$", re.IGNORECASE)
_NUMBERED = re.compile(r"^\(?(\d{1,2})\.(\d{1,2})[.:)]*$")
_SIGNS = "[]{}\"'“”„*#<>,;|=-–—→⇒"       # that people put around a number


class Labels:
    """Finds statements of a sheet by their numbers."""

    def __init__(self, sheet: Sheet) -> None:
        self._known = {fold(one.id): one.id for one in sheet.statements}
        self._questions = sheet.questions
        self._asked = {one.id: question.id for question in sheet.questions for one in question.statements}
        self._numbered = {
            (fold(question.id), place + 1): one.id
            for question in sheet.questions for place, one in enumerate(question.statements)
        }
        self._lettered = {
            (fold(question.id), letter): one.id
            for question in sheet.questions
            for letter, one in zip(string.ascii_lowercase, question.statements, strict=False)
        }

    def at(self, words: Sequence[str], question: str | None) -> tuple[str, int, bool] | None:
        """Find the label that words begin with.

        Args:
            words: the first words of a piece of a line.
            question: id of the question below whose heading they stand, if any.

        Returns:
            The statement's id, how many words the label takes, and whether it is one that other things are
            numbered by as well (1.1 may be a section); None where they begin with no label.

        """
        if not words:
            return None
        if _WORD.match(words[0]) or words[0].casefold() in {"statement", "aussage", "nr.", "nummer", "number"}:
            deeper = self.at(words[1:], question)
            return (deeper[0], deeper[1] + 1, deeper[2]) if deeper else None
        bare = [word.strip(_SIGNS) for word in words[:2]]
        return self._whole(bare) or self._bare(bare[0], question)

    def question_of(self, identifier: str) -> str:
        """Give the question that a statement belongs to."""
        return self._asked[identifier]

    def letter(self, word: str, question: str | None) -> str | None:
        """Find the statement of a letter without any sign behind it, below the heading of its question."""
        bare = word.strip(_SIGNS + ".:()")
        return self._lettered.get((fold(question), bare.casefold())) if question is not None and bare else None

    def _whole(self, words: Sequence[str]) -> tuple[str, int, bool] | None:
        """Find a number that names its question: 1a, 1.1, 1 a)."""
        first = words[0]
        known = self._known.get(fold(first)) or self._known.get(fold(re.sub(r"^[QAqa](?=\d)", "", first)))
        if found := _NUMBERED.match(first):
            number = known or self._numbered.get((fold(found[1]), int(found[2])))
            return (number, 1, known is None) if number else None
        if known is not None and not first.isalpha():
            return known, 1, False
        if len(words) > 1 and re.fullmatch(r"\(?[A-Za-z0-9]{1,3}[.:)]?", first) and _BARE.match(words[1]):
            together = self._known.get(fold(first + words[1]))
            return (together, 2, False) if together else None
        return None

    def _bare(self, word: str, question: str | None) -> tuple[str, int, bool] | None:
        """Find a letter alone, below the heading of its question."""
        found = _BARE.match(word)
        if question is None or not found:
            return None
        one = self._lettered.get((fold(question), (found[1] or found[2]).casefold()))
        return (one, 1, False) if one else None

    def heading(self, text: str) -> str | None:
        """Give the question whose heading a line is: its title, or "Question 1", "1." and no more."""
        for question in self._questions:
            if _is_title(text, question):
                return question.id
        found = _HEADING.match(text.strip())
        if found and (_WORD.match(text) or not (found[2] or "").strip()) and not re.fullmatch(r"[\s\w]", text.strip()):
            rest = (found[2] or "").strip()
            if len(rest.split()) <= 8:
                return next((one.id for one in self._questions if fold(one.id) == fold(found[1])), None)
        return None


def _is_title(text: str, question: Question) -> bool:
    seen, title = parts(text), parts(question.title)
    return len(seen) <= len(title) + 3 and coverage(title, seen) >= 0.75 and coverage(seen, title) >= 0.5

"""Makes sheet and key of questions that were read: true/false ones, and choices between yes, no and abstaining."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import yaml

from harness.errors import UserError
from harness.quiz.exact import IDENTIFIER
from harness.quiz.moodle.found import Found
from harness.quiz.moodle.items import CONTESTED
from harness.quiz.sheet import Key, KeyEntry, Question, Scheme, Sheet, Statement, fold
from harness.quiz.words import read_answer

__all__ = ["Adopted", "adopt"]

_ID = re.compile(IDENTIFIER)
_NUMBERED = re.compile(r"(?P<id>[A-Za-z0-9][A-Za-z0-9._-]{0,31})\. (?P<title>.+)")


_NOTHING = (
    "there is no true/false question in it; GIFT writes them {TRUE} or {FALSE} behind a sentence, Moodle XML "
    '<question type="truefalse">')


@dataclass(frozen=True, slots=True)
class Adopted:
    """Sheet and key that were made from questions.

    Attributes:
        left_out: questions that no statement can be made of: where they stand, and why.

    """

    sheet: Sheet
    key: Key
    left_out: tuple[str, ...]

    def sheet_yaml(self) -> str:
        """Write the sheet as its file."""
        data = self.sheet.model_dump(mode="json", exclude_defaults=True)
        questions = data.pop("questions")
        data |= {"scheme": self.sheet.scheme.model_dump(mode="json"), "questions": questions}
        return "# The sheet as students get it. Its key stands in keys/.\n" + _dumped(data)

    def key_yaml(self) -> str:
        """Write the key as its file."""
        return "# The key. It stays on the staff's machine.\n" + _dumped(
            self.key.model_dump(mode="json", exclude_defaults=True))


@dataclass(frozen=True, slots=True)
class _Read:
    """What one question says: the true answer, and what a wrong one is worth; a void one may say neither."""

    found: Found
    answer: Literal["yes", "no"] | None
    wrong: Fraction | None


def adopt(questions: Sequence[Found], *, quiz: str, title: str = "", points: Fraction | None = None) -> Adopted:
    """Make a sheet and its key.

    Args:
        questions: as `read_questions` gives them.
        quiz: name of the sheet.
        title: of the sheet; its name by default.
        points: of the sheet; one for each statement that is not void by default.

    Raises:
        UserError: there is no true/false question, or wrong answers have different weights.

    """
    read: list[_Read] = []
    left_out = []
    for found in questions:
        one = _read(found)
        if isinstance(one, _Read):
            read.append(one)
        else:
            left_out.append(f"line {found.line}, {found.name or found.text[:40]}: {one}")
    asked = [one for one in read if not one.found.void]
    if not asked:
        others = [said for said in left_out if "description questions" not in said]
        raise UserError(_NOTHING + (f" (first of what is there: {others[0]})" if others else ""))
    weights = sorted({one.wrong for one in read if one.wrong is not None})
    if len(weights) > 1:
        there = ", ".join(str(one) for one in weights)
        raise UserError(f"wrong answers are worth different shares ({there}); a sheet has one scheme: split the file")
    named = list(zip(_ids(read), read, strict=True))
    sheet = Sheet(
        quiz=quiz, title=title or quiz, points=Fraction(len(asked)) if points is None else points,
        scheme=Scheme(wrong=weights[0] if weights else Fraction(0)),
        questions=tuple(_questions(named, title or quiz)))
    key = Key(quiz=quiz, answers={
        one: KeyEntry(answer=item.answer, why=_why(item), contested=CONTESTED in item.found.tags)
        for one, item in named if item.answer})
    return Adopted(sheet, key, tuple(left_out))


def _read(found: Found) -> _Read | str:
    """Read a question, or say why no statement can be made of it."""
    if found.kind not in {"true-false", "choice"}:
        unkeyed = found.void and found.text
        return _Read(found, None, None) if unkeyed else f"{found.kind} questions are not taken, only true/false"
    meant = {read_answer(option.text): option for option in found.options}
    if None in meant or len(meant) < len(found.options) or not {"yes", "no"} <= set(meant):
        return "its answers are not yes and no, each once"
    if (meant["yes"].weight == 1) == (meant["no"].weight == 1):
        return "not exactly one of yes and no is right"
    right: Literal["yes", "no"] = "yes" if meant["yes"].weight == 1 else "no"
    wrong = meant["no" if right == "yes" else "yes"].weight
    if wrong > 0 or ("abstain" in meant and meant["abstain"].weight != 0):
        return "a wrong answer gives points, or abstaining does not give 0"
    if not found.text:
        return "it has no text"
    return _Read(found, right, wrong)


def _ids(read: Sequence[_Read]) -> list[str]:
    """Take the names of questions as ids where all are short and different, else count."""
    names = [one.found.name for one in read]
    if all(_ID.fullmatch(name) for name in names) and len({fold(name) for name in names}) == len(names):
        return names
    return [str(number) for number in range(1, len(read) + 1)]


def _questions(named: Sequence[tuple[str, _Read]], title: str) -> list[Question]:
    """Group statements by the category that they stand in."""
    groups: dict[tuple[str, ...], list[Statement]] = {}
    for one, item in named:
        topics = tuple(tag for tag in item.found.tags if tag != CONTESTED)
        statement = Statement(id=one, text=" ".join(item.found.text.split()), topics=topics, void=item.found.void)
        groups.setdefault(item.found.category, []).append(statement)
    titles = [path[-1] if path else title for path in groups]
    matches = [_NUMBERED.fullmatch(one) for one in titles]
    numbered = [match for match in matches if match]
    if len({match["id"] for match in numbered}) == len(groups):
        heads = [(match["id"], match["title"]) for match in numbered]
    else:
        heads = [(str(number), one) for number, one in enumerate(titles, start=1)]
    return [
        Question(id=head, title=words, statements=tuple(statements))
        for (head, words), statements in zip(heads, groups.values(), strict=True)]


def _why(item: _Read) -> str:
    """Take the reason from the feedback: for everyone, else for those who are wrong, else for those who are right."""
    options = sorted(item.found.options, key=lambda option: option.weight)
    texts = [item.found.feedback, options[0].feedback, options[-1].feedback]
    return next((" ".join(text.split()) for text in texts if text), "The file gave no reason.")


def _dumped(data: dict[str, Any]) -> str:
    """Dump as YAML, numbers as numbers where they are whole."""
    for holder in (data, data.get("scheme", {})):
        for field, value in holder.items():
            if isinstance(value, str) and re.fullmatch(r"-?\d+", value) and field != "quiz":
                holder[field] = int(value)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110)

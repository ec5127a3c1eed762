"""Sheet and key: two files, so that the key never leaves the staff's machine."""

from __future__ import annotations

import difflib
import re
from fractions import Fraction
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from harness import documents
from harness.course import Course
from harness.errors import UserError
from harness.quiz.exact import IDENTIFIER, Exact, Identifier
from harness.quiz.words import YesNo
from harness.records import Record

__all__ = [
    "Key", "KeyEntry", "Question", "Scheme", "Sheet", "Statement",
    "check_key", "fold", "load_key", "load_sheet",
]


class Scheme(Record):
    """What an answer is worth, before the points are scaled to those of the sheet.

    Two rules hold for every scheme, so that abstaining is always safe: leaving a statement out is worth
    nothing, and a wrong answer is worth no more than that.
    """

    right: Exact = Fraction(1)
    wrong: Exact = Fraction(-1)
    abstain: Exact = Fraction(0)
    floor: Literal["question", "sheet", "none"] = "question"
    """Where points cannot fall below 0: in every question by itself, on the whole sheet, or nowhere."""
    void: Literal["excluded", "point"] = "excluded"
    """What a void statement does: it counts nowhere, or everybody gets it right."""

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.right <= 0:
            raise ValueError("right must be above 0")
        if self.abstain != 0:
            raise ValueError("abstain must be 0, as an empty sheet is worth nothing; change right and wrong")
        if self.wrong > 0:
            raise ValueError("wrong must be at most 0, so that guessing is never better than abstaining")
        return self


class Statement(Record):
    """A sentence that is true or false."""

    id: Identifier
    text: str = Field(min_length=1)
    topics: tuple[str, ...] = ()
    void: bool = False          # found to be badly put; the scheme says what becomes of it


class Question(Record):
    """Statements that belong together."""

    id: Identifier
    title: str
    statements: tuple[Statement, ...] = Field(min_length=1)


class Sheet(Record):
    """The theory part as students get it: everything but the key."""

    quiz: Identifier
    title: str
    points: Exact = Field(gt=0)
    scheme: Scheme = Scheme()
    questions: tuple[Question, ...] = Field(min_length=1)

    @property
    def statements(self) -> tuple[Statement, ...]:
        """All statements in the order of the sheet."""
        return tuple(statement for question in self.questions for statement in question.statements)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        questions: dict[str, str] = {}
        statements: dict[str, str] = {}
        for place, question in enumerate(self.questions):
            at = ("questions", place)
            _check_new("questions", question.id, questions, question.id, at)
            for number, one in enumerate(question.statements):
                _check_new("statements", one.id, statements, fold(one.id), (*at, "statements", number))
        if self.scheme.void == "excluded" and all(statement.void for statement in self.statements):
            raise ValueError("every statement is void; at least one must count")
        return self


class KeyEntry(Record):
    """The true answer to a statement, and why."""

    answer: YesNo
    why: str = Field(min_length=1)
    contested: bool = False     # a good argument can justify either answer


class Key(Record):
    """The answers to a sheet."""

    quiz: Identifier
    answers: dict[str, KeyEntry]


def fold(identifier: str) -> str:
    """Make ids comparable that a person would call the same: "1a", "1A", "1.a", " 1a)"."""
    return re.sub(r"[\s.:()_-]", "", identifier).casefold()


def _check_new(kind: str, identifier: str, taken: dict[str, str], folded: str, at: tuple[int | str, ...]) -> None:
    """Refuse an id that another one of its kind has, and say where it stands a second time."""
    if folded in taken:
        first = taken[folded]
        same = f"the id {identifier}" if first == identifier else f"ids that people confuse, {first} and {identifier}"
        raise documents.problem_at(f"two {kind} have {same}; give each its own", *at, "id")
    taken[folded] = identifier


def load_sheet(course: Course, quiz_id: str) -> Sheet:
    """Load the sheet of this name from the course folder.

    Raises:
        UserError: there is none, or its file is wrong.

    """
    path = _path(course.sheets, quiz_id)
    if path is None or not path.is_file():
        there = sorted(file.stem for file in course.sheets.glob("*.yaml"))
        near = difflib.get_close_matches(quiz_id, there, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(there) or 'none'}"
        raise UserError(f"there is no quiz {documents.shown(quiz_id)} in {course.sheets}; {hint}")
    sheet = documents.read(path, Sheet)
    _check_name(path, sheet.quiz)
    return sheet


def load_key(course: Course, quiz_id: str, *, sheet: Sheet | None = None) -> Key | None:
    """Load the key of this name; None where the machine has none, as a student's does not.

    Args:
        course: where it lies.
        quiz_id: its name.
        sheet: the sheet that it must fit, if it is at hand.

    Raises:
        UserError: its file is wrong, or does not fit the sheet.

    """
    path = _path(course.keys, quiz_id)
    if path is None or not path.is_file():
        return None
    key = documents.read(path, Key)
    _check_name(path, key.quiz)
    if sheet is not None:
        check_key(sheet, key, files=(course.sheets / path.name, path))
    return key


def check_key(sheet: Sheet, key: Key, *, files: tuple[Path, Path] | None = None) -> None:
    """Check that a key answers every statement of its sheet, and no other.

    Args:
        sheet: what is asked.
        key: its answers.
        files: where sheet and key were read, so that messages can name lines.

    Raises:
        UserError: it does not.

    """
    if sheet.quiz != key.quiz:
        raise UserError(f"the key is of quiz {key.quiz}, the sheet of {sheet.quiz}; use the key of that one")
    known = {statement.id for statement in sheet.statements}
    lacking = [one.id for one in sheet.statements if not one.void and one.id not in key.answers]
    unknown = [one for one in key.answers if one not in known]
    if lacking:
        asked = _asked_at(sheet, lacking[0], files[0]) if files else ""
        raise UserError(
            f"{_key_at(key, files, 'answers')} has no answer to {', '.join(lacking)}{asked}; "
            f"add `{lacking[0]}: {{answer: ..., why: ...}}` below `answers:`")
    if unknown:
        near = difflib.get_close_matches(unknown[0], known - set(key.answers), n=1)
        hint = f"did you mean {near[0]}?" if near else "remove them" if len(unknown) > 1 else "remove it"
        raise UserError(
            f"{_key_at(key, files, 'answers', unknown[0])} holds {', '.join(unknown)}, which the sheet does not ask; "
            f"{hint}")


def _key_at(key: Key, files: tuple[Path, Path] | None, *steps: str) -> str:
    """Say where in the key something stands, as far as that is known."""
    if files is None:
        return f"quiz/keys/{key.quiz}.yaml: answers"
    return f"{documents.display_name(files[1])}, line {documents.line_of_field(files[1], *steps)}: answers"


def _asked_at(sheet: Sheet, statement_id: str, path: Path) -> str:
    """Say where the sheet asks a statement."""
    for place, question in enumerate(sheet.questions):
        for number, statement in enumerate(question.statements):
            if statement.id == statement_id:
                line = documents.line_of_field(path, "questions", place, "statements", number)
                return f" ({documents.display_name(path)}, line {line})"
    return ""


def _path(folder: Path, quiz_id: str) -> Path | None:
    """Give the path of a quiz file; None for an id that is no plain name, such as "../other"."""
    return folder / f"{quiz_id}.yaml" if re.fullmatch(IDENTIFIER, quiz_id) else None


def _check_name(path: Path, quiz_id: str) -> None:
    if path.stem != quiz_id:
        name = documents.display_name(path)
        raise UserError(f"{name}: the file says `quiz: {quiz_id}`; rename the file or the quiz")

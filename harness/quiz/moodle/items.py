"""Statements as questions of a question bank, whatever the file format."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from harness.errors import UserError
from harness.quiz.sheet import Key, KeyEntry, Question, Sheet, Statement, check_key

__all__ = ["ASK", "WEIGHTS", "Item", "Option", "decimal", "heading", "items", "remarks"]

ASK = "Yes, no or abstain? Argue in at most two lines."
"""What stands below a statement that is exported without its key."""

CONTESTED = "contested"     # the tag that says that a good argument can justify either answer

WEIGHTS = frozenset(Fraction(*one) for one in (
    (1, 1), (9, 10), (5, 6), (4, 5), (3, 4), (7, 10), (2, 3), (3, 5), (1, 2), (2, 5), (1, 3), (3, 10), (1, 4), (1, 5),
    (1, 6), (1, 7), (1, 8), (1, 9), (1, 10), (1, 20), (0, 1),
))
"""The weights of an answer that Moodle imports, of either sign (question/engine/bank.php); others are refused there."""


@dataclass(frozen=True, slots=True)
class Option:
    """One answer that can be chosen, with the share of the question's mark that it is worth."""

    text: str
    weight: Fraction
    feedback: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """A statement as a question.

    Attributes:
        kind: "true-false" (options True, False), "choice" (Yes, No, Abstain), or "essay" (no key: a person marks it).
        category: path in the question bank, from the course's top.
        mark: what it is worth in points of the sheet.
        feedback: shown to everyone afterwards.
        void: not for Moodle, which knows no void questions; it is kept as a comment where the format has them.

    """

    id: str
    text: str
    kind: Literal["true-false", "choice", "essay"]
    category: tuple[str, ...]
    mark: Fraction
    options: tuple[Option, ...] = ()
    feedback: str = ""
    tags: tuple[str, ...] = ()
    void: bool = False


def items(sheet: Sheet, key: Key | None) -> list[Item]:
    """Turn a sheet into questions, void statements among them.

    With the key, statements become true/false questions; where a wrong answer costs points, multiple-choice ones with
    an abstain option, as Moodle's true/false questions know no negative marks. Without it they are open questions.

    Raises:
        UserError: the key does not fit, or Moodle cannot weigh a wrong answer as the scheme does.

    """
    if key is not None:
        check_key(sheet, key)
        _check_weight(sheet)
    counting = [one for one in sheet.statements if not one.void]
    scored = len(sheet.statements) if sheet.scheme.void == "point" else len(counting)
    mark = sheet.points / scored
    return [
        _item(statement, question, sheet, key.answers.get(statement.id) if key else None, mark)
        for question in sheet.questions for statement in question.statements
    ]


def heading(sheet: Sheet) -> list[str]:
    """Say of the sheet what no question bank has a place for, as comments that `harness quiz import` reads."""
    return [f"title: {' '.join(sheet.title.split())}", f"points: {sheet.points}"]


def remarks(sheet: Sheet, key: Key | None, *, gift: bool) -> list[str]:
    """Say what Moodle will do in another way than the harness; a file in GIFT says less than one in XML."""
    said = []
    if gift:
        scored = sum(1 for one in sheet.statements if not one.void or sheet.scheme.void == "point")
        worth = f"each question is worth {decimal(sheet.points / max(1, scored))} of {decimal(sheet.points)} points"
        said.append(f"{worth}; GIFT cannot say so, so set it in the quiz after importing that")
    if key is None:
        said.append("without the key these are open questions, which a person marks")
    elif sheet.scheme.wrong < 0 and sheet.scheme.floor != "none":
        where = "for a question" if sheet.scheme.floor == "question" else "for the sheet"
        said.append(f"the sheet has a floor of 0 {where}; Moodle has none, so its totals can be lower")
    void = [one.id for one in sheet.statements if one.void]
    if void:
        fate = "GIFT keeps them as comments" if gift else "they are left out"
        said.append(f"void statements are no questions in Moodle; {fate}: {', '.join(void)}")
    return said


def decimal(number: Fraction, *, places: int = 5) -> str:
    """Write a number as Moodle reads it, without trailing zeros."""
    return f"{float(number):.{places}f}".rstrip("0").rstrip(".")


def _check_weight(sheet: Sheet) -> None:
    weight = -sheet.scheme.wrong / sheet.scheme.right
    if weight not in WEIGHTS:
        near = min(WEIGHTS, key=lambda one: abs(one - weight))
        raise UserError(
            f"a wrong answer in {sheet.quiz} costs {weight} of a right one, which Moodle does not know; the nearest "
            f"that it takes is {near}: change `wrong` in the scheme for the export")


def _item(statement: Statement, question: Question, sheet: Sheet, entry: KeyEntry | None, mark: Fraction) -> Item:
    category = (sheet.quiz, f"{question.id}. {' '.join(question.title.split())}")
    text = " ".join(statement.text.split())
    if entry is None:
        return Item(
            id=statement.id, text=text if statement.void else f"{text}\n{ASK}", kind="essay", category=category,
            mark=mark, tags=statement.topics, void=statement.void)
    weight = sheet.scheme.wrong / sheet.scheme.right
    kind: Literal["true-false", "choice"] = "choice" if weight else "true-false"
    words = {"yes": "Yes", "no": "No"} if weight else {"yes": "True", "no": "False"}
    truth = f"the answer is {entry.answer}."
    options = [
        Option(word, Fraction(1), f"Right: {truth}") if answer == entry.answer
        else Option(word, weight, f"Wrong: {truth}")
        for answer, word in words.items()]
    if kind == "choice":
        options.append(Option("Abstain", Fraction(0), f"Left out: {truth}"))
    return Item(
        id=statement.id, text=text, kind=kind, category=category, mark=mark, options=tuple(options),
        feedback=" ".join(entry.why.split()), tags=statement.topics + ((CONTESTED,) if entry.contested else ()),
        void=statement.void)

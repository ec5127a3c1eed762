"""Readings as an answer file that a person can finish, and as the answers that are marked."""

from __future__ import annotations

import json

from harness.quiz.answers import Answers, Given
from harness.quiz.reading.results import Reading, Readings
from harness.quiz.sheet import Sheet
from harness.quiz.words import UNCLEAR

__all__ = ["as_answers", "as_yaml"]


def as_answers(readings: Readings) -> Answers:
    """Give what was read as answers; an unclear one stays unmarked, with the reason, and a blank one is left out."""
    given = []
    for one in readings.readings:
        where = readings.where(one)
        if one.status == "read":
            given.append(Given(id=one.id, answer=one.answer, argument=one.argument))
        elif one.status == "unclear":
            place = f"{one.id} ({where})" if where else one.id
            problem = f"{place}: {one.reason}; it stays unmarked until a person has looked"
            given.append(Given(id=one.id, answer=None, argument=one.argument, problems=(problem,)))
    return Answers(quiz=readings.quiz, given=tuple(given), problems=readings.notes)


def as_yaml(readings: Readings, sheet: Sheet) -> str:
    """Write an answer file; what is open stands in it as a comment, or as `unclear`, which is no answer.

    So a file that nobody has finished marks what was clear, and names the rest.
    """
    lines = [f"# {sheet.title}", f"# Read from {_one_line(readings.file)}."]
    if readings.open:
        lines.append("# Look at those marked with (!), and write yes, no or abstain.")
    lines += [f"quiz: {sheet.quiz}", "answers:"]
    found = {one.id: one for one in readings.readings}
    for question in sheet.questions:
        lines.append(f"  # {question.id}. {_one_line(question.title)}")
        lines += [_line(found[statement.id], readings) for statement in question.statements]
    if not any(one.status in {"read", "unclear"} for one in readings.readings):
        lines[lines.index("answers:")] = "answers: {}"
    return "\n".join(lines) + "\n"


def _line(one: Reading, readings: Readings) -> str:
    where = readings.where(one)
    argument = json.dumps(one.argument, ensure_ascii=False) if one.argument else ""
    if one.status == "read":
        value = f"{{answer: {one.answer}, argument: {argument}}}" if argument else one.answer
        return f"  {one.id}: {value}      # {_one_line(where)}, {one.confidence:.2f}"
    comment = _one_line(f"{where}: {one.reason}" if where else one.reason)
    if one.status == "unclear":
        value = f"{{answer: {UNCLEAR}, argument: {argument}}}" if argument else UNCLEAR
        return f"  {one.id}: {value}      # (!) {comment}"
    return f"  # {one.id}:      # (!) {comment}"


def _one_line(text: str) -> str:
    return " ".join(text.split())

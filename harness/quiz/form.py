"""What a file of answers may hold, as typed models: for editors that check while one writes (`harness schema answers`).

`read_answers` reads more kindly: it keeps what is right in a file where one answer is wrong.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from harness.quiz.exact import Identifier
from harness.quiz.words import Meant
from harness.records import Record

__all__ = ["AnswerForm", "AnswersForm"]

Argument = Annotated[str, Field(description="At most two lines of 200 characters.")]


Open = Annotated[Literal["unclear"], Field(description="What `harness quiz read` left to a person; not marked.")]


class AnswerForm(Record):
    """One answer with its argument."""

    answer: Meant | Open
    argument: Argument | None = None


class AnswersForm(Record):
    """A group's answers to a quiz."""

    quiz: Identifier
    answers: dict[str, Meant | Open | AnswerForm | None] = Field(description="The id of each statement and its answer.")

"""What was read: an answer or none, how sure that is, and where it stands."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from harness.quiz.reading.facts import Box
from harness.quiz.reading.plain_text import line_number
from harness.quiz.words import Answer
from harness.records import ImageFile, Record

__all__ = ["Evidence", "Reading", "Readings", "Status"]

Status = Literal["read", "blank", "unclear", "not found"]
"""blank: the statement is there, and no answer; unclear: a person has to look; not found: nowhere in the file."""


class Evidence(Record):
    """Where an answer, or what hides one, stands."""

    page: int
    box: Box                # left, top, right, bottom in points from the upper left corner of the page
    snippet: str            # what stands there, in words
    how: str                # "form field", "strokes", "typed", "ink", ...


class Reading(Record):
    """What one statement was answered with, as far as that is clear."""

    id: str
    status: Status
    answer: Answer | None = None
    argument: str = ""
    confidence: float = Field(ge=0, le=1)       # that the answer is the one given; 0 where none was read
    reason: str = ""                            # why a person has to look
    evidence: tuple[Evidence, ...] = ()
    crop: ImageFile | None = None               # the page around the evidence


class Readings(Record):
    """What a file answers: one reading for each statement of the sheet, in its order."""

    quiz: str
    file: str
    pages: int
    readings: tuple[Reading, ...]
    notes: tuple[str, ...] = ()                 # about the file as a whole
    is_text: bool = False                       # it has lines, not pages

    @property
    def open(self) -> tuple[Reading, ...]:
        """Those that a person has to look at."""
        return tuple(one for one in self.readings if one.status != "read")

    def where(self, reading: Reading) -> str:
        """Say where a reading comes from, in a few words; "" where it was not found."""
        if not reading.evidence:
            return ""
        first = reading.evidence[0]
        place = f"line {line_number(first.box[1])}" if self.is_text else f"page {first.page}"
        kinds = ", ".join(dict.fromkeys(one.how for one in reading.evidence if one.how != "none"))
        return f"{place}, {kinds}" if kinds else place

"""One thing that was seen at a statement: an answer, or a reason why a person has to look."""

from __future__ import annotations

from dataclasses import dataclass

from harness.quiz.reading.results import Evidence
from harness.quiz.words import Answer

__all__ = ["STRENGTH", "Signal"]

STRENGTH = {"form field": 0.99, "typed": 0.97, "written box": 0.97, "strokes": 0.97, "annotation": 0.97, "ink": 0.9,
            "scan": 0.85}
"""How sure each kind of evidence is by itself. They order the kinds; they are no measured frequencies."""


@dataclass(frozen=True, slots=True)
class Signal:
    """An answer, or in its place the reason why it is unclear; at one place of the file."""

    answer: Answer | None
    how: str
    evidence: Evidence
    reason: str = ""
    found: float = 1.0      # how sure it is that this is the statement

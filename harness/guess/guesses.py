"""What a guess is, and what is asked where nothing can be guessed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Guess", "ModelGuess", "Question"]


@dataclass(frozen=True, slots=True)
class Guess:
    """A value of the manifest, and what in the code speaks for it."""

    value: Any
    why: str


@dataclass(frozen=True, slots=True)
class Question:
    """A key that the group has to settle.

    Attributes:
        key: of the manifest.
        example: a value that it could have; the key is written with it, as a comment.
        text: what is asked.

    """

    key: str
    example: Any
    text: str


@dataclass(slots=True)
class ModelGuess:
    """What is guessed about one model.

    Attributes:
        slot: "vae" or "other".
        keys: key of the manifest's entry -> guess.
        questions: what is left to the group.
        notes: what else was seen.
        adapter: text of `adapter.py`, where a manifest cannot say how the model is asked; else empty.

    """

    slot: str
    keys: dict[str, Guess] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    adapter: str = ""

    def add(self, key: str, value: Any, why: str) -> None:
        """Take a guess."""
        self.keys[key] = Guess(value, why)

    def ask(self, key: str, example: Any, text: str) -> None:
        """Leave a key to the group."""
        self.questions.append(Question(key, example, text))

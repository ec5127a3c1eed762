"""What counts as yes, as no and as leaving a statement out."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, WithJsonSchema

from harness.documents import shown

__all__ = ["ALLOWED", "UNCLEAR", "WORDS", "Answer", "Meant", "YesNo", "read_answer", "read_yes_no"]

Answer = Literal["yes", "no", "abstain"]

ALLOWED = 'yes, no or abstain (also true/false, right/wrong, y/n, ja/nein; skip, "-", null or nothing to abstain)'
"""What may be written, in a sentence's words."""

UNCLEAR = "unclear"
"""What `harness quiz read` writes where a person has to look; it is no answer, and stays unmarked."""

WORDS: dict[str, Answer] = {
    **dict.fromkeys((
        "yes", "y", "true", "t", "right", "r", "correct", "ja", "j", "wahr", "richtig", "korrekt", "stimmt",
        "trifft zu", "agree"), "yes"),
    **dict.fromkeys((
        "no", "n", "false", "f", "wrong", "incorrect", "untrue", "not true", "not right", "not correct", "nein",
        "falsch", "unwahr", "inkorrekt", "nicht wahr", "nicht richtig", "nicht korrekt", "stimmt nicht",
        "trifft nicht zu", "disagree"), "no"),
    **dict.fromkeys((
        "abstain", "abstained", "abstention", "skip", "skipped", "no answer", "not answered", "n/a", "i abstain",
        "we abstain", "enthaltung", "keine angabe", "keine antwort", "k.a", "k. a"), "abstain"),
}
"""What people write for an answer, in small letters and without a full stop behind it.

`w` is none of them: it is *wrong* to some, and *wahr* to others.
"""

_MEANINGS: dict[str, Answer] = {
    **WORDS, **dict.fromkeys(("pass", "none", "null", "nil", "~", "-", "–", "—", ""), "abstain"),
}


def read_answer(written: object) -> Answer | None:
    """Give what a person means by a word; None where it is none of the words that are taken.

    Capitals, spaces around it and a full stop or exclamation mark behind it make no difference.

    >>> read_answer("JA"), read_answer(False), read_answer(" Yes. "), read_answer("maybe")
    ('yes', 'no', 'yes', None)
    """
    if written is None:
        return "abstain"
    if isinstance(written, bool):
        return "yes" if written else "no"
    if not isinstance(written, str):
        return None
    return _MEANINGS.get(written.strip().rstrip(".!,;").rstrip().casefold())


def read_yes_no(written: object) -> str:
    """Give "yes" or "no"; for keys, where abstaining makes no sense.

    Raises:
        ValueError: it is neither.

    """
    answer = read_answer(written)
    if answer is None or answer == "abstain":
        raise ValueError(
            f"{shown(str(written))} is neither; write yes or no (also true/false, right/wrong, y/n, ja/nein)")
    return answer


def _read_meant(written: object) -> str:
    answer = read_answer(written)
    if answer is None:
        raise ValueError(f"write {ALLOWED}")
    return answer


def _schema(*meant: Answer) -> dict[str, Any]:
    """Describe the words that mean one of these answers, in any capitals, as a JSON schema."""
    words = sorted(word for word, answer in _MEANINGS.items() if answer in meant)
    pattern = "|".join("".join(_either_case(letter) for letter in word) for word in words)
    return {"anyOf": [
        {"enum": list(meant)},      # first, as this is what editors offer to write
        {"type": "boolean"},
        {"type": "string", "pattern": rf"^\s*({pattern})\s*[.!,;]*\s*$"},
        *([{"type": "null"}] if "abstain" in meant else []),
    ]}


def _either_case(letter: str) -> str:
    return f"[{letter.upper()}{letter}]" if letter.isalpha() else re.escape(letter)


YesNo = Annotated[Literal["yes", "no"], BeforeValidator(read_yes_no), WithJsonSchema(_schema("yes", "no"))]
"""A pydantic field that takes every way to write yes or no."""

Meant = Annotated[Answer, BeforeValidator(_read_meant), WithJsonSchema(_schema("yes", "no", "abstain"))]
"""A pydantic field that takes every way to write yes, no or abstain."""

"""Words made comparable: what a reworded or differently spelt copy of a statement still shares with it."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from harness.quiz.sheet import Sheet

__all__ = ["PREFIX", "coverage", "parts", "weights_of"]

PREFIX = 5
"""Letters of a word that count, so that maximising, maximizes and maximised are one."""


def parts(text: str) -> list[str]:
    """Give the beginnings of the words of a text, in small letters and without accents.

    >>> parts("The log-likelihood's maximisation")
    ['the', 'log', 'likel', 's', 'maxim']
    """
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return [word[:PREFIX] for word in re.findall(r"[^\W_]+", plain)]


def weights_of(sheet: Sheet) -> dict[str, float]:
    """Weigh parts by how rare they are among the statements: log(1 + statements / statements that have it).

    Inverse document frequency: K. Spärck Jones, A statistical interpretation of term specificity, 1972.
    """
    texts = [set(parts(statement.text)) for statement in sheet.statements]
    counts = Counter(part for text in texts for part in text)
    return {part: math.log(1 + len(texts) / count) for part, count in counts.items()}


def coverage(wanted: Sequence[str], seen: Sequence[str]) -> float:
    """Give the share of `wanted` parts that are among `seen`."""
    return sum(1 for part in wanted if part in set(seen)) / max(1, len(wanted))

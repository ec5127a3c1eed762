"""Field types that sheets, keys and rubrics share."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

__all__ = ["IDENTIFIER", "Exact", "Identifier", "exact"]

MOST = 10**6
_ENDLESS = re.compile(r"[eE][-+]?\d{4}")


def exact(value: Any) -> Fraction:
    """Take 1, 0.5 or "1/3" as the number that is written, not as the nearest binary one.

    Raises:
        ValueError: it is no number, or one that no sheet or rubric needs.

    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Fraction)):
        raise ValueError("must be a number, such as 1, 0.5 or 1/3")
    text = str(value)
    try:
        # "1e999999999" would be computed digit by digit
        number = Fraction(text) if not _ENDLESS.search(text) else Fraction(MOST + 1)
    except (ValueError, ZeroDivisionError):
        raise ValueError("must be a number, such as 1, 0.5 or 1/3") from None
    if abs(number) > MOST or number.denominator > MOST:
        raise ValueError(
            "must be a number of ordinary size, with at most six digits on either side of the point"
        )
    return number


Exact = Annotated[
    Fraction,
    BeforeValidator(exact),
    PlainSerializer(str, when_used="json"),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^-?\d+(/\d+|\.\d+)?$"}]}),
]
"""An exact number."""

IDENTIFIER = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$"

Identifier = Annotated[str, Field(pattern=IDENTIFIER)]
"""A short name without spaces."""

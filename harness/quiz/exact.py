"""Field types that sheets, keys and rubrics share."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

__all__ = ["Exact", "Identifier", "exact"]

MOST = 10**6


def exact(value: Any) -> Fraction:
    """Take 1, 0.5 or "1/3" as the number that is written, not as the nearest binary one.

    Raises:
        ValueError: it is no number, or one that no sheet or rubric needs.

    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Fraction)):
        raise ValueError("must be a number, such as 1, 0.5 or 1/3")
    try:
        number = Fraction(str(value))
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

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")]
"""A short name without spaces."""

"""Numbers as people print them: 0.001, 0,001, 1e-3, 10^-3, 60,000, 1.2M; and how exactly they are meant."""

from __future__ import annotations

import re

__all__ = ["NUMBER", "half_unit", "is_german", "parse"]

_POWER = r"10\s?\^?\s?\{?[-−–]\s?\d{1,2}\}?"
NUMBER = (
    rf"(?>(?:\d+(?:[.,]\d+)*\s?[×x·*]\s?{_POWER}|{_POWER}(?![\d.,]*\d)|\d+(?:[.,]\d+)*(?:e[-−–+]?\d{{1,3}})?|\.\d+))"
)
"""A number without its sign; it is taken whole or not at all."""

_GERMAN = re.compile(r"\b(?:der|die|das|und|mit|wir|ist|wurde|auf|für|eine?|nicht|werden)\b", re.IGNORECASE)
_ENGLISH = re.compile(r"\b(?:the|and|with|we|is|was|on|for|an?|not|are|of)\b", re.IGNORECASE)


def is_german(text: str) -> bool:
    """Tell whether a text is German, where the comma is the decimal point."""
    return len(_GERMAN.findall(text)) > len(_ENGLISH.findall(text))


def parse(printed: str, *, german: bool = False) -> float | None:
    """Give the value of a printed number; None where it can be read in two ways.

    >>> parse("1e-3"), parse("10−4"), parse("5 x 10^-4"), parse("60,000"), parse("0,013"), parse("1,5")
    (0.001, 0.0001, 0.0005, 60000.0, 0.013, 1.5)
    """
    text = re.sub(r"[\s{}^]", "", printed).replace("−", "-").replace("–", "-").casefold()
    power = re.fullmatch(r"(?:(.+)[×x·*])?10-(\d{1,2})", text)
    if power:
        factor = parse(power[1], german=german) if power[1] else 1.0
        return None if factor is None else float(f"{factor!r}e-{power[2]}")
    mantissa, mark, exponent = text.partition("e")
    plain = _point(mantissa, german=german)
    try:
        return float(plain + mark + exponent)
    except ValueError:
        return None


def _point(text: str, *, german: bool) -> str:
    """Bring points and commas into the form of Python."""
    if "," in text and "." in text:
        thousands = "," if text.index(",") < text.index(".") else "."
        return text.replace(thousands, "").replace(",", ".")
    if "," in text:
        grouped = re.fullmatch(r"[1-9]\d{0,2}(?:,\d{3})+", text) and not german
        return text.replace(",", "") if grouped else text.replace(",", ".")
    if re.fullmatch(r"[1-9]\d{0,2}(?:\.\d{3}){2,}", text):
        return text.replace(".", "")
    return text


def half_unit(printed: str, value: float) -> float:
    """Give half a unit of the last printed digit: how far a rounded number may be from what was rounded."""
    digits = re.search(r"[.,](\d+)$", re.split(r"[e×x·*\s]", printed.strip().casefold())[0])
    fraction = len(digits[1]) if digits and not (value >= 1000 and len(digits[1]) == 3) else 0
    mantissa = parse(re.split(r"[e×x·*]", printed.casefold())[0]) or value
    if re.match(r"10\s?\^?\s?\{?[-−–]", printed):     # a power alone: 10^-3 is 1e-3
        mantissa = 1.0
    scale = value / mantissa if mantissa else 1.0
    return float(0.5 * 10**-fraction * abs(scale))

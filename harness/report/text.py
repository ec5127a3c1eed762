"""How text and numbers are written on a page: foreign text made harmless, numbers made readable."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

from markupsafe import Markup

__all__ = [
    "LONGEST",
    "anchor",
    "column_of_numbers",
    "count",
    "harmless",
    "number",
    "pieces",
    "plain_number",
    "points",
    "printed",
    "quantity",
    "seconds",
    "value_and_interval",
    "value_with_interval",
    "web_link",
    "when",
]

LONGEST = 20_000
"""Most characters of one text that a page shows; `result.json` holds the rest."""

MOST_MARKS = 4
"""Most combining marks on one character: the scripts of the world need fewer, stacked ones cover lines."""

BYTES = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
THIN = "\u202f"
JOINERS = "\u200c\u200d\u00ad"  # shaping of Persian and of emoji, and the soft hyphen: these are text
TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def harmless(text: str) -> str:
    """Make foreign text safe to show: readable, and unable to reorder, hide or overrun what is around it.

    Terminal colours are dropped. Direction overrides, invisible and control characters become visible
    marks such as "[U+202E]". Stacks of combining marks and very long texts are cut. Escaping for HTML is
    the template's part.
    """
    if len(text) > LONGEST:
        text = text[:LONGEST] + f" … ({count(len(text) - LONGEST)} more characters in result.json)"
    if text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    marks = 0
    for character in TERMINAL.sub("", text).replace("\r\n", "\n"):
        category = unicodedata.category(character)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if marks > MOST_MARKS:
            continue
        foreign = category in {"Cc", "Cf", "Cs", "Zl", "Zp"} and character not in JOINERS + "\n\t"
        shown.append(f"[U+{ord(character):04X}]" if foreign else character)
    return "".join(shown)


def printed(value: object) -> object:
    """Prepare the value of every expression in a template; markup of our own templates stays as it is."""
    return harmless(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def pieces(words: str) -> list[tuple[str, bool]]:
    """Split prose at `backticks`: pairs of a text and whether it is code."""
    parts = words.split("`")
    if len(parts) % 2 == 0:  # an odd number of backticks: the last one is only a backtick
        parts[-2:] = ["`".join(parts[-2:])]
    return [(part, bool(index % 2)) for index, part in enumerate(parts) if part]


def anchor(*names: str) -> str:
    """Name a place within a page after what stands there: "practice", "other-samples" -> "practice-other-samples"."""
    return "-".join(re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-") for name in names)


def number(value: float | None, digits: int = 4) -> str:
    """Write a number with `digits` significant digits: 0.0133, 12 345, 1.2 × 10⁻⁵; "–" for None."""
    if value is None:
        return "–"
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "infinite" if value > 0 else "−infinite"
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if exponent < -4 or exponent > 8:
        mantissa, power = f"{value:.{digits - 1}e}".split("e")
        return _signed(f"{_trimmed(mantissa)} × 10{str(int(power)).translate(SUPERSCRIPT)}")
    return _fixed(value, decimals=max(0, digits - 1 - exponent), trim=True)


def column_of_numbers(values: Sequence[float | None]) -> list[str]:
    """Write the numbers of a column with the same decimals, so that they can be compared at a glance."""
    sizes = [abs(value) for value in values if value is not None and math.isfinite(value) and value != 0]
    if not sizes or max(sizes) / min(sizes) > 1_000 or not 1e-4 < max(sizes) < 1e9:
        return [number(value) for value in values]
    whole = all(size == round(size) for size in sizes)
    decimals = 0 if whole else max(0, 3 - math.floor(math.log10(max(sizes))))
    return [
        number(value) if value is None or not math.isfinite(value) else _fixed(value, decimals=decimals)
        for value in values
    ]


def value_and_interval(value: float, interval: tuple[float, float] | None) -> tuple[str, str]:
    """Write a value and its interval to the digits the interval supports: "0.0133" and "[0.0131, 0.0135]"."""
    if interval is None:
        return number(value), ""
    half = abs(interval[1] - interval[0]) / 2
    decimals = max(0, math.ceil(-math.log10(half))) if math.isfinite(half) and half > 0 else math.inf
    if decimals > 7 or not math.isfinite(value):
        return number(value), f"[{number(interval[0])}, {number(interval[1])}]"
    shown, low, high = (_fixed(one, decimals=int(decimals)) for one in (value, *interval))
    return shown, f"[{low}, {high}]"


def value_with_interval(value: float, interval: tuple[float, float] | None) -> str:
    """Write both in one: 0.0133 [0.0131, 0.0135]."""
    return " ".join(filter(None, value_and_interval(value, interval)))


def points(value: float | None) -> str:
    """Write points with at most two decimals: 3.5, 20, 3.25; "–" where there are none."""
    return "–" if value is None else _fixed(value, decimals=2, trim=True)


def plain_number(value: float) -> str:
    """Write a number as people type it into a form: 3, 3.5, 0.333333."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


def count(value: int) -> str:
    """Write a whole number with thin spaces between thousands: 10 000."""
    return _signed(f"{value:,}".replace(",", THIN))


def seconds(value: float) -> str:
    """Write a duration: 0.42 s, 12.3 s, 1 min 12 s, 1 h 2 min."""
    if not math.isfinite(value) or value < 0:
        return number(value)
    if value < 1:
        return f"{value:.2f} s"
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def quantity(value: float, name: str) -> str:
    """Write a limit by the unit in its name: 6 GiB for `memory_bytes`, 1 min 30 s for `start_seconds`."""
    if name.endswith("_seconds"):
        return seconds(value)
    if name.endswith("_bytes") and math.isfinite(value):
        unit = next((unit for unit in ("GiB", "MiB", "KiB") if value >= BYTES[unit]), "bytes")
        return f"{number(value / BYTES[unit])} {unit}"
    return number(value)


def when(created: str) -> str:
    """Write an ISO 8601 time as "25 November 2026, 10:13 UTC"; anything else as it is."""
    try:
        moment = datetime.fromisoformat(created)
    except ValueError:
        return created
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"


def web_link(text: str) -> str | None:
    """Give the address if `text` is one that may become a link: http or https, a host, nothing hidden."""
    address = text.strip()
    if not address.isascii() or not address.isprintable() or " " in address:
        return None
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return None
    return address if parts.scheme in {"http", "https"} and host and "@" not in parts.netloc else None


def _fixed(value: float, *, decimals: int, trim: bool = False) -> str:
    digits = f"{value:,.{decimals}f}".replace(",", THIN)
    return _signed(_trimmed(digits) if trim else digits)


def _trimmed(digits: str) -> str:
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def _signed(digits: str) -> str:
    """Write a true minus sign, and none before a zero."""
    if not digits.startswith("-"):
        return digits
    return "−" + digits[1:] if digits.strip("-0.") else digits[1:]

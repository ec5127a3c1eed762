"""Shares, estimates and chances as people read them, for terminals and pages."""

from __future__ import annotations

from harness.quiz.cohort import Estimate, Share

__all__ = ["chance", "estimate", "share"]


def share(found: Share) -> str:
    """Percent with their interval, "85 (62 to 97)"; a dash where nobody was counted."""
    if found.value is None:
        return "–"
    low, high = found.interval
    return f"{100 * found.value:.0f} ({100 * low:.0f} to {100 * high:.0f})"


def estimate(found: Estimate | None) -> str:
    """Two decimals with their interval, "0.31 (−0.15 to 0.65)"; a dash where there is no number."""
    if found is None:
        return "–"
    value, low, high = (_two_decimals(one) for one in (found.value, *found.interval))
    return f"{value} ({low} to {high})"


def chance(probability: float) -> str:
    """Give a probability in two digits, and in words where it is near 0 or 1."""
    if probability > 0.99:
        return "as good as certain"
    return "less than 1 in 1000" if probability < 0.001 else f"{probability:.2g}"


def _two_decimals(number: float) -> str:
    rounded = round(number, 2) or 0.0       # no minus before a nought
    return f"{rounded:.2f}".replace("-", "\N{MINUS SIGN}")

"""The words that all answer sheets share."""

from __future__ import annotations

__all__ = ["HINT", "OPTIONS"]

OPTIONS = ("yes", "no", "abstain")
"""What can be ticked, in the order of the sheet."""

HINT = (
    "Tick one box for each statement; an argument may stand below it, at most two lines. "
    "What you are unsure of, abstain from."
)

"""Guesses a manifest for code that was not written for the harness, by reading it; nothing of it is run."""

from __future__ import annotations

from harness.guess.writing import Written, in_yaml, new_from

__all__ = ["Written", "in_yaml", "new_from"]

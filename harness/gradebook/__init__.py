"""The gradebook: every attempt, every mark and where it came from, and what persons gave on top, in one SQLite file."""

from __future__ import annotations

from harness.gradebook.book import Change, Gradebook, SaidMeanwhile
from harness.gradebook.filing import catch_up, file_result, filed_result, record

__all__ = ["Change", "Gradebook", "SaidMeanwhile", "catch_up", "file_result", "filed_result", "record"]

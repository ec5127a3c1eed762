"""Reading what groups hand in: PDFs with crosses, fields or typed answers, text and Markdown."""

from __future__ import annotations

from harness.quiz.reading.read import SUFFIXES, read_file
from harness.quiz.reading.results import Evidence, Reading, Readings

__all__ = ["SUFFIXES", "Evidence", "Reading", "Readings", "read_file"]

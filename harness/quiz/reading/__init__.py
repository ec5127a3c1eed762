"""Reading what groups hand in: PDFs with crosses, fields or typed answers, text and Markdown."""

from __future__ import annotations

from harness.quiz.reading.crops import with_crops
from harness.quiz.reading.read import read_file
from harness.quiz.reading.results import Evidence, Reading, Readings
from harness.quiz.reading.write import as_answers, as_yaml

__all__ = ["Evidence", "Reading", "Readings", "as_answers", "as_yaml", "read_file", "with_crops"]

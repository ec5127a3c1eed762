"""The theory part: sheets and keys, reading answers, marking them or checking their form."""

from __future__ import annotations

from harness.quiz.answers import Answers, Given, read_answers, template
from harness.quiz.marking import check_file, check_form, mark, read_pages, theory
from harness.quiz.reading import Reading, Readings, as_answers, as_yaml, read_file, with_crops
from harness.quiz.sheet import (
    Key,
    KeyEntry,
    Question,
    Scheme,
    Sheet,
    Statement,
    check_key,
    load_key,
    load_sheet,
)
from harness.quiz.table import Row, rows

__all__ = [
    "Answers", "Given", "Key", "KeyEntry", "Question", "Reading", "Readings", "Row", "Scheme", "Sheet", "Statement",
    "as_answers", "as_yaml", "check_file", "check_form", "check_key", "load_key", "load_sheet", "mark",
    "read_answers", "read_file", "read_pages", "rows", "template", "theory", "with_crops",
]

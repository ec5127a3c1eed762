"""The theory part: sheets and keys, reading answers, marking them or checking their form."""

from __future__ import annotations

from harness.quiz.answers import Answers, Given, read_answers, template
from harness.quiz.marking import check_file, check_form, mark, theory
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
    "Answers", "Given", "Key", "KeyEntry", "Question", "Row", "Scheme", "Sheet", "Statement",
    "check_file", "check_form", "check_key", "load_key", "load_sheet", "mark", "read_answers", "rows",
    "template", "theory",
]

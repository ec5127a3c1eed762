"""Answer sheets to hand out: a PDF that can be filled in, a page to print, an answer file, Markdown."""

from __future__ import annotations

from harness.quiz.handout.html import sheet_html
from harness.quiz.handout.markdown import sheet_markdown
from harness.quiz.handout.pdf import sheet_pdf

__all__ = ["sheet_html", "sheet_markdown", "sheet_pdf"]

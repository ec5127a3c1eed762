"""The answer sheet as one HTML page without scripts: to be filled in and printed, on screen or on paper."""

from __future__ import annotations

from harness.quiz.handout.words import HINT, OPTIONS
from harness.quiz.sheet import Sheet

__all__ = ["sheet_html"]


def sheet_html(sheet: Sheet) -> str:
    """Lay out the sheet; labels, groups and headings are those that screen readers read out."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("harness.quiz", "handout"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )
    page = environment.get_template("sheet.html").render(sheet=sheet, hint=HINT, options=OPTIONS)
    return page.rstrip() + "\n"

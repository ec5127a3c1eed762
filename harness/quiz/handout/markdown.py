"""The answer sheet as Markdown, to be filled in with any editor."""

from __future__ import annotations

from harness.quiz.handout.words import HINT, OPTIONS
from harness.quiz.sheet import Sheet

__all__ = ["sheet_markdown"]


def sheet_markdown(sheet: Sheet) -> str:
    """Write every statement with a box before each option, to be filled with an x; an argument goes behind "->"."""
    boxes = "  ".join(f"[ ] {option}" for option in OPTIONS)
    lines = [f"# {sheet.title}", "", f"Quiz: {sheet.quiz}", "", HINT.replace("Tick", "Put an x into"), ""]
    for question in sheet.questions:
        lines += [f"## {question.id}. {question.title}", ""]
        for one in question.statements:
            lines += [f"**{one.id}** {' '.join(one.text.split())}", "", f"{boxes}  Argument:", ""]
    return "\n".join(lines)

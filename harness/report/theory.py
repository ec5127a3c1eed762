"""What a class's answers to a quiz say, as a page beside the list of all reports."""

from __future__ import annotations

from pathlib import Path

from harness.quiz import figures
from harness.quiz.cohort import QuizStatistics
from harness.report.render import environment, folder_name, write_atomically

__all__ = ["page_name", "render_theory", "write_theory"]


def page_name(quiz: str) -> str:
    """Name the file of a quiz's page."""
    return f"theory-{folder_name(quiz)}.html"


def render_theory(found: QuizStatistics) -> str:
    """Render statistics of a class as a complete HTML page that loads nothing, runs nothing and sends nothing."""
    return environment("index.css").get_template("theory.html").render(
        found=found, figures=figures)


def write_theory(found: QuizStatistics, folder: Path) -> Path:
    """Write the page into the folder of all reports.

    Raises:
        UserError: it cannot be written.

    """
    target = folder / page_name(found.quiz)
    write_atomically(target, render_theory(found))
    return target


"""The report of one hand-in and the list of all, as self-contained web pages made from results alone."""

from __future__ import annotations

from harness.report.bench import render_bench, write_bench
from harness.report.index import render_index, write_index
from harness.report.render import render_report, write_report
from harness.report.theory import render_theory, write_theory

__all__ = [
    "render_bench", "render_index", "render_report", "render_theory", "write_bench", "write_index", "write_report",
    "write_theory",
]

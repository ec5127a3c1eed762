"""Learning-management systems: hand-ins from Moodle, and grades to Moodle, Gradescope and spreadsheets."""

from __future__ import annotations

from harness.lms.gradescope import results_json
from harness.lms.results import Filed, Results, read_results
from harness.lms.spreadsheet import safe_cell
from harness.lms.standing import Standing, standing
from harness.lms.table import grades_csv

__all__ = ["Filed", "Results", "Standing", "grades_csv", "read_results", "results_json", "safe_cell", "standing"]

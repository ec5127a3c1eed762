"""Moodle, both ways: its archive of submissions to hand-ins, and grades into its worksheet and feedback archive."""

from __future__ import annotations

from harness.lms.moodle.feedback import write_feedback
from harness.lms.moodle.filling import FilledRow, FilledWorksheet, fill
from harness.lms.moodle.importing import Imported, ImportedHandIn, import_archive
from harness.lms.moodle.matching import origins_of
from harness.lms.moodle.record import RECORD, read_record
from harness.lms.moodle.times import note_times
from harness.lms.moodle.worksheet import Worksheet, read_worksheet

__all__ = [
    "RECORD", "FilledRow", "FilledWorksheet", "Imported", "ImportedHandIn", "Worksheet", "fill", "import_archive",
    "note_times", "origins_of", "read_record", "read_worksheet", "write_feedback",
]

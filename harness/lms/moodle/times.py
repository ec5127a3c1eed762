"""When each hand-in came, by the worksheet: the archive itself does not say it."""

from __future__ import annotations

from pathlib import Path

from harness.errors import UserError
from harness.lms.moodle.matching import rows_of_participant
from harness.lms.moodle.record import RECORD, Origin, read_record, write_record
from harness.lms.moodle.worksheet import Column, Worksheet, parse_time

__all__ = ["note_times"]


def note_times(submissions: Path, sheet: Worksheet) -> dict[str, str]:
    """Write into the record of the import when the worksheet says that each hand-in came.

    The worksheet names no time zone: its hours are taken as those of this machine.

    Returns:
        Folder -> why its time is not known.

    Raises:
        UserError: the record is damaged, or cannot be written.

    """
    record = read_record(submissions)
    origins, unknown = {}, {}
    for folder, origin in record.hand_ins.items():
        origins[folder], problem = _with_time(origin, sheet)
        if problem:
            unknown[folder] = problem
    try:
        write_record(submissions, record.model_copy(update={"hand_ins": origins}))
    except OSError as error:
        raise UserError(
            f"{submissions / RECORD}: cannot be written ({error.strerror}); check its permissions") from None
    return unknown


def _with_time(origin: Origin, sheet: Worksheet) -> tuple[Origin, str]:
    """Take the latest time among the rows of those who handed it in; where there is none, keep what is known."""
    times, problems = [], []
    for participant in origin.participants:
        rows, problem = rows_of_participant(participant, sheet)
        times += [time for row in rows if (time := parse_time(row.value(Column.SUBMITTED)))]
        problems += [problem] if problem else []
    if not times:
        return origin, problems[0] if problems else "the worksheet names no time at which it was handed in"
    handed_in = max(times).astimezone().isoformat(timespec="minutes")
    return origin.model_copy(update={"handed_in": handed_in}), ""

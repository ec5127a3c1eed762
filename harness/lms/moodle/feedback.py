"""Moodle's archive of feedback files: one folder for each member, with the report of the group.

Moodle takes participant and plugin from the folder's name, `Name_12345_assignfeedback_file_`
(mod/assign/feedback/file/importziplib.php); the underscore at the end is what versions before 4.1 ask for, and later
ones take as well.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

from harness.errors import UserError
from harness.lms.moodle.worksheet import Column, Row

__all__ = ["folder_of", "write_feedback"]

_DATE = (1980, 1, 1, 0, 0, 0)       # the first that a zip archive can hold: the same reports give the same bytes


def folder_of(row: Row) -> str:
    """Name the folder of a participant as Moodle reads it; an underscore in the name would end it."""
    name = row.value(Column.NAME) or "Participant"
    safe = re.sub(r"[\x00-\x1f\x7f_/\\:*?\"<>|]+", " ", name).strip(" .~")[:100] or "Participant"
    return f"{safe}_{row.participant}_assignfeedback_file_"


def write_feedback(path: Path, members: Iterable[tuple[Row, str]], page_of: Callable[[str], str]) -> list[str]:
    """Write the archive; the same reports always give the same bytes.

    Args:
        path: where to.
        members: the row of each member, and the group.
        page_of: gives the report of a group, as a page that needs no other file.

    Returns:
        The names of the files in the archive.

    Raises:
        UserError: it cannot be written.

    """
    scratch = path.with_name(f".{path.name}.new")
    names = []
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(scratch, "w", zipfile.ZIP_DEFLATED) as archive:
            last, page = "", ""
            for row, group in sorted(members, key=lambda member: (member[1], int(member[0].participant))):
                if group != last:
                    last, page = group, page_of(group)
                info = zipfile.ZipInfo(f"{folder_of(row)}/report.html", _DATE)
                info.compress_type, info.external_attr, info.create_system = zipfile.ZIP_DEFLATED, 0o644 << 16, 3
                archive.writestr(info, page)
                names.append(info.filename)
        scratch.replace(path)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise UserError(f"{path}: cannot be written ({error.strerror or error}); choose another file") from None
    return names

"""The record of an import: which participant handed in which folder.

It lies beside the hand-ins as `.moodle.json` and never in one, so that no group's code sees who handed in.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError

from harness.errors import UserError
from harness.records import Record

__all__ = ["RECORD", "Import", "Origin", "Participant", "read_record", "write_record"]

RECORD = ".moodle.json"


class Participant(Record):
    """Whose an entry of the archive is: one participant, or a team."""

    name: str
    number: str | None = None       # of the participant in this assignment, or of the team


class Origin(Record):
    """Where a folder came from."""

    participants: list[Participant]
    archive: str                    # name of the file that was downloaded
    downloaded: str                 # when it was last written, ISO 8601 with the offset of the place
    handed_in: str | None = None    # when the worksheet says that it came, ISO 8601 with offset


class Import(Record):
    """The content of the record."""

    schema_: int = Field(default=1, alias="schema")
    hand_ins: dict[str, Origin] = Field(default_factory=dict)   # name of the folder -> where it came from

    model_config = Record.model_config | {"populate_by_name": True}


def read_record(submissions: Path) -> Import:
    """Read the record beside the hand-ins; an empty one where nothing was imported.

    Raises:
        UserError: it is damaged.

    """
    path = submissions / RECORD
    try:
        return Import.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Import()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None
    except ValidationError:
        raise UserError(
            f"{path}: is damaged; remove it, and import the archive from Moodle again, which changes no hand-in"
        ) from None


def write_record(submissions: Path, record: Import) -> None:
    """Write the record beside the hand-ins, whole or not at all.

    Raises:
        OSError: it cannot be written.

    """
    scratch = submissions / f"{RECORD}.new"
    scratch.write_text(record.model_dump_json(by_alias=True, indent=1) + "\n", encoding="utf-8")
    scratch.replace(submissions / RECORD)

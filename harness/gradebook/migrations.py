"""How a gradebook of any earlier version becomes one of this: steps that are never changed once they were released.

`PRAGMA user_version` of the file counts the steps that were taken (https://www.sqlite.org/pragma.html#pragma_user_version).
"""

from __future__ import annotations

from sqlalchemy import Connection

from harness.errors import UserError

__all__ = ["STEPS", "migrate"]


def _added_to_only(table: str) -> tuple[str, str]:
    """Let the file itself refuse to change or forget what was written."""
    refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is only ever added to'); END"
    return (
        f"CREATE TRIGGER {table}_stay BEFORE UPDATE ON {table} {refuse}",
        f"CREATE TRIGGER {table}_are_kept BEFORE DELETE ON {table} {refuse}",
    )


STEPS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE attempts (
            id INTEGER NOT NULL PRIMARY KEY, "group" VARCHAR NOT NULL, assignment VARCHAR NOT NULL,
            hand_in_hash VARCHAR NOT NULL, result_hash VARCHAR NOT NULL, graded VARCHAR NOT NULL, box VARCHAR NOT NULL,
            data VARCHAR NOT NULL, budget VARCHAR NOT NULL, rubric_hash VARCHAR NOT NULL, versions JSON NOT NULL,
            points DOUBLE NOT NULL, max_points DOUBLE NOT NULL, open_points DOUBLE NOT NULL)""",
        'CREATE INDEX attempts_of ON attempts ("group", assignment)',
        """CREATE TABLE automatic_marks (
            id INTEGER NOT NULL PRIMARY KEY, attempt INTEGER NOT NULL REFERENCES attempts (id),
            criterion VARCHAR NOT NULL, outcome VARCHAR NOT NULL, points DOUBLE, max_points DOUBLE NOT NULL,
            evidence VARCHAR NOT NULL)""",
        "CREATE INDEX ix_automatic_marks_attempt ON automatic_marks (attempt)",
        """CREATE TABLE person_marks (
            id INTEGER NOT NULL PRIMARY KEY, "group" VARCHAR NOT NULL, assignment VARCHAR NOT NULL,
            criterion VARCHAR NOT NULL, points VARCHAR, author VARCHAR NOT NULL, reason VARCHAR NOT NULL,
            time VARCHAR NOT NULL, evidence VARCHAR NOT NULL)""",
        'CREATE INDEX person_marks_of ON person_marks ("group", assignment, criterion)',
        """CREATE TABLE handed_in (
            id INTEGER NOT NULL PRIMARY KEY, "group" VARCHAR NOT NULL, assignment VARCHAR NOT NULL,
            hand_in_hash VARCHAR NOT NULL, moment VARCHAR NOT NULL, author VARCHAR NOT NULL, reason VARCHAR NOT NULL,
            time VARCHAR NOT NULL)""",
        'CREATE INDEX handed_in_of ON handed_in ("group", assignment, hand_in_hash)',
        """CREATE TABLE unfiled (
            id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "group" VARCHAR NOT NULL, reports VARCHAR NOT NULL)""",
        *_added_to_only("person_marks"), *_added_to_only("handed_in"), *_added_to_only("automatic_marks"),
        *_added_to_only("attempts"),
    ),
)


def migrate(connection: Connection, *, name: str, steps: tuple[tuple[str, ...], ...] = STEPS) -> None:
    """Take the steps that the file lacks, inside a transaction that the caller began to write.

    Raises:
        UserError: a newer program wrote the file.

    """
    taken = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if taken > len(steps):
        raise UserError(
            f"{name}: was written by a newer version of the harness (form {taken}, known here: {len(steps)}); "
            "update this one")
    for number, step in enumerate(steps[taken:], start=taken + 1):
        for statement in step:
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql(f"PRAGMA user_version = {number}")

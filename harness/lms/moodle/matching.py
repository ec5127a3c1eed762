"""Whose row is whose: from hand-ins to the rows of their members; what is not certain is said and left."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness import documents
from harness.errors import UserError
from harness.lms.moodle.names import email_in, fits, plain_name, same_person, team_prefixes
from harness.lms.moodle.record import Import, Origin, Participant
from harness.lms.moodle.worksheet import Column, Row, Worksheet
from harness.records import GradeResult
from harness.submissions.intake import MANIFEST, group_of
from harness.submissions.manifest import Manifest

__all__ = ["Match", "match", "origins_of", "rows_of_participant"]


@dataclass(slots=True)
class Match:
    """The rows of one hand-in, and what could not be settled about it."""

    rows: list[Row] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)   # why a member has no row
    notes: list[str] = field(default_factory=list)      # what a person should know all the same


# --- from folders to groups


def origins_of(
    record: Import, submissions: Path, results: Mapping[str, GradeResult],
) -> tuple[dict[str, Origin], dict[str, str]]:
    """Find the result of each imported folder.

    A folder and a result belong together where the manifest in the folder is the one that was graded; else where
    the result bears the folder's group, and no other folder does.

    Returns:
        group -> where its hand-in came from; folder -> why no result belongs to it.

    """
    origins: dict[str, Origin] = {}
    without: dict[str, str] = {}
    groups = {folder: _group(submissions / folder) for folder in record.hand_ins}
    by_manifest: dict[str, list[str]] = {}
    for group, result in results.items():
        by_manifest.setdefault(result.hand_in.files.get(MANIFEST, ""), []).append(group)
    for folder, origin in record.hand_ins.items():
        graded = by_manifest.get(_digest(submissions / folder / MANIFEST), [])
        named = groups[folder]
        if len(graded) == 1:
            group = graded[0]
        elif named in results and list(groups.values()).count(named) == 1:
            group = named
        else:
            several = list(groups.values()).count(named) > 1 or len(graded) > 1
            without[folder] = (
                f"several hand-ins name the group {named!r}; write each its own group into its submission.yaml, "
                "and grade them again" if several else "it was not graded; run `harness grade` on it"
            )
            continue
        if group in origins:
            without[folder] = f"another folder was graded as {group!r} too; grade both again"
            continue
        origins[group] = origin
    return origins, without


def _group(folder: Path) -> str:
    try:
        return documents.read(folder / MANIFEST, Manifest).group
    except UserError:
        return group_of(folder)


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return "no file"


# --- from groups to rows


def match(
    results: Mapping[str, GradeResult], origins: Mapping[str, Origin], sheet: Worksheet,
) -> tuple[dict[str, Match], dict[int, list[str]]]:
    """Give each hand-in the rows of its members.

    Who handed in through Moodle is known by number. Where Moodle knows no teams, the other members are found by
    name or e-mail address; where it does, its teams count.

    Returns:
        group -> its rows; line of a row that several hand-ins claim -> their groups. Such a row belongs to none.

    """
    matches = {group: _match_one(result, origins.get(group), sheet) for group, result in results.items()}
    claims: dict[int, list[str]] = {}
    for group, found in matches.items():
        for row in found.rows:
            claims.setdefault(row.line, []).append(group)
    clashes = {line: groups for line, groups in claims.items() if len(groups) > 1}
    for found in matches.values():
        found.rows = [row for row in found.rows if row.line not in clashes]
    return matches, clashes


def _match_one(result: GradeResult, origin: Origin | None, sheet: Worksheet) -> Match:
    found = Match()
    members = result.hand_in.members
    for participant in origin.participants if origin else ():
        rows, problem = rows_of_participant(participant, sheet)
        found.rows += [row for row in rows if row not in found.rows]
        if problem:
            found.problems.append(problem)
    if found.rows and Column.GROUP in sheet.columns:
        found.notes += _other_than_team(members, found.rows)
    elif not {Column.NAME, Column.EMAIL} & sheet.columns:
        if len(found.rows) < len(members):
            found.problems.append(
                f"the worksheet hides names: {len(found.rows)} of its {len(members)} members can be told")
    elif not found.problems:
        for member in members:
            _add_member(member, sheet.rows, found)
    if not members and origin is None:
        found.problems.append("it names no members, and was not imported from Moodle")
    return found


def rows_of_participant(participant: Participant, sheet: Worksheet) -> tuple[list[Row], str]:
    """Find the rows of a participant or a team of the archive."""
    if Column.GROUP in sheet.columns:
        names = [participant.name, *sorted(team_prefixes(participant.name), key=len, reverse=True)]
        for name in names:
            team = [row for row in sheet.rows if _squeezed(row.value(Column.GROUP)) == _squeezed(name)]
            if not team or (name != participant.name and participant.number not in {row.participant for row in team}):
                continue        # the part before a hyphen is a team's name only if the participant is in that team
            if len({row.value(Column.GROUP) for row in team}) > 1:
                return [], f"several groups of the worksheet may be {name!r}"
            return team, ""
    if participant.number is None:
        return [], f"the worksheet has no group {participant.name!r}"
    row = next((row for row in sheet.rows if row.participant == participant.number), None)
    if row is None:
        return [], f"the worksheet has no row with the number {participant.number} ({participant.name})"
    if not fits(participant.name, row.value(Column.NAME)):
        return [], (
            f"row {row.line} has the number {participant.number}, but is {row.value(Column.NAME)!r}, not "
            f"{participant.name!r}: is the worksheet of another assignment?"
        )
    return [row], ""


def _squeezed(name: str) -> str:
    return plain_name(name).replace(" ", "")


def _other_than_team(members: Sequence[str], rows: Sequence[Row]) -> list[str]:
    """Tell where the manifest's members are not those of the team in Moodle; the team counts."""
    names = [row.value(Column.NAME) for row in rows]
    if not all(names):
        return []
    return [
        f"{documents.shown(member)} is a member by submission.yaml, but not in Moodle's team"
        for member in members if not any(same_person(member, name, loosely=True) for name in names)
    ]


def _add_member(member: str, rows: Sequence[Row], found: Match) -> None:
    """Find the one row of a member; more than one, or none, is a problem and no guess."""
    candidates = _candidates(member, rows)
    if any(row in found.rows for row in candidates):
        return
    if len(candidates) == 1:
        found.rows.append(candidates[0])
    elif candidates:
        lines = " and ".join(str(row.line) for row in candidates)
        found.problems.append(f"{documents.shown(member)} may be any of rows {lines}")
    else:
        found.problems.append(f"{documents.shown(member)} has no row{_near(member, rows)}")


def _candidates(member: str, rows: Sequence[Row]) -> list[Row]:
    """Give the rows that fit best: by e-mail address, by the whole name, by a name that leaves out others."""
    if address := email_in(member):
        return [row for row in rows if row.value(Column.EMAIL).casefold() == address]
    for loosely in (False, True):
        fitting = [
            row for row in rows
            if row.value(Column.NAME) and same_person(member, row.value(Column.NAME), loosely=loosely)
        ]
        if fitting:
            return fitting
    return []


def _near(member: str, rows: Sequence[Row]) -> str:
    names = {plain_name(row.value(Column.NAME)): row for row in rows if row.value(Column.NAME)}
    near = difflib.get_close_matches(plain_name(member), names, n=1, cutoff=0.8)
    return f"; row {names[near[0]].line}, {names[near[0]].value(Column.NAME)}, is spelled nearly so" if near else ""

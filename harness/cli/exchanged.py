"""What `harness import` and `harness export` say: what was written, what was left and why."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from harness.cli.exits import DONE, FAULTS, OURS
from harness.cli.terminal import plain
from harness.lms import standing
from harness.lms.moodle import RECORD, FilledRow, FilledWorksheet, Imported, ImportedHandIn
from harness.lms.moodle.worksheet import Column, Row
from harness.records import GradeResult, Outcome

__all__ = ["ImportReport", "MoodleReport", "PlainReport"]


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold")
    return table


_STATES = {
    "new": "[green]new[/]", "unchanged": "[dim]unchanged[/]", "replaced": "[yellow]replaced[/]",
    "kept": "[red]left[/]", "rejected": "[red]rejected[/]",
    "filled": "[green]filled[/]", "left": "[yellow]left[/]",
}


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of an archive of Moodle's."""

    imported: Imported
    into: Path
    without_time: Mapping[str, str]     # folder -> why it is not known when it was handed in

    @property
    def exit_code(self) -> int:
        """FAULTS where a hand-in has no folder, its folder holds something else, or its time is not known."""
        return FAULTS if self.without_time or any(one.problem for one in self.imported.hand_ins) else DONE

    def to_json(self) -> str:
        """Give the import as one JSON object."""
        return json.dumps({
            "hand_ins": [
                {
                    "folder": str(self.into / one.folder), "state": one.state, "problem": one.problem,
                    "participants": [participant.model_dump() for participant in one.participants],
                    "manifest": one.has_manifest, "left_out": dict(one.left_out),
                }
                for one in self.imported.hand_ins
            ],
            "left_out": dict(self.imported.left_out), "without_time": dict(self.without_time),
            "record": str(self.into / RECORD),
        }, indent=2, ensure_ascii=False)

    def show(self, out: Console) -> None:
        """Print a line for each hand-in, then what was left and what is to be done."""
        table = _table("folder", "from", "")
        for one in self.imported.hand_ins:
            names = ", ".join(plain(participant.name) for participant in one.participants)
            table.add_row(plain(one.folder), names, _STATES[one.state])
        out.print(table)
        out.print()
        for one in self.imported.hand_ins:
            for line in _about(one):
                out.print(line, soft_wrap=True)
        for name, why in self.imported.left_out.items():
            out.print(f"[yellow]left out[/] {plain(name)}: {plain(why)}", soft_wrap=True)
        for folder, why in self.without_time.items():
            out.print(f"[yellow]no time of handing in[/] {plain(folder)}: {plain(why)}", soft_wrap=True)
        without = [one for one in self.imported.hand_ins if not one.has_manifest and not one.problem]
        if without:
            out.print(f"\n{len(without)} without a submission.yaml; write it from what is there:")
            for one in without:
                out.print(f"  [bold]harness new --from {plain(str(self.into / one.folder))}[/]", soft_wrap=True)
        out.print(f"\n[dim]who handed in what[/] {plain(str(self.into / RECORD))}", soft_wrap=True)


def _about(one: ImportedHandIn) -> Iterator[str]:
    if one.problem:
        yield f"{_STATES[one.state]} {plain(one.folder)}: {plain(one.problem)}"
    for name, why in one.left_out.items():
        yield f"[yellow]left out[/] {plain(one.folder)}/{plain(name)}: {plain(why)}"


@dataclass(frozen=True, slots=True)
class MoodleReport:
    """What became of a worksheet, row by row."""

    filled: FilledWorksheet
    worksheet: Path
    feedback: Path | None
    sent: Sequence[str]                 # files of the feedback archive
    damaged: Mapping[str, str]          # result -> why it cannot be read
    not_graded: Mapping[str, str]       # imported folder -> why it has no result
    results: Mapping[str, GradeResult]

    @property
    def exit_code(self) -> int:
        """OURS where the harness kept a grade back, FAULTS where anything else was left, else DONE."""
        if any(standing(result).outcome is Outcome.HARNESS_FAULT for result in self.results.values()):
            return OURS
        filled = self.filled
        left = any(one.state == "left" for one in filled.rows) or filled.problems or filled.broken or filled.contested
        return FAULTS if left or self.damaged or self.not_graded else DONE

    def to_json(self) -> str:
        """Give the export as one JSON object."""
        filled = self.filled
        return json.dumps({
            "worksheet": str(self.worksheet), "feedback": str(self.feedback) if self.feedback else None,
            "feedback_files": list(self.sent),
            "rows": [
                _row(one.row) | {
                    "group": one.group, "state": one.state, "grade": one.grade, "why": one.why, "notes": one.notes,
                }
                for one in filled.rows
            ],
            "contested": [_row(row) | {"groups": groups} for row, groups in filled.contested],
            "no_hand_in": [_row(row) for row in filled.no_hand_in], "broken_rows": dict(filled.broken),
            "problems": filled.problems, "notes": filled.notes, "damaged": dict(self.damaged),
            "not_graded": dict(self.not_graded),
        }, indent=2, ensure_ascii=False)

    def show(self, out: Console) -> None:
        """Print the rows with their grades, then what was left and why, then where the files are."""
        table = _table("row", "participant", "group", "grade", "")
        for one in self.filled.rows:
            table.add_row(
                str(one.row.line), plain(one.row.label), plain(one.group), plain(one.grade), _STATES[one.state])
        out.print(table)
        out.print()
        for line in (*_rows_left(self.filled.rows), *self._rest()):
            out.print(line, soft_wrap=True)
        count = sum(one.state == "filled" for one in self.filled.rows)
        out.print(f"\n[bold]{_counted(count, 'grade')} written[/] {plain(str(self.worksheet))}", soft_wrap=True)
        if self.feedback:
            out.print(f"[bold]{_counted(len(self.sent), 'report')}[/] {plain(str(self.feedback))}", soft_wrap=True)

    def _rest(self) -> Iterator[str]:
        """Say what belongs to no row, and which rows belong to nobody, as markup."""
        filled = self.filled
        for line, why in filled.broken.items():
            yield f"[red]row {line}[/] cannot be used: {plain(why)}"
        for group, problems in filled.problems.items():
            yield from (f"[red]{plain(group)}[/]: {plain(problem)}" for problem in problems)
        for folder, why in self.not_graded.items():
            yield f"[red]{plain(folder)}[/]: {plain(why)}"
        for path, why in self.damaged.items():
            yield f"[red]{plain(path)}[/]: {plain(why)}"
        for group, notes in filled.notes.items():
            yield from (f"[yellow]note[/] {plain(group)}: {plain(note)}" for note in notes)
        if filled.no_hand_in:
            names = ", ".join(plain(row.label) for row in filled.no_hand_in)
            yield f"[yellow]no hand-in[/], left as they are: {names}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _row(row: Row) -> dict[str, object]:
    return {
        "line": row.line, "identifier": row.value(Column.IDENTIFIER), "name": row.value(Column.NAME),
        "participant": row.participant,
    }


def _rows_left(rows: Sequence[FilledRow]) -> Iterator[str]:
    """Say why rows were left, once for all members of a group."""
    reasons: dict[tuple[str, str, str], list[int]] = {}
    for one in rows:
        if one.why:
            reasons.setdefault((one.group, one.state, one.why), []).append(one.row.line)
        for note in one.notes:
            reasons.setdefault((one.group, one.state, note), []).append(one.row.line)
    for (group, state, why), lines in reasons.items():
        where = f"row{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines))}"
        yield f"{_STATES[state]} {plain(group)}, {where}: {plain(why)}"


@dataclass(frozen=True, slots=True)
class PlainReport:
    """What became of each group in an export that has one entry for each."""

    results: Mapping[str, GradeResult]
    written: Mapping[str, str]          # group -> file
    damaged: Mapping[str, str]
    partial: bool

    @property
    def exit_code(self) -> int:
        """OURS where the harness kept a grade back, FAULTS where a hand-in has no grade yet, else DONE."""
        stands = [standing(result) for result in self.results.values()]
        if any(one.outcome is Outcome.HARNESS_FAULT for one in stands):
            return OURS
        waits = any(one.exported(partial=self.partial) is None for one in stands)
        return FAULTS if waits or self.damaged else DONE

    def to_json(self) -> str:
        """Give the export as one JSON object."""
        return json.dumps({
            "groups": {
                group: asdict(standing(result)) | {
                    "written": self.written[group], "score": standing(result).exported(partial=self.partial),
                }
                for group, result in self.results.items()
            },
            "damaged": dict(self.damaged),
        }, indent=2, ensure_ascii=False)

    def show(self, out: Console) -> None:
        """Print what each group got, and why one got nothing."""
        table = _table("group", "points", "")
        for group, result in self.results.items():
            stands = standing(result)
            points = stands.exported(partial=self.partial)
            table.add_row(plain(group), "–" if points is None else f"{points:g}", plain(stands.why))
        out.print(table)
        for path, why in self.damaged.items():
            out.print(f"[red]{plain(path)}[/]: {plain(why)}", soft_wrap=True)
        files = list(dict.fromkeys(self.written.values()))
        out.print()
        for path in files:
            out.print(f"[bold]wrote[/] {plain(path)}", soft_wrap=True)

"""What a Moodle site gives: archives of submissions and worksheets; and results of what was handed in."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.records import (
    ENVIRONMENT_FAULT,
    OUR_FAULT,
    CriterionMark,
    Fault,
    GradeResult,
    HandIn,
    Marks,
    ModelResult,
    Outcome,
    PartMarks,
    Provenance,
    StatementResult,
    TheoryResult,
)
from harness.report import write_report

# --- archives


def zipped(files: Mapping[str, str | bytes]) -> bytes:
    """Pack files into an archive, with the names as they are given."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def manifest(group: str, members: Sequence[str]) -> str:
    return (
        f"group: {group}\nmembers: [{', '.join(members)}]\nassignment: summer23\nanswers: answers.yaml\n"
    )


def files_of(group: str, members: Sequence[str]) -> dict[str, str]:
    return {"submission.yaml": manifest(group, members), "answers.yaml": f"quiz: summer23\n# {group}\n"}


# --- worksheets

HEADERS = {
    "en": ["Identifier", "Full name", "Email address", "Status", "Group", "Grade", "Maximum grade",
           "Grade can be changed", "Last modified (submission)", "Online text", "Last modified (grade)",
           "Feedback comments"],
    "de": ["ID", "Vollständiger Name", "E-Mail-Adresse", "Status", "Gruppe", "Bewertung", "Bestwertung",
           "Bewertung kann geändert werden", "Zuletzt geändert (Abgabe)", "Texteingabe online",
           "Zuletzt geändert (Bewertung)", "Feedback als Kommentar"],
}
PREFIX = {"en": "Participant ", "de": "Teilnehmer/in"}
NAMES, GROUPS = (1, 2), (4,)
GRADE, COMMENT = 5, 11


@dataclass(frozen=True)
class Student:
    name: str
    number: int
    team: str = ""
    grade: str = ""
    locked: bool = False
    submitted: str = "-"
    comment: str = ""
    email: str = ""


def worksheet(
    students: Sequence[Student], language: str = "en", *, delimiter: str = ",", mark: bytes = b"\xef\xbb\xbf",
    most: str | None = None, blind: bool = False, teams: bool = False, end: str = "\n", encoding: str = "utf-8",
) -> bytes:
    """Write the worksheet as Moodle does: comma, a byte-order mark, quotes around whatever holds a space."""
    left_out = (*(NAMES if blind else ()), *(() if teams else GROUPS))
    maximum = most or {"en": "40.00", "de": "40,00"}[language]
    rows = [HEADERS[language]]
    for one in students:
        changeable = {"en": ("Yes", "No"), "de": ("Ja", "Nein")}[language][one.locked]
        rows.append([
            f"{PREFIX[language]}{one.number}", one.name, one.email or f"{one.number}@example.org",
            {"en": "Submitted for grading -  - ", "de": "Zur Bewertung abgegeben -  - "}[language], one.team, one.grade,
            maximum, changeable, one.submitted, 'he said "=1+1",\nthen left', "-", one.comment,
        ])
    lines = [
        delimiter.join(_quoted(cell, delimiter) for place, cell in enumerate(row) if place not in left_out)
        for row in rows
    ]
    return mark + (end.join(lines) + end).encode(encoding)


def _quoted(cell: str, delimiter: str) -> str:
    if any(letter in cell for letter in f'{delimiter} \t\r\n"'):
        return '"' + cell.replace('"', '""') + '"'
    return cell


# --- results

PROVENANCE = Provenance(
    command="harness grade submissions/x", created="2026-11-25T10:13:00+00:00", versions={"harness": "0.1.0"},
    platform="Linux", device="cpu", box="bubblewrap", seed=0, budget="full", data="fashion-mnist", data_hash="3c",
    stand_in=False, hand_in_hash="4b", rubric="summer23", rubric_hash="5a", judge_hash="69", limits={},
    durations={"intake": 0.2, "vae.fit": 10.0},
)


def criterion(identifier: str, outcome: Outcome, points: float | None, most: float) -> CriterionMark:
    return CriterionMark(
        id=identifier, title=identifier.title(), outcome=outcome, points=points, max_points=most,
        reason=f"Because of {identifier}.", ask="Well explained?" if outcome is Outcome.NEEDS_PERSON else "",
    )


def result(
    group: str, members: Sequence[str], *, last: Outcome = Outcome.SCORED, points: float = 13.5,
    stand_in: bool = False, files: Mapping[str, str] | None = None,
) -> GradeResult:
    """A result: theory 20 of 20, practice `points` of 16, and a last criterion of 4 points that ended as `last`."""
    scored = last is Outcome.SCORED
    waits = {Outcome.NEEDS_PERSON, Outcome.ENVIRONMENT, Outcome.HARNESS_FAULT, Outcome.NOT_APPLICABLE}
    open_ = 4.0 if last in waits else 0.0
    final = criterion("reconstruction", last, 4.0 if scored else None if open_ else 0.0, 4)
    earned = points + (4.0 if scored else 0.0)
    parts = [
        PartMarks(id="theory", title="Theory", points=20, max_points=20, open_points=0,
                  criteria=[criterion("statements", Outcome.SCORED, 20, 20)]),
        PartMarks(id="practice", title="Practice", points=earned, max_points=20, open_points=open_,
                  criteria=[criterion("clusters", Outcome.SCORED, points, 16), final]),
    ]
    faults = {
        Outcome.ENVIRONMENT: Fault(kind=ENVIRONMENT_FAULT, stage="start", model="vae", message="it needs tensorflow"),
        Outcome.HARNESS_FAULT: Fault(kind=OUR_FAULT, stage="clusters", model="vae", message="no memory left"),
        Outcome.SUBMISSION_FAULT: Fault(kind="crashed", stage="decode", model="vae", message="decode() raised"),
    }
    model = ModelResult(
        name="vae", source="model.py:VAE", route="load", outcome=last if last in faults else Outcome.SCORED,
        faults=[faults[last]] if last in faults else [],
    )
    written = files if files is not None else files_of(group, members)
    return GradeResult(
        group=group, assignment="summer23",
        marks=Marks(points=20 + earned, max_points=40, open_points=open_, parts=parts),
        theory=TheoryResult(
            outcome=Outcome.SCORED, quiz="summer23", points=20, max_points=20,
            statements=[StatementResult(
                id="1a", answer="yes", key="no", verdict="wrong", points=0, why="The key says no")],
        ),
        measurements={"vae": model},
        hand_in=HandIn(members=list(members), files={
            name: hashlib.sha256(content.encode()).hexdigest() for name, content in written.items()}),
        faults=[], provenance=PROVENANCE.model_copy(update={"stand_in": stand_in}),
    )


def rejected(group: str) -> GradeResult:
    """The result of a hand-in that could not be taken in."""
    return GradeResult(
        group=group, assignment="", marks=Marks(points=0, max_points=0, open_points=0, parts=[]),
        theory=TheoryResult(outcome=Outcome.SUBMISSION_FAULT, quiz="", max_points=0), measurements={},
        hand_in=HandIn(members=[]), provenance=PROVENANCE,
        faults=[Fault(kind="rejected", stage="intake", message="the folder has no submission.yaml")],
    )


def filed(reports: Path, results: Sequence[GradeResult]) -> Path:
    """Write reports as grading does."""
    for one in results:
        write_report(one, reports)
    return reports

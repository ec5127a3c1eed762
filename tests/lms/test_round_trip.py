"""A class from Moodle and back: archive in, grades, worksheet and feedback archive out, by the commands themselves."""

from __future__ import annotations

import csv
import io
import json
import sys
import zipfile
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pytest
from moodle_site import PREFIX, Student, filed, files_of, rejected, result, worksheet, zipped

from harness.cli import main
from harness.records import GradeResult, Outcome

STUDENTS = {
    101: "Ada Example", 102: "Bo Example", 103: "Jörg Äxel", 104: "Zoë Weiß", 105: "Cy Test", 106: "Dee Test",
    107: "Eve Test", 108: "Fay Absent",
}
OUTCOMES = {
    (101, 102): Outcome.SCORED, (103,): Outcome.SUBMISSION_FAULT, (104,): Outcome.NEEDS_PERSON,
    (105,): Outcome.HARNESS_FAULT, (106,): Outcome.NOT_HANDED_IN,
}
"""Who handed in together, and how the last criterion ended; 107 cannot be taken in, 108 handed nothing in."""


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


def harness(*words: str | Path) -> Done:
    """Call the command line as its script does, in this process: starting one costs seconds on a busy machine."""
    out, err = io.StringIO(), io.StringIO()
    with (
        patch.object(sys, "argv", ["harness", *map(str, words)]), redirect_stdout(out), redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    return Done(ended.value.code or 0, out.getvalue(), err.getvalue())


def archive_of(kind: str, language: str) -> bytes:
    """The archive of the class: by participant, by team, or with hidden names; one hand-in is an archive itself."""
    hidden = {"en": "Participant", "de": "Teilnehmerin"}[language]
    files: dict[str, str | bytes] = {}
    for numbers in [*OUTCOMES, (107,)]:
        who = {"people": STUDENTS[numbers[0]], "teams": f"Group {numbers[0]}", "blind": hidden}[kind]
        number = numbers[0] + (1000 if kind == "teams" else 0)
        folder = f"{who}_{number}_assignsubmission_file"
        content = {"model.py": "x"} if numbers == (107,) else handed_in(numbers)
        if numbers == (103,):
            files[f"{folder}/abgabe.zip"] = zipped({f"Lösung/{name}": text for name, text in content.items()})
        else:
            files |= {f"{folder}/{name}": text for name, text in content.items()}
    return zipped(files)


def handed_in(numbers: tuple[int, ...]) -> dict[str, str]:
    return files_of(f"group{numbers[0]}", [STUDENTS[number] for number in numbers])


def results_of(submissions: Path) -> list[GradeResult]:
    """What grading makes of the imported folders: the group of the manifest, or of the folder where there is none."""
    graded = [
        result(f"group{numbers[0]}", [STUDENTS[number] for number in numbers], last=last, files=handed_in(numbers))
        for numbers, last in OUTCOMES.items()
    ]
    without, = (path for path in submissions.iterdir() if path.is_dir() and not (path / "submission.yaml").exists())
    return [*graded, rejected(without.name)]


def sheet_of(kind: str, language: str) -> bytes:
    teams = {number: f"Group {numbers[0]}" for numbers in [*OUTCOMES, (107,), (108,)] for number in numbers}
    return worksheet(
        [Student(name, number, teams[number]) for number, name in STUDENTS.items()], language,
        teams=kind == "teams", blind=kind == "blind",
    )


def taken_by_moodle(data: bytes, language: str) -> dict[int, tuple[str, str]]:
    """Read a worksheet as Moodle's importer does, by localised names: number -> grade and comment."""
    grade, comment = {"en": ("Grade", "Feedback comments"), "de": ("Bewertung", "Feedback als Kommentar")}[language]
    rows = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    identifier = {"en": "Identifier", "de": "ID"}[language]
    return {int(row[identifier][len(PREFIX[language]):]): (row[grade], row[comment]) for row in rows}


def feedback_taken_by_moodle(path: Path) -> dict[int, str]:
    """Read a feedback archive as Moodle's importer does: folder name_number_plugintype_plugin_."""
    taken = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            folder, file = name.split("/")
            _, number, kind, plugin, rest = folder.split("_", 4)
            assert (kind, plugin, rest) == ("assignfeedback", "file", "")
            taken[int(number)] = file
    return taken


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("kind", ["people", "teams", "blind"])
def test_a_class_goes_from_moodle_and_back(tmp_path, kind, language):
    (tmp_path / "all.zip").write_bytes(archive_of(kind, language))
    (tmp_path / "sheet.csv").write_bytes(sheet_of(kind, language))
    submissions, reports = tmp_path / "submissions", tmp_path / "reports"

    done = harness("import", tmp_path / "all.zip", "--into", submissions)
    assert done.returncode == 0, done.stderr
    assert "harness new --from" in done.stdout
    filed(reports, results_of(submissions))
    done = harness(
        "export", "moodle", "--worksheet", tmp_path / "sheet.csv", "-o", tmp_path / "filled.csv",
        "--feedback", tmp_path / "feedback.zip", "--submissions", submissions, "--reports", reports, "--json",
    )
    assert done.returncode == 3, done.stderr      # the harness kept a grade back
    said = json.loads(done.stdout)

    full, part = {"en": ("37.5", "33.5"), "de": ("37,5", "33,5")}[language]
    practice = {"en": ("17.5", "13.5"), "de": ("17,5", "13,5")}[language]
    partner = ("", "") if kind == "blind" else (full, f"Theory 20/20; Practice {practice[0]}/20")
    assert taken_by_moodle((tmp_path / "filled.csv").read_bytes(), language) == {
        101: (full, f"Theory 20/20; Practice {practice[0]}/20"), 102: partner,
        103: (part, f"Theory 20/20; Practice {practice[1]}/20; fault of the hand-in: Reconstruction"),
        104: ("", ""), 105: ("", ""),
        106: (part, f"Theory 20/20; Practice {practice[1]}/20; not handed in: Reconstruction"),
        107: ("", ""), 108: ("", ""),
    }
    with_report = {101, 103, 106, 107} | ({102} if kind != "blind" else set())
    assert feedback_taken_by_moodle(tmp_path / "feedback.zip") == dict.fromkeys(with_report, "report.html")
    left = {int(row["participant"]): row["why"] for row in said["rows"] if row["state"] == "left"}
    assert set(left) == {104, 105, 107}
    assert "a person has still to give 4 of 40 points" in left[104]
    assert "the harness failed" in left[105]
    assert "it could not be taken in" in left[107]
    assert 108 in {int(row["participant"]) for row in said["no_hand_in"]}


@pytest.fixture
def course(tmp_path) -> Path:
    """A class of two groups: one with a grade, one that a person has still to mark."""
    (tmp_path / "sheet.csv").write_bytes(worksheet([Student("Ada Example", 101), Student("Bo Example", 102)]))
    filed(tmp_path / "reports", [
        result("a", ["Ada Example"]), result("b", ["Bo Example"], last=Outcome.NEEDS_PERSON)])
    return tmp_path


def test_feedback_archives_of_the_same_reports_are_the_same_bytes(course):
    for name in ("one.zip", "two.zip"):
        harness("export", "moodle", "--worksheet", course / "sheet.csv", "--feedback", course / name,
                "--reports", course / "reports", "--submissions", course)
    assert (course / "one.zip").read_bytes() == (course / "two.zip").read_bytes()
    with zipfile.ZipFile(course / "one.zip") as archive:
        assert archive.namelist() == ["Ada Example_101_assignfeedback_file_/report.html"]
        assert b"<!doctype html>" in archive.read(archive.namelist()[0]).lower()


def test_the_terminal_says_what_was_written_and_what_was_left_and_why(course):
    done = harness("export", "moodle", "--worksheet", course / "sheet.csv", "--reports", course / "reports",
                   "--submissions", course)
    assert done.returncode == 1
    assert "1 grade written" in done.stdout
    assert "left b, row 3: a person has still to give 4 of 40 points (Reconstruction)" in done.stdout
    assert (course / "sheet-filled.csv").is_file()


def test_the_downloaded_worksheet_is_never_written_over(course):
    before = (course / "sheet.csv").read_bytes()
    done = harness("export", "moodle", "--worksheet", course / "sheet.csv", "-o", course / "sheet.csv",
                   "--reports", course / "reports")
    assert done.returncode == 2
    assert "is the worksheet that was downloaded" in done.stderr
    assert (course / "sheet.csv").read_bytes() == before


def test_gradescope_gets_one_file_or_one_for_each_group(course):
    done = harness("export", "gradescope", "all", "-o", course / "all", "--reports", course / "reports")
    assert done.returncode == 1
    assert "score" in json.loads((course / "all" / "a" / "results.json").read_text())
    assert "score" not in json.loads((course / "all" / "b" / "results.json").read_text())
    done = harness("export", "gradescope", "b", "-o", course / "b", "--partial", "--reports", course / "reports")
    assert done.returncode == 0
    assert json.loads((course / "b" / "results.json").read_text())["score"] == 33.5


def test_an_unknown_group_is_said(course):
    done = harness("export", "gradescope", "c", "-o", course / "c", "--reports", course / "reports")
    assert (done.returncode, done.stderr) == (2, "harness: c: no such group was graded; take all, or one of a, b\n")


def test_the_table_of_grades_is_written_and_a_damaged_result_named(course):
    (course / "reports" / "c").mkdir()
    (course / "reports" / "c" / "result.json").write_text("{}")
    done = harness("export", "csv", "-o", course / "grades.csv", "--reports", course / "reports", "--json")
    assert done.returncode == 1
    rows = list(csv.DictReader(io.StringIO((course / "grades.csv").read_text("utf-8-sig"))))
    assert [(row["group"], row["points"]) for row in rows] == [("a", "37.5"), ("b", "")]
    assert list(json.loads(done.stdout)["damaged"]) == [str(course / "reports" / "c" / "result.json")]


def test_without_results_the_remedy_is_said(tmp_path):
    done = harness("export", "csv", "-o", tmp_path / "grades.csv", "--reports", tmp_path)
    assert done.returncode == 2
    assert "run `harness grade` first" in done.stderr


def test_two_folders_of_one_group_get_no_grade_until_they_are_told_apart(tmp_path):
    files = files_of("same", ["Ada Example"])
    (tmp_path / "all.zip").write_bytes(zipped({
        f"{who}_assignsubmission_file/{name}": text for who in ("Ada Example_101", "Bo Example_102")
        for name, text in files.items()
    }))
    (tmp_path / "sheet.csv").write_bytes(worksheet([Student("Bo Example", 102)]))
    harness("import", tmp_path / "all.zip", "--into", tmp_path / "submissions")
    filed(tmp_path / "reports", [result(group, ["Ada Example"], files=files) for group in ("same", "same-2")])
    done = harness("export", "moodle", "--worksheet", tmp_path / "sheet.csv", "--reports", tmp_path / "reports",
                   "--submissions", tmp_path / "submissions", "--json")
    assert done.returncode == 1
    said = json.loads(done.stdout)
    assert set(said["not_graded"]) == {"Ada-Example-101", "Bo-Example-102"}
    assert said["rows"] == []

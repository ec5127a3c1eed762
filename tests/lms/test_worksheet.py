"""The worksheet is filled in as it came: its own columns, marks and bytes, and only rows that are certain."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moodle_site import COMMENT, GRADE, Student, rejected, result, worksheet

from harness.errors import UserError
from harness.lms.moodle import FilledWorksheet, fill, read_worksheet
from harness.lms.moodle.record import Origin, Participant
from harness.lms.moodle.worksheet import Worksheet, parse_time
from harness.records import GradeResult, Outcome

ADA, BO, JOERG = Student("Ada Example", 101), Student("Bo Example", 102), Student("Jörg Äxel", 103)


@pytest.fixture
def read(tmp_path):
    def reading(data: bytes) -> Worksheet:
        (tmp_path / "worksheet.csv").write_bytes(data)
        return read_worksheet(tmp_path / "worksheet.csv")

    return reading


def origin(*participants: tuple[str, int | None], downloaded: str = "2026-11-20T12:00:00+00:00") -> Origin:
    return Origin(archive="all.zip", downloaded=downloaded, participants=[
        Participant(name=name, number=None if number is None else str(number)) for name, number in participants])


def filled(sheet: Worksheet, *results: GradeResult, origins: dict[str, Origin] | None = None,
           **options: bool) -> FilledWorksheet:
    return fill(sheet, {one.group: one for one in results}, origins or {}, **options)


def cells(made: FilledWorksheet, delimiter: str = ",", encoding: str = "utf-8-sig") -> list[list[str]]:
    return list(csv.reader(io.StringIO(made.data.decode(encoding), newline=""), delimiter=delimiter))


def grades(made: FilledWorksheet, delimiter: str = ",") -> dict[str, str]:
    """Identifier -> grade; the column is the one before the maximum."""
    header, *rows = cells(made, delimiter)
    place = next(place for place, name in enumerate(header) if name in {"Maximum grade", "Bestwertung"}) - 1
    return {row[0]: row[place] for row in rows}


# --- as it came


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_only_grade_and_comment_of_the_members_change(read, language, delimiter, mark, end):
    before = worksheet([ADA, BO, JOERG], language, delimiter=delimiter, mark=mark, teams=True, end=end)
    made = filled(read(before), result("g", ["Bo Example"]))
    old = list(csv.reader(io.StringIO(before.decode("utf-8-sig"), newline=""), delimiter=delimiter))
    new = cells(made, delimiter)
    differ = {
        (line, place) for line, row in enumerate(new) for place, cell in enumerate(row) if cell != old[line][place]}
    assert differ == {(2, GRADE), (2, COMMENT)}
    assert new[2][GRADE] == {"en": "37.5", "de": "37,5"}[language]
    assert made.data.startswith(mark)
    assert made.data.count(end.encode()) == before.count(end.encode())


@given(
    notes=st.lists(st.text(st.sampled_from('a1 =ä,;\t"\n\r'), max_size=12), min_size=3, max_size=3),
    delimiter=st.sampled_from([",", ";"]), language=st.sampled_from(["en", "de"]),
)
def test_every_other_byte_of_any_worksheet_stays(tmp_path_factory, notes, delimiter, language):
    students = [Student(f"Student {place}", 100 + place, comment=note) for place, note in enumerate(notes)]
    before = worksheet(students, language, delimiter=delimiter)
    path = tmp_path_factory.mktemp("law") / "worksheet.csv"
    path.write_bytes(before)
    sheet = read_worksheet(path)
    made = filled(sheet, result("g", ["Student 1"]), overwrite=True)
    row = sheet.rows[1]
    (_, grade), (_, comment) = sorted((one.start, one) for column, one in row.cells.items()
                                      if column in {"Grade", "Feedback comments"})
    written = made.data.decode("utf-8-sig")
    assert written.startswith(sheet.text[:grade.start])
    assert written.endswith(sheet.text[comment.end:])
    assert sheet.text[grade.end:comment.start] in written


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16-le"])
def test_what_a_spreadsheet_saved_in_another_encoding_keeps_it(read, encoding):
    mark = b"\xff\xfe" if encoding == "utf-16-le" else b""
    made = filled(read(worksheet([JOERG, ADA], "de", delimiter="\t", encoding=encoding, mark=mark)),
                  result("g", ["Ada Example"]))
    text = made.data.removeprefix(mark).decode(encoding)
    assert "Jörg Äxel" in text
    assert "\t37,5\t" in text


def test_a_worksheet_of_nobody_comes_back_byte_for_byte(read):
    before = worksheet([ADA, BO])
    made = filled(read(before), result("g", ["Cy Nobody"]))
    assert made.data == before


@pytest.mark.parametrize(("language", "most", "written"), [
    ("en", "40.00", "37.5"), ("de", "40,00", "37,5"), ("de", "40", "37,5"), ("en", "40", "37.5"),
    ("en", "40,00", "37,5"),
])
def test_decimals_are_written_as_the_worksheet_writes_them(read, language, most, written):
    made = filled(read(worksheet([ADA], language, most=most)), result("g", ["Ada Example"]))
    assert list(grades(made).values()) == [written]


@pytest.mark.parametrize(("data", "says"), [
    (b"a,b\n1,2\n", "no column 'Grade'? ?"),
    (b"", "no column"),
    ("ID,Bewertung,Skala,Zuletzt geändert (Bewertung)\n".encode(), "graded by a scale"),
    (b"Identifier,Grade,Grade,Last modified (grade)\n", "two columns are called 'Grade'"),
])
def test_what_is_no_worksheet_of_points_is_said_in_one_sentence(read, data, says):
    with pytest.raises(UserError, match=says.replace("'Grade'? ?", "'Identifier'")):
        read(data)


def test_rows_that_cannot_be_read_are_named_and_left(read):
    before = worksheet([ADA]) + b"Participant 7,short\n" + worksheet([ADA, BO], mark=b"").split(b"\n", 1)[1]
    sheet = read(before)
    assert list(sheet.broken) == [3, 4]     # too short; a number that was there already
    assert filled(sheet).data == before


@pytest.mark.parametrize(("text", "time"), [
    ("Dienstag, 2. Dezember 2025, 10:37", datetime(2025, 12, 2, 10, 37)),
    ("Tuesday, 2 December 2025, 10:37 PM", datetime(2025, 12, 2, 22, 37)),
    ("Tuesday, 2 December 2025, 12:05 AM", datetime(2025, 12, 2, 0, 5)),
    ("Montag, 3. März 2025, 08:00", datetime(2025, 3, 3, 8, 0)), ("-", None), ("", None),
    ("Tuesday, 31 February 2025, 10:37", None), ("mardi 2 décembre 2025, 10:37", None),
])
def test_times_are_read_in_english_and_german(text, time):
    assert parse_time(text) == time


# --- whose row


def test_members_are_found_by_any_spelling_of_their_name_or_their_address(read):
    sheet = read(worksheet([ADA, BO, JOERG, Student("Dee Test", 104, email="Dee@Uni.example.org")]))
    made = filled(sheet, result("g", ["Example, Ada", "Joerg Aexel", "D. <dee@uni.example.org>"]))
    assert {one.row.participant for one in made.rows if one.state == "filled"} == {"101", "103", "104"}
    assert not made.problems


def test_a_name_that_two_rows_bear_is_reported_and_neither_filled(read):
    made = filled(read(worksheet([ADA, Student("Ada Example", 105)])), result("g", ["Ada Example"]))
    assert made.rows == []
    assert made.problems == {"g": ["'Ada Example' may be any of rows 2 and 3"]}


def test_a_name_that_is_nearly_spelled_so_is_shown_and_not_filled(read):
    made = filled(read(worksheet([ADA])), result("g", ["Ada Exemple"]))
    assert made.rows == []
    assert made.problems == {"g": ["'Ada Exemple' has no row; row 2, Ada Example, is spelled nearly so"]}


def test_a_row_that_two_groups_claim_goes_to_neither(read):
    made = filled(read(worksheet([ADA, BO])), result("a", ["Ada Example"]), result("b", ["Bo Example", "Ada Example"]))
    assert grades(made) == {"Participant 101": "", "Participant 102": "37.5"}
    assert [(row.line, groups) for row, groups in made.contested] == [(2, ["a", "b"])]
    assert set(made.problems) == {"a", "b"}


def test_who_handed_in_is_known_by_number_and_partners_by_name(read):
    sheet = read(worksheet([ADA, BO, Student("Ada Example", 105)]))
    made = filled(sheet, result("g", ["Ada Example", "Bo Example"]), origins={"g": origin(("Ada Example", 105))})
    assert grades(made) == {"Participant 101": "", "Participant 102": "37.5", "Participant 105": "37.5"}


def test_where_moodle_knows_teams_every_member_gets_the_grade_and_nobody_else(read):
    team = [Student("Ada Example", 101, "Group 3"), Student("Bo Example", 102, "Group 3"),
            Student("Jörg Äxel", 103, "Group 4")]
    sheet = read(worksheet(team, teams=True))
    made = filled(sheet, result("g", ["Ada Example", "Jörg Äxel"]), origins={"g": origin(("Group 3", 17))})
    assert grades(made) == {"Participant 101": "37.5", "Participant 102": "37.5", "Participant 103": ""}
    assert made.notes == {"g": ["'Jörg Äxel' is a member by submission.yaml, but not in Moodle's team"]}


def test_a_teams_number_is_not_taken_for_a_participants(read):
    team = [Student("Ada Example", 17, "Group 4"), Student("Bo Example", 102, "Group 3")]
    sheet = read(worksheet(team, teams=True))
    made = filled(sheet, result("g", ["Bo Example"]), origins={"g": origin(("Group 3", 17))})
    assert grades(made) == {"Participant 17": "", "Participant 102": "37.5"}


def test_the_team_of_an_older_archive_is_found_by_its_members(read):
    team = [Student("Ada Example", 101, "Group 3"), Student("Bo Example", 102, "Group 3")]
    made = filled(read(worksheet(team, teams=True)), result("g", ["Ada Example"]),
                  origins={"g": origin(("Group 3-Ada Example", 101))})
    assert list(grades(made).values()) == ["37.5", "37.5"]


def test_two_teams_with_nearly_one_name_are_not_mixed(read):
    team = [Student("Ada Example", 101, "Group 3"), Student("Bo Example", 102, "group-3")]
    sheet = read(worksheet(team, teams=True))
    made = filled(sheet, result("g", ["Ada Example"]), origins={"g": origin(("Group 3", 17))})
    assert made.rows == []
    assert made.problems == {"g": ["several groups of the worksheet may be 'Group 3'"]}


def test_under_blind_marking_rows_are_found_by_number_alone(read):
    sheet = read(worksheet([ADA, BO], "de", blind=True))
    made = filled(sheet, result("g", ["Ada Example"]), origins={"g": origin(("Teilnehmerin", 102))})
    assert grades(made) == {"Teilnehmer/in101": "", "Teilnehmer/in102": "37,5"}


def test_members_whom_a_blind_worksheet_hides_are_reported(read):
    made = filled(read(worksheet([ADA, BO], blind=True)), result("g", ["Ada Example", "Bo Example"]),
                  origins={"g": origin(("Participant", 101))})
    assert grades(made) == {"Participant 101": "37.5", "Participant 102": ""}
    assert made.problems == {"g": ["the worksheet hides names: 1 of its 2 members can be told"]}


def test_the_worksheet_of_another_assignment_is_noticed(read):
    made = filled(read(worksheet([ADA, Student("Cy Other", 102)])), result("g", ["Bo Example"]),
                  origins={"g": origin(("Bo Example", 102))})
    assert made.rows == []
    assert "is the worksheet of another assignment?" in made.problems["g"][0]


def test_rows_without_hand_in_and_groups_without_row_are_listed(read):
    made = filled(read(worksheet([ADA, BO])), result("g", ["Ada Example"]), result("h", ["Cy Nobody"]), rejected("i"))
    assert [row.value("Full name") for row in made.no_hand_in] == ["Bo Example"]
    assert set(made.problems) == {"h", "i"}


# --- what is left


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize("one", [
    result("g", ["Ada Example"], last=Outcome.HARNESS_FAULT), result("g", ["Ada Example"], stand_in=True),
    rejected("g"),
], ids=["fault of the harness", "stand-in", "rejected"])
def test_what_is_no_grade_leaves_the_row_as_it_was(read, one, partial):
    before = worksheet([Student("Ada Example", 101, grade="12.00"), BO])
    made = filled(read(before), one, origins={"g": origin(("Ada Example", 101))}, partial=partial)
    assert made.data == before
    assert [(row.state, bool(row.why)) for row in made.rows] == [("left", True)]


def test_open_points_leave_the_row_unless_partial_grades_are_asked_for(read):
    before = worksheet([ADA])
    one = result("g", ["Ada Example"], last=Outcome.NEEDS_PERSON)
    made = filled(read(before), one)
    assert made.data == before
    assert made.rows[0].why == "a person has still to give 4 of 40 points (Reconstruction)"
    partial = filled(read(before), one, partial=True)
    assert grades(partial) == {"Participant 101": "33.5"}
    assert cells(partial)[1][-1] == "Theory 20/20; Practice 13.5/20 (4 open); still to be marked: Reconstruction"


@pytest.mark.parametrize(("last", "words"), [
    (Outcome.SUBMISSION_FAULT, "fault of the hand-in: Reconstruction"),
    (Outcome.NOT_HANDED_IN, "not handed in: Reconstruction"),
])
def test_faults_and_what_is_missing_are_told_apart_in_the_feedback(read, last, words):
    made = filled(read(worksheet([ADA])), result("g", ["Ada Example"], last=last))
    assert cells(made)[1][-1] == f"Theory 20/20; Practice 13.5/20; {words}"


def test_a_locked_row_is_left(read):
    before = worksheet([Student("Ada Example", 101, locked=True)], "de")
    made = filled(read(before), result("g", ["Ada Example"]), overwrite=True)
    assert made.data == before
    assert made.rows[0].why == "Moodle says that this grade cannot be changed"


def test_another_grade_or_comment_is_left_unless_told_to_overwrite(read):
    before = worksheet([Student("Ada Example", 101, grade="30.00"), Student("Bo Example", 102, comment="well done")])
    results = [result("g", ["Ada Example"]), result("h", ["Bo Example"])]
    made = filled(read(before), *results)
    assert grades(made) == {"Participant 101": "30.00", "Participant 102": "37.5"}
    assert cells(made)[2][-1] == "well done"
    assert made.rows[1].notes == ["another comment stands there, and was left"]
    over = filled(read(before), *results, overwrite=True)
    assert grades(over) == {"Participant 101": "37.5", "Participant 102": "37.5"}


def test_filling_twice_changes_nothing_the_second_time(read):
    once = filled(read(worksheet([ADA, BO])), result("g", ["Ada Example"]))
    twice = filled(read(once.data), result("g", ["Ada Example"]))
    assert twice.data == once.data
    assert [one.state for one in twice.rows] == ["unchanged"]


@pytest.mark.parametrize(("submitted", "state"), [
    ("Thursday, 19 November 2026, 9:00 PM", "filled"), ("Monday, 23 November 2026, 9:00 AM", "left"),
    ("Montag, 23. November 2026, 09:00", "left"), ("lundi 23 novembre 2026", "filled"),
])
def test_a_submission_that_changed_after_its_import_is_left(read, submitted, state):
    sheet = read(worksheet([Student("Ada Example", 101, submitted=submitted)]))
    options = {"origins": {"g": origin(("Ada Example", 101))}}
    assert filled(sheet, result("g", ["Ada Example"]), **options).rows[0].state == state
    assert filled(sheet, result("g", ["Ada Example"]), **options, overwrite=True).rows[0].state == "filled"


def test_another_maximum_is_reported_or_scaled_to(read):
    before = worksheet([ADA], most="100.00")
    made = filled(read(before), result("g", ["Ada Example"]))
    assert made.data == before
    assert "the most that Moodle takes is 100.00, the rubric's is 40" in made.rows[0].why
    assert grades(filled(read(before), result("g", ["Ada Example"]), scale=True)) == {"Participant 101": "93.75"}


def test_a_grade_of_zero_is_written_and_noted_as_moodle_may_pass_over_it(read):
    nothing = result("g", ["Ada Example"], last=Outcome.NOT_HANDED_IN)
    nothing = nothing.model_copy(update={"marks": nothing.marks.model_copy(update={"points": 0})})
    made = filled(read(worksheet([ADA])), nothing)
    assert grades(made) == {"Participant 101": "0"}
    assert ["pass over a grade of 0" in note for note in made.rows[0].notes] == [True]


def test_a_quick_grade_is_noted(read):
    quick = result("g", ["Ada Example"])
    quick = quick.model_copy(update={"provenance": quick.provenance.model_copy(update={"budget": "quick"})})
    assert filled(read(worksheet([ADA])), quick).notes == {"g": ["it was measured with the budget quick, not full"]}


def test_feedback_cannot_be_a_formula_or_markup(read):
    one = result("g", ["Ada Example"])
    part = one.marks.parts[0].model_copy(update={"title": "=1+1 <b>"})
    one = one.model_copy(update={"marks": one.marks.model_copy(update={"parts": [part]})})
    assert cells(filled(read(worksheet([ADA])), one))[1][-1] == "'=1+1 &lt;b&gt; 20/20"


def test_a_file_that_is_not_there_is_said(tmp_path: Path):
    with pytest.raises(UserError, match="cannot be read"):
        read_worksheet(tmp_path / "no.csv")

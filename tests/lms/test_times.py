"""When each hand-in came, by Moodle's worksheet."""

from __future__ import annotations

from datetime import datetime

from moodle_site import Student, files_of, worksheet, zipped

from harness.lms.moodle import import_archive, note_times, read_record, read_worksheet

FOLDER = "{}_{}_assignsubmission_file"


def imported(tmp_path, *students: Student, language: str = "en", files=None) -> dict[str, str]:
    """Import a hand-in of each student, then take the times from the worksheet; give why one is not known."""
    (tmp_path / "all.zip").write_bytes(zipped({
        f"{FOLDER.format(one.name, one.number)}/{name}": content
        for one in students for name, content in (files or files_of(one.name, [one.name])).items()}))
    import_archive(tmp_path / "all.zip", tmp_path / "submissions", replace=True)
    (tmp_path / "w.csv").write_bytes(worksheet(students, language))
    return note_times(tmp_path / "submissions", read_worksheet(tmp_path / "w.csv"))


def times(tmp_path) -> dict[str, str | None]:
    return {folder: origin.handed_in for folder, origin in read_record(tmp_path / "submissions").hand_ins.items()}


def test_the_worksheet_tells_when_each_hand_in_came_in_the_hours_of_this_machine(tmp_path):
    ada = Student("Ada Example", 101, submitted="Wednesday, 1 July 2026, 11:58 PM")
    assert imported(tmp_path, ada) == {}
    (moment,) = times(tmp_path).values()
    assert datetime.fromisoformat(moment) == datetime(2026, 7, 1, 23, 58).astimezone()


def test_german_worksheets_are_read_as_well(tmp_path):
    ada = Student("Ada Example", 101, submitted="Mittwoch, 1. Juli 2026, 23:58")
    assert imported(tmp_path, ada, language="de") == {}
    assert times(tmp_path)["Ada-Example-101"].startswith("2026-07-01T23:58")


def test_a_row_without_a_time_is_named_and_gets_none(tmp_path):
    assert imported(tmp_path, Student("Ada Example", 101, submitted="-")) == {
        "Ada-Example-101": "the worksheet names no time at which it was handed in"}
    assert times(tmp_path) == {"Ada-Example-101": None}


def test_the_time_stays_with_an_unchanged_hand_in_and_goes_with_another(tmp_path):
    ada = Student("Ada Example", 101, submitted="Wednesday, 1 July 2026, 11:58 PM")
    imported(tmp_path, ada)
    import_archive(tmp_path / "all.zip", tmp_path / "submissions")
    assert times(tmp_path)["Ada-Example-101"] is not None
    silent = Student("Ada Example", 101, submitted="-")
    imported(tmp_path, silent, files={"submission.yaml": "another", "answers.yaml": "one"})
    assert times(tmp_path) == {"Ada-Example-101": None}

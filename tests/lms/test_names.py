"""Names in Moodle's archives, and names of people."""

from __future__ import annotations

import pytest

from harness.lms.moodle.names import Entry, entry_of, fits, same_person


@pytest.mark.parametrize(("path", "entry"), [
    ("Ada Example_12345_assignsubmission_file/src/model.py", Entry("Ada Example", "12345", "file", "src/model.py")),
    ("Ada Example_12345_assignsubmission_file_/model.py", Entry("Ada Example", "12345", "file", "model.py")),
    ("Ada Example_12345_assignsubmission_file_my_model.py", Entry("Ada Example", "12345", "file", "my_model.py")),
    ("Jörg Äxel_7_assignsubmission_onlinetext/text.html", Entry("Jörg Äxel", "7", "onlinetext", "text.html")),
    ("Group 3_17_assignsubmission_file/a.zip", Entry("Group 3", "17", "file", "a.zip")),
    ("Default group_assignsubmission_file/a.zip", Entry("Default group", None, "file", "a.zip")),
    ("Group 3-Ada Example_12_assignsubmission_file_/a", Entry("Group 3-Ada Example", "12", "file", "a")),
    ("Participant_9_assignsubmission_file/a", Entry("Participant", "9", "file", "a")),
])
def test_every_way_in_which_moodle_names_a_file_is_read(path, entry):
    assert entry_of(path) == entry


@pytest.mark.parametrize("path", ["notes.txt", "Ada_12/model.py", "Ada Example_12345_assignsubmission_file/", "_1_x"])
def test_other_names_are_not_taken_for_one(path):
    assert entry_of(path) is None


@pytest.mark.parametrize(("one", "other"), [
    ("Ada Example", "ada example"), ("Example, Ada", "Ada Example"), ("Jörg Müller", "Joerg Mueller"),
    ("Jörg Müller", "Jorg Muller"), ("Zoë Weiß", "Zoe Weiss"), ("Jörg", "Jo\u0308rg"),
    ("Anna-Lena Test", "Anna Lena Test"),
])
def test_spellings_of_one_name_are_one_person(one, other):
    assert same_person(one, other)
    assert same_person(other, one)


@pytest.mark.parametrize(("one", "other"), [("Ada Example", "Ada Exemple"), ("Ada", "Bo"), ("", ""), ("A. E.", "")])
def test_other_names_are_other_people(one, other):
    assert not same_person(one, other, loosely=True)


def test_a_second_name_may_be_left_out_only_loosely_and_never_all_but_one():
    assert same_person("Ada Example", "Ada Mary Example", loosely=True)
    assert not same_person("Ada Example", "Ada Mary Example")
    assert not same_person("Ada", "Ada Example", loosely=True)


@pytest.mark.parametrize(("who", "name"), [
    ("Participant", "Ada Example"), ("Teilnehmerin", "Ada Example"), ("Group 3-Ada Example", "Ada Example"),
    ("Pat OBrien", "Pat O'Brien"), ("Ada Example", ""),
])
def test_a_name_in_the_archive_fits_its_owner(who, name):
    assert fits(who, name)


def test_a_name_in_the_archive_fits_nobody_else():
    assert not fits("Ada Example", "Bo Example")

"""The gradebook's file: what is kept, what is refused, and how older files become newer ones."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from fractions import Fraction

import pytest
from graded import course_in, criteria, give, grade_again, grade_of
from sqlalchemy import create_engine, inspect

from harness.errors import HarnessFault, UserError
from harness.gradebook import Change, Gradebook, catch_up, file_result, filed_result, record
from harness.gradebook.giving import given
from harness.gradebook.history import history
from harness.gradebook.migrations import STEPS, migrate
from harness.gradebook.tables import Table
from harness.scratch import held

CHANGE = Change(
    group="otters", assignment="mine", criterion="text", points=Fraction(1, 3), author="Cleo Example", reason="So.",
    evidence="e")


@pytest.fixture
def book(tmp_path):
    return Gradebook(tmp_path / "gradebook.sqlite")


def rows(book: Gradebook, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(book.path)) as connection:
        return connection.execute(sql).fetchall()


def test_the_same_grade_twice_is_one_attempt_and_another_hand_in_is_another(book):
    later = "2026-07-03T09:00:00+00:00"
    added = [book.add_attempt(one) for one in (
        grade_of(), grade_of(created=later), grade_of(report="two"), grade_of("herons"), grade_of())]
    assert added == [True, False, True, True, True]
    assert [len(marks) for _, marks in book.attempts("otters")] == [4, 4, 4]
    assert book.groups() == ["herons", "otters"]


def test_what_a_person_gave_makes_no_other_attempt(tmp_path):
    course = course_in(tmp_path)
    grade_again(course, grade_of())
    give(course, "text", "2")
    assert not Gradebook(course.gradebook).add_attempt(filed_result(course.reports, "otters"))


def test_points_are_kept_exactly(book, tmp_path):
    book.say([CHANGE], reports=tmp_path)
    assert book.marks_of("otters", "mine")["text"].points == Fraction(1, 3)
    assert book.marks_of("otters", "another") == book.marks_of("herons", "mine") == {}


def test_what_was_said_in_the_same_words_is_said_once_where_that_is_wanted(book, tmp_path):
    other = Change(**{**{name: getattr(CHANGE, name) for name in CHANGE.__slots__}, "points": Fraction(2)})
    assert book.say([CHANGE], reports=tmp_path, once=True) == [CHANGE]
    assert book.say([CHANGE, other], reports=tmp_path, once=True) == [other]
    assert book.say([CHANGE], reports=tmp_path, once=True) == []
    assert book.marks_of("otters", "mine")["text"].points == 2
    assert book.say([CHANGE], reports=tmp_path) == [CHANGE]


@pytest.mark.parametrize("sql", [
    "UPDATE person_marks SET points = '3'", "DELETE FROM person_marks", "DELETE FROM attempts",
    "UPDATE automatic_marks SET points = 4", "DELETE FROM handed_in", "UPDATE handed_in SET moment = ''",
])
def test_the_file_itself_refuses_to_change_or_forget(tmp_path, sql):
    course = course_in(tmp_path)
    book = Gradebook(course.gradebook)
    result = grade_of()
    book.add_attempt(result)
    book.say([CHANGE], reports=tmp_path)
    book.say_handed_in(result, datetime.now(UTC), author="", reason="", reports=tmp_path)
    with pytest.raises(sqlite3.IntegrityError, match="only ever added to"):
        rows(book, sql)


def test_readers_do_not_wait_for_a_writer(book, tmp_path):
    book.say([CHANGE], reports=tmp_path)
    assert rows(book, "PRAGMA journal_mode") == [("wal",)]
    with closing(sqlite3.connect(book.path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert book.marks_of("otters", "mine")
        with pytest.raises(UserError, match=r"locked.*call again"):
            Gradebook(book.path, busy_seconds=0.05).say([CHANGE], reports=tmp_path)
        writer.execute("ROLLBACK")
    assert len(book.person_marks("otters")) == 1


# --- the form of the file


def columns(path) -> dict[str, object]:
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        found = inspect(connection)
        shape = {name: ([(one["name"], str(one["type"]), one["nullable"]) for one in found.get_columns(name)],
                        sorted((one["name"], tuple(one["column_names"])) for one in found.get_indexes(name)),
                        [(one["constrained_columns"], one["referred_table"]) for one in found.get_foreign_keys(name)])
                 for name in found.get_table_names() if not name.startswith("sqlite_")}
    engine.dispose()
    return shape


def test_the_steps_make_the_tables_that_the_program_uses(book, tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'tables.sqlite'}")
    Table.metadata.create_all(engine)
    engine.dispose()
    assert columns(book.path) == columns(tmp_path / "tables.sqlite")
    assert rows(book, "PRAGMA user_version") == [(len(STEPS),)]


def test_a_file_of_an_earlier_form_takes_the_steps_that_it_lacks_and_keeps_what_it_holds(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'old.sqlite'}")
    steps = (("CREATE TABLE marks (points TEXT)", "INSERT INTO marks VALUES ('1/3')"),
             ("ALTER TABLE marks ADD COLUMN author TEXT NOT NULL DEFAULT 'unknown'",))
    for known in (steps[:1], steps, steps):
        with engine.begin() as connection:
            migrate(connection, name="old.sqlite", steps=known)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT * FROM marks").all() == [("1/3", "unknown")]
        assert connection.exec_driver_sql("PRAGMA user_version").scalar() == 2
    engine.dispose()


def test_a_step_that_fails_leaves_the_file_as_it_was(tmp_path):
    book = Gradebook(tmp_path / "g.sqlite")
    before = rows(book, "SELECT sql FROM sqlite_master")
    with pytest.raises(Exception, match="syntax error"), book._writing() as session:
        migrate(session.connection(), name="g", steps=(*STEPS, ("CREATE TABLE new (a)", "CREATE nonsense")))
    assert rows(book, "SELECT sql FROM sqlite_master") == before
    assert rows(book, "PRAGMA user_version") == [(len(STEPS),)]


def test_a_file_of_a_newer_program_is_refused(book):
    with closing(sqlite3.connect(book.path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(UserError, match="newer version"):
        Gradebook(book.path)


def test_a_file_that_is_no_gradebook_or_is_damaged_is_said_to_be(book, tmp_path):
    (tmp_path / "text").write_text("not a database at all, but long enough to be looked at" * 20)
    with pytest.raises(HarnessFault, match="damaged"):
        Gradebook(tmp_path / "text")
    book.say([CHANGE] * 200, reports=tmp_path)
    assert book.problems() == []
    with closing(sqlite3.connect(book.path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(book.path.read_bytes())
    content[8192:] = b"\xff" * (len(content) - 8192)
    book.path.write_bytes(content)
    with pytest.raises(HarnessFault, match="damaged"):
        book.problems()


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match="cannot be used"):
        Gradebook(tmp_path / "missing" / "gradebook.sqlite")


# --- reports that lag behind


def test_a_mark_whose_report_was_never_written_shows_with_the_next_call(tmp_path):
    course = course_in(tmp_path)
    result = grade_again(course, grade_of())
    change = Change(
        group="otters", assignment="mine", criterion="text", points=Fraction(2), author="Cleo Example", reason="So.",
        evidence=next(one.evidence for part in result.marks.parts for one in part.criteria if one.id == "text"))
    book = Gradebook(course.gradebook)
    book.say([change], reports=course.reports)
    assert filed_result(course.reports, "otters").marks == result.marks
    assert catch_up(course, course.reports) == ["otters"]
    assert filed_result(course.reports, "otters").marks.points == result.marks.points + 2
    assert "by hand" in (course.reports / "otters" / "index.html").read_text()
    assert "1 by hand" in (course.reports / "index.html").read_text()
    assert catch_up(course, course.reports) == []


def test_a_damaged_result_keeps_no_other_group_from_its_marks(tmp_path):
    course = course_in(tmp_path)
    for group in ("herons", "otters"):
        grade_again(course, grade_of(group))
        Gradebook(course.gradebook).say([CHANGE], reports=course.reports)
    give(course, "talk", "1", group="herons")
    (course.reports / "otters" / "result.json").write_text("{")
    give(course, "text", "1", group="herons")
    assert filed_result(course.reports, "herons").marks.open_points == 0


def test_recording_gives_the_result_with_what_persons_gave(tmp_path):
    course = course_in(tmp_path)
    grade_again(course, grade_of())
    result = give(course, "text", "2")
    assert record(course, grade_of()).marks == result.marks


def test_the_history_tells_attempts_their_differences_and_every_word(tmp_path):
    course = course_in(tmp_path)
    grade_again(course, grade_of(created="2026-07-02T10:00:00+00:00"))
    give(course, "text", "2", because="Clear.")
    grade_again(course, grade_of(mse=0.0866, report="two", created="2099-01-01T00:00:00+00:00"))
    told = history(Gradebook(course.gradebook), "otters")
    assert [one.kind for one in told] == ["graded", "given", "graded"]
    assert (told[1].said, told[1].details) == ("text: 2 points by Cleo Example", ["Clear."])
    assert told[2].details == [
        "reconstruction: 4 of 4 → 0 of 4", "text: what it rests on changed", "talk: what it rests on changed"]


@pytest.mark.parametrize("work", [
    lambda course: catch_up(course, course.reports), lambda course: file_result(course, grade_of(), course.reports)])
def test_whoever_writes_a_groups_report_waits_for_the_other_and_shows_what_was_said_meanwhile(tmp_path, work):
    course = course_in(tmp_path)
    result = grade_again(course, grade_of())
    book = Gradebook(course.gradebook)
    first, then = (given(course, result, "talk", points, author="Cleo Example", reason="So.") for points in ("1", "3"))
    book.say([first], reports=course.reports)
    with ThreadPoolExecutor(1) as pool:
        with held(course.reports / "otters"):
            writing = pool.submit(work, course)
            with pytest.raises(TimeoutError):
                writing.result(timeout=0.3)
            book.say([then], reports=course.reports)
        writing.result(timeout=60)
    assert criteria(filed_result(course.reports, "otters"))["talk"].points == 3

"""Coming late: laws of the deduction, known answers, and where the time comes from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

import pytest
from graded import DEADLINE, course_in, grade_again, grade_of
from hypothesis import given
from hypothesis import strategies as st

from harness.course import CourseFile, Deadline
from harness.documents import loads
from harness.errors import UserError
from harness.gradebook import Gradebook
from harness.gradebook.late import days_late, deduction, with_lateness
from harness.lms.moodle.record import Import, Origin, Participant, write_record
from harness.records import Marks

SUMMER = timezone(timedelta(hours=2))
DUE = datetime(2026, 7, 1, 23, 59, tzinfo=SUMMER)


def rule(text: str) -> Deadline:
    return loads(f"deadlines: {{mine: {{due: 2026-07-01T23:59+02:00{text}}}}}", "course.yaml", CourseFile
                 ).deadlines["mine"]


RULES = [rule(text) for text in (
    "", ", most_days: 0", ", penalty: 10 % per day", ", penalty: 10 % of reached per day, grace: 10 min",
    ", penalty: 2.5 points per day, free_days: 2", ", penalty: 33 % of max per day, most_days: 2, free_days: 1",
    ", grace: 2 days, penalty: 1 point per day",
)]
points = st.fractions(0, 40, max_denominator=4)
spans = st.timedeltas(timedelta(days=-3), timedelta(days=30))


@given(st.sampled_from(RULES), points, spans)
def test_no_deduction_is_below_zero_or_takes_more_than_was_reached(deadline, reached, span):
    cost = deduction(deadline, days_late(deadline, DUE + span), reached=reached, most=Fraction(40))
    assert 0 <= cost <= reached


@given(st.sampled_from(RULES), points, spans, spans)
def test_handing_in_later_never_costs_less(deadline, reached, one, other):
    early, late = sorted([one, other])
    first, second = (
        deduction(deadline, days_late(deadline, DUE + span), reached=reached, most=Fraction(40))
        for span in (early, late))
    assert first <= second


@given(st.sampled_from(RULES), points, points, spans)
def test_more_points_before_the_deduction_never_make_fewer_after_it(deadline, one, other, span):
    few, many = sorted([one, other])
    days = days_late(deadline, DUE + span)
    assert few - deduction(deadline, days, reached=few, most=Fraction(40)) <= (
        many - deduction(deadline, days, reached=many, most=Fraction(40)))


@given(st.sampled_from(RULES), st.timedeltas(timedelta(days=-30), timedelta(0)))
def test_whoever_is_in_time_loses_nothing(deadline, span):
    assert days_late(deadline, DUE + span) == 0
    assert deduction(deadline, 0, reached=Fraction(30), most=Fraction(40)) == 0


@pytest.mark.parametrize(("text", "late", "days", "cost"), [
    (", penalty: 10 % per day", timedelta(seconds=1), 1, 4),
    (", penalty: 10 % of reached per day", timedelta(days=1), 1, 3),
    (", penalty: 10 % of reached per day", timedelta(days=1, seconds=1), 2, 6),
    (", penalty: 10 % per day, grace: 10 min", timedelta(minutes=10), 0, 0),
    (", penalty: 10 % per day, grace: 10 min", timedelta(minutes=11), 1, 4),
    (", penalty: 1.5 points per day, free_days: 2", timedelta(hours=60), 3, 1.5),
    (", penalty: 10 % per day, most_days: 2", timedelta(days=2), 2, 8),
    (", penalty: 10 % per day, most_days: 2", timedelta(days=2, minutes=1), 3, 30),
    (", penalty: 50 % per day", timedelta(days=9), 9, 30),
    ("", timedelta(days=9), 9, 0),
])
def test_known_answers_of_30_points_out_of_40(text, late, days, cost):
    marks = with_lateness(Marks(points=30, max_points=40, open_points=0, parts=[]), rule(text), DUE + late, "Moodle")
    assert (marks.late.days, marks.late.points, marks.points) == (days, cost, 30 - cost)


def test_two_zones_name_the_same_moment():
    assert days_late(rule(""), datetime(2026, 7, 1, 21, 59, tzinfo=UTC)) == 0
    assert days_late(rule(""), datetime(2026, 7, 1, 22, 0, tzinfo=UTC)) == 1


@pytest.mark.parametrize(("text", "says"), [
    ("due: 2026-07-01", "is no time with its offset from UTC"),
    ("due: 2026-07-01T23:59", "is no time with its offset from UTC"),
    ("due: 2026-07-01T23:59Z, grace: 10", "is no duration; write one such as 10 min"),
    ("due: 2026-07-01T23:59Z, penalty: 10 %", "is no penalty; write 10 % of max per day"),
    ("due: 2026-07-01T23:59Z, penalty: 101 % per day", "more than 100 %"),
    ("grace: 10 min", "lacks the field 'due'"),
])
def test_a_rule_that_cannot_be_read_is_refused_with_its_place(text, says):
    with pytest.raises(UserError, match=r"course\.yaml, line 1") as refused:
        loads(f"deadlines: {{mine: {{{text}}}}}", "course.yaml", CourseFile)
    assert says in str(refused.value)


# --- where the time comes from


def test_without_a_word_on_the_time_nothing_is_deducted_and_the_result_says_so(tmp_path):
    late = grade_again(course_in(tmp_path, deadline=DEADLINE), grade_of()).marks.late
    assert (late.handed_in, late.points) == ("", 0)
    assert "not known" in late.reason


def test_a_course_without_a_deadline_says_nothing_of_lateness(tmp_path):
    assert grade_again(course_in(tmp_path), grade_of()).marks.late is None


def test_the_record_of_the_import_tells_the_time(tmp_path):
    course = course_in(tmp_path, deadline=DEADLINE)
    (course.submissions / "otters").mkdir(parents=True)
    (course.submissions / "otters" / "submission.yaml").write_text(
        "group: otters\nmembers: [Ada Example]\nassignment: mine\nanswers: answers.yaml\n")
    write_record(course.submissions, Import(hand_ins={"otters": Origin(
        participants=[Participant(name="Ada Example", number="101")], archive="all.zip",
        downloaded="2026-07-05T08:00:00+02:00", handed_in="2026-07-02T12:00+02:00")}))
    marks = grade_again(course, grade_of()).marks
    assert (marks.late.source, marks.late.days, marks.late.points, marks.points) == ("Moodle", 1, 2.4, 21.6)


def test_what_a_person_says_of_the_time_outweighs_the_import_and_holds_for_that_hand_in_alone(tmp_path):
    course = course_in(tmp_path, deadline=DEADLINE)
    result = grade_again(course, grade_of())
    Gradebook(course.gradebook).say_handed_in(
        result, DUE + timedelta(hours=1), author="Cleo Example", reason="By mail.", reports=course.reports)
    late = grade_again(course, grade_of()).marks.late
    assert (late.days, late.source) == (1, "Cleo Example: By mail.")
    assert grade_again(course, grade_of(report="another")).marks.late.handed_in == ""

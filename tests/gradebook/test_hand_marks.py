"""Points by hand on top of a grade: what counts, what is opened again, and what exports make of it."""

from __future__ import annotations

from fractions import Fraction

import pytest
from graded import course_in, criteria, give, grade_again, grade_of, say
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UserError
from harness.gradebook.giving import confirmed, withdrawn
from harness.gradebook.giving import given as points_given
from harness.lms import grades_csv, results_json, standing
from harness.records import OUR_FAULT, Fault, Marks, Outcome
from harness.rubric import GivenMark, with_hand_marks, without_hand_marks

MARKS = grade_of().marks
CRITERIA = criteria(grade_of())

halves = st.integers(0, 8).map(lambda number: Fraction(number, 2))
given_marks = st.dictionaries(st.sampled_from(sorted(CRITERIA)), st.builds(
    lambda points, name: GivenMark(points=points, author="Cleo Example", reason="So.", time="", evidence=name),
    halves, st.sampled_from(["same", "other"])))


def settled(given: dict[str, GivenMark]) -> dict[str, GivenMark]:
    return {name: one.model_copy(update={"evidence": CRITERIA[name].evidence if one.evidence == "same" else "x"})
            for name, one in given.items()}


# --- laws


@given(given_marks)
def test_what_the_harness_gave_can_always_be_had_again(given):
    assert without_hand_marks(with_hand_marks(MARKS, settled(given))) == MARKS


@given(given_marks, given_marks)
def test_only_the_marks_that_stand_now_count(before, now):
    assert with_hand_marks(with_hand_marks(MARKS, settled(before)), settled(now)) == with_hand_marks(
        MARKS, settled(now))


@given(given_marks)
def test_sums_add_up_and_no_criterion_leaves_its_range(given):
    marks = with_hand_marks(MARKS, settled(given))
    for part in marks.parts:
        assert part.points == sum(one.points or 0 for one in part.criteria)
        assert all(one.points is None or 0 <= one.points <= one.max_points for one in part.criteria)
        assert part.open_points == sum(one.max_points for one in part.criteria if one.points is None)
    assert marks.points == sum(part.points for part in marks.parts)
    assert marks.max_points == MARKS.max_points


def test_thirds_add_up_exactly():
    thirds = {name: GivenMark(points=Fraction(1, 3), author="", reason="", time="", evidence=CRITERIA[name].evidence)
              for name in ("reconstruction", "text", "talk")}
    assert with_hand_marks(MARKS, thirds).parts[1].points == 1


# --- points given, replaced, taken back


def test_points_by_hand_count_and_stand_beside_what_the_harness_found(tmp_path):
    course = course_in(tmp_path)
    grade_again(course, grade_of())
    result = give(course, "text", "1.5", because="Claims agree; the comparison is thin.")
    mark = criteria(result)["text"]
    assert (mark.outcome, mark.points) == (Outcome.SCORED, 1.5)
    assert (mark.by_hand.author, mark.by_hand.reason) == ("Cleo Example", "Claims agree; the comparison is thin.")
    assert (mark.by_hand.outcome, mark.by_hand.automatic) == (Outcome.NEEDS_PERSON, None)
    assert (result.marks.points, result.marks.open_points) == (25.5, 3)


def test_a_person_may_overrule_a_measurement_and_take_it_back(tmp_path):
    course = course_in(tmp_path)
    grade_again(course, grade_of(mse=0.0866))
    result = give(course, "reconstruction", "2", because="Its own preprocessing was misread.")
    assert (criteria(result)["reconstruction"].points, criteria(result)["reconstruction"].by_hand.automatic) == (2, 0)
    result = say(course, withdrawn(result, "reconstruction", author="Dora Example", reason="It was not."))
    assert criteria(result)["reconstruction"] == criteria(grade_of(mse=0.0866))["reconstruction"]


def test_newer_points_replace_older_ones(tmp_path):
    course = course_in(tmp_path)
    grade_again(course, grade_of())
    give(course, "text", "1")
    result = give(course, "text", "2.5", author="Dora Example")
    assert (criteria(result)["text"].points, criteria(result)["text"].by_hand.author) == (2.5, "Dora Example")


@pytest.mark.parametrize(("criterion", "points", "says"), [
    ("txet", "1", "did you mean text?"), ("zzz", "1", "there are: statements, reconstruction, text, talk"),
    ("text", "3.5", "gives 0 to 3 points, not 3.5"), ("text", "-1", "gives 0 to 3 points, not -1"),
    ("text", "0.3", "no multiple of 0.5 points"), ("text", "many", "must be a number"), ("text", "nan", "a number"),
])
def test_points_that_the_rubric_does_not_know_are_refused(tmp_path, criterion, points, says):
    with pytest.raises(UserError) as refused:
        points_given(course_in(tmp_path), grade_of(), criterion, points, author="", reason="So.")
    assert says in str(refused.value)


def test_points_without_a_reason_are_refused(tmp_path):
    with pytest.raises(UserError, match="say why"):
        points_given(course_in(tmp_path), grade_of(), "text", "1", author="", reason="  ")


# --- graded again


def test_a_grade_made_anew_keeps_points_by_hand(tmp_path):
    course = course_in(tmp_path)
    grade_again(course, grade_of())
    before = give(course, "text", "1.5")
    assert grade_again(course, grade_of()).marks == before.marks


@pytest.mark.parametrize(("criterion", "changed"), [
    ("reconstruction", {"mse": 0.05}), ("reconstruction", {"mse": None}), ("text", {"report": "two"}),
    ("talk", {"report": "two"}), ("statements", {"answer": "no"}),
])
def test_what_changes_under_points_by_hand_opens_them_again_until_confirmed(tmp_path, criterion, changed):
    course = course_in(tmp_path)
    grade_again(course, grade_of())
    give(course, criterion, "2", because="Well done.")
    result = grade_again(course, grade_of(**changed))
    mark = criteria(result)[criterion]
    assert mark.points is None
    assert mark.outcome is Outcome.NEEDS_PERSON
    assert (mark.by_hand.reopened, mark.by_hand.points, mark.by_hand.reason) == (True, 2, "Well done.")
    assert standing(result).outcome is Outcome.NEEDS_PERSON
    result = say(course, confirmed(result, criterion, author="Dora Example", reason=""))
    assert criteria(result)[criterion].points == 2
    assert criteria(result)[criterion].by_hand.reason == "Confirmed: Well done."


@pytest.mark.parametrize(("criterion", "changed"), [
    ("reconstruction", {"report": "two"}), ("reconstruction", {"mse": 0.0133 * (1 + 1e-9)}), ("text", {"mse": 0.05}),
    ("text", {"answer": "no"}), ("statements", {"mse": 0.05}),
])
def test_what_changes_elsewhere_leaves_points_by_hand_alone(tmp_path, criterion, changed):
    course = course_in(tmp_path)
    grade_again(course, grade_of())
    give(course, criterion, "2")
    assert criteria(grade_again(course, grade_of(**changed)))[criterion].points == 2


def test_what_is_as_it_was_needs_no_confirmation(tmp_path):
    course = course_in(tmp_path)
    grade_again(course, grade_of())
    result = give(course, "text", "2")
    grade_again(course, grade_of(report="two"))
    assert grade_again(course, grade_of()).marks == result.marks
    with pytest.raises(UserError, match="no points wait to be confirmed"):
        confirmed(result, "text", author="", reason="")


# --- what is made from it


def test_a_result_that_a_person_completed_is_a_grade_for_every_export(tmp_path):
    course = course_in(tmp_path)
    grade_again(course, grade_of())
    give(course, "text", "1.5")
    result = give(course, "talk", "3", because="Every question was answered.")
    assert standing(result).points == 28.5
    assert "28.5" in grades_csv([result])
    assert "Interpretation; Presentation" in grades_csv([result])
    content = results_json(result)
    assert content["score"] == 28.5 == sum(test["score"] for test in content["tests"])
    assert any("Every question was answered." in test["output"] for test in content["tests"])


def test_points_by_hand_settle_what_the_harness_failed_at():
    ours = Fault(kind=OUR_FAULT, stage="reconstruction", model="vae", message="no memory left")
    plain = grade_of()
    failed = criteria(plain)["reconstruction"].model_copy(update={"outcome": Outcome.HARNESS_FAULT, "points": None})
    marks = Marks(points=20, max_points=24, open_points=4, parts=[
        plain.marks.parts[0],
        plain.marks.parts[1].model_copy(update={
            "criteria": [failed], "points": 0.0, "max_points": 4.0, "open_points": 4.0}),
    ])
    model = plain.measurements["vae"].model_copy(update={"outcome": Outcome.HARNESS_FAULT, "faults": [ours]})
    result = plain.model_copy(update={"marks": marks, "measurements": {"vae": model}})
    assert standing(result).outcome is Outcome.HARNESS_FAULT
    by_hand = GivenMark(points=Fraction(3), author="", reason="Run by hand.", time="", evidence=failed.evidence)
    settled = result.model_copy(update={"marks": with_hand_marks(marks, {"reconstruction": by_hand})})
    assert standing(settled).points == 23

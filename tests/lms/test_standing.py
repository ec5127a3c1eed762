"""Which results are grades, and which are none yet."""

from __future__ import annotations

import csv
import io
import json

import pytest
from moodle_site import rejected, result

from harness.lms import grades_csv, results_json, standing
from harness.records import GradeResult, Outcome

HELD = {
    Outcome.NEEDS_PERSON: result("open", ["Ada Example"], last=Outcome.NEEDS_PERSON),
    Outcome.HARNESS_FAULT: result("ours", ["Ada Example"], last=Outcome.HARNESS_FAULT),
    Outcome.SUBMISSION_FAULT: rejected("rejected"),
    Outcome.NOT_APPLICABLE: result("garments", ["Ada Example"], stand_in=True),
}


def test_a_result_with_all_its_points_is_a_grade():
    stands = standing(result("g", ["Ada"]))
    assert (stands.outcome, stands.points, stands.why) == (Outcome.SCORED, 37.5, "")


@pytest.mark.parametrize("last", [Outcome.SUBMISSION_FAULT, Outcome.NOT_HANDED_IN])
def test_what_failed_by_the_group_or_is_missing_has_no_points_and_is_a_grade(last):
    assert standing(result("g", ["Ada"], last=last)).points == 33.5


@pytest.mark.parametrize("outcome", HELD)
def test_what_is_no_grade_yet_says_why_and_has_no_points(outcome):
    stands = standing(HELD[outcome])
    assert stands.outcome is outcome
    assert stands.points is None
    assert stands.why


@pytest.mark.parametrize("outcome", HELD)
def test_only_points_that_a_person_still_gives_let_the_others_be_exported(outcome):
    assert standing(HELD[outcome]).exported(partial=True) == (33.5 if outcome is Outcome.NEEDS_PERSON else None)


def test_a_fault_of_the_harness_outweighs_points_that_wait():
    both = HELD[Outcome.NEEDS_PERSON].model_copy(update={"measurements": HELD[Outcome.HARNESS_FAULT].measurements})
    assert standing(both).exported(partial=True) is None


def test_a_library_that_is_not_here_leaves_the_points_to_a_person():
    stands = standing(result("lacking", ["Ada Example"], last=Outcome.ENVIRONMENT))
    assert (stands.outcome, stands.points) == (Outcome.NEEDS_PERSON, None)


# --- Gradescope

FIELDS = {
    "score", "execution_time", "output", "output_format", "visibility", "stdout_visibility", "extra_data", "tests",
}
TEST_FIELDS = {"score", "max_score", "status", "name", "number", "output", "output_format", "visibility"}


@pytest.mark.parametrize("one", [
    result("g", ["Ada"]), result("lacking", ["Ada"], last=Outcome.ENVIRONMENT), *HELD.values(),
], ids=lambda one: one.group)
def test_gradescope_gets_documented_fields_alone(one):
    content = results_json(one)
    assert set(content) <= FIELDS
    assert all(set(test) <= TEST_FIELDS for test in content["tests"])
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert content["stdout_visibility"] == "hidden"


def test_the_scores_of_gradescopes_tests_add_up_to_the_grade():
    content = results_json(result("g", ["Ada"], last=Outcome.NOT_HANDED_IN))
    assert content["score"] == sum(test["score"] for test in content["tests"]) == 33.5
    assert sum(test["max_score"] for test in content["tests"]) == 40


@pytest.mark.parametrize("outcome", HELD)
def test_gradescope_gets_no_score_anywhere_for_what_is_no_grade(outcome):
    content = results_json(HELD[outcome])
    assert "score" not in content
    assert not any("score" in test for test in content["tests"])
    assert content["output"].startswith("No score yet: ")


def test_gradescope_gets_no_score_for_a_criterion_that_is_open_in_a_partial_grade():
    content = results_json(HELD[Outcome.NEEDS_PERSON], partial=True)
    assert content["score"] == 33.5
    assert {test["name"]: test.get("score") for test in content["tests"]} == {
        "Theory: Statements": 20, "Practice: Clusters": 13.5, "Practice: Reconstruction": None}


def test_gradescope_shows_points_only_after_grades_are_published_and_faults_at_once():
    tests = results_json(result("g", ["Ada"], last=Outcome.SUBMISSION_FAULT))["tests"]
    assert {test["name"]: test["visibility"] for test in tests} == {
        "Form of the hand-in": "visible", "Theory: Statements": "after_published",
        "Practice: Clusters": "after_published", "Practice: Reconstruction": "after_published",
    }


def test_nothing_of_the_key_reaches_gradescope():
    assert "The key says no" not in json.dumps(results_json(result("g", ["Ada"])))


# --- the table


def table(*results: GradeResult) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(grades_csv(results))))


def test_the_table_has_a_row_for_each_group_and_points_only_where_they_are_a_grade():
    rows = table(result("g", ["Ada", "Bo"]), *HELD.values())
    assert [(row["outcome"], row["points"], row["points_so_far"]) for row in rows] == [
        ("scored", "37.5", "37.5"), ("needs_person", "", "33.5"), ("harness_fault", "", ""),
        ("submission_fault", "", ""), ("not_applicable", "", ""),
    ]
    assert rows[0]["members"] == "Ada; Bo"
    assert (rows[0]["theory_points"], rows[0]["practice_points"], rows[0]["practice_max"]) == ("20", "17.5", "20")


def test_a_part_in_which_the_harness_failed_has_no_points_in_the_table():
    row, = table(HELD[Outcome.HARNESS_FAULT])
    assert (row["theory_points"], row["practice_points"]) == ("20", "")


def test_the_table_tells_faults_from_what_was_not_handed_in():
    fault, absent = table(
        result("a", ["Ada"], last=Outcome.SUBMISSION_FAULT), result("b", ["Bo"], last=Outcome.NOT_HANDED_IN))
    assert (fault["submission_faults"], fault["not_handed_in"]) == ("decode: crashed", "")
    assert (absent["submission_faults"], absent["not_handed_in"]) == ("", "Reconstruction")


def test_a_members_name_cannot_be_a_formula_in_the_table():
    row, = table(result("g", ["=HYPERLINK(1)"]))
    assert row["members"] == "'=HYPERLINK(1)"

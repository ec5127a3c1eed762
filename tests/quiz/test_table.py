"""The theory part as rows of text."""

from __future__ import annotations

from harness.quiz import Answers, Given, check_form, mark, rows

GIVEN = Answers(quiz=None, given=(
    Given(id="1a", answer="yes"), Given(id="1c", answer="no", argument="It depends."),
    Given(id="2a", answer=None),
))


def test_a_row_has_answer_verdict_points_why_and_the_argument(sheet, key):
    first, second, third, fourth = rows(mark(sheet, key, GIVEN))[:4]
    assert first == ("1a", "yes", "right", "+1", ("Statement 1a.", "yes: Because."))
    assert second[1:4] == ("–", "missing", "0")
    assert third[:4] == ("1c", "no", "wrong, contested", "−1")
    assert third.details == ("Statement 1c.", "yes: Because.", "Your argument: It depends.")
    assert fourth[1:4] == ("–", "unreadable", "0")


def test_without_a_key_a_row_has_no_points_and_no_why(sheet):
    row = rows(check_form(sheet, GIVEN))[2]
    assert row == ("1c", "no", "read", "", ("Statement 1c.", "Your argument: It depends."))

"""The two sheets that come with the project, and their keys."""

from __future__ import annotations

import pytest

from harness.quiz import Answers, check_key, load_key, load_sheet, mark

YES = {
    "summer22": "2a 2b 2c 2d 3b 3c 4a 4b 4d 5a 5d",
    "summer23": "1a 1c 2c 2d 3c 4b 5a 5c",
}


@pytest.fixture(params=["summer22", "summer23"])
def paper(request, course):
    return load_sheet(course, request.param), load_key(course, request.param)


def test_sheet_and_key_fit_together_and_make_20_points(paper):
    sheet, key = paper
    check_key(sheet, key)
    assert sheet.points == 20
    assert len(sheet.statements) == {"summer22": 19, "summer23": 20}[sheet.quiz]
    assert [question.id for question in sheet.questions] == list("12345")


def test_the_key_is_the_one_of_the_exercise(paper):
    sheet, key = paper
    yes = [one for one, entry in key.answers.items() if entry.answer == "yes"]
    assert yes == YES[sheet.quiz].split()
    contested = [one for one, entry in key.answers.items() if entry.contested]
    assert contested == {"summer22": ["3a"], "summer23": ["1b"]}[sheet.quiz]


def test_the_scheme_is_the_one_of_the_exercise(paper):
    scheme = paper[0].scheme
    assert (scheme.right, scheme.abstain, scheme.wrong, scheme.floor) == (1, 0, -1, "question")


def test_every_statement_has_topics_and_is_a_sentence_and_every_why_is_short(paper):
    sheet, key = paper
    for one in sheet.statements:
        assert one.topics, one.id
        assert one.text[0].isupper(), one.id
        assert one.text.endswith("."), one.id
        assert len(one.text) <= 220, one.id
        assert len(key.answers[one.id].why) <= 260, one.id


def test_a_strong_group_that_agrees_with_the_key_gets_all_points(paper):
    sheet, key = paper
    result = mark(sheet, key, Answers.of({one: entry.answer for one, entry in key.answers.items()}))
    assert (result.points, result.problems) == (20, [])


def test_the_sheet_alone_says_nothing_about_the_key(paper):
    sheet, key = paper
    shown = sheet.model_dump_json()
    assert '"answer"' not in shown
    assert "contested" not in shown
    assert not any(entry.why in shown for entry in key.answers.values())

"""Sheets and keys: what files are taken, and what is said about the others."""

from __future__ import annotations

from fractions import Fraction

import pytest

from harness import documents
from harness.course import Course
from harness.errors import UserError
from harness.quiz import Key, Scheme, Sheet, check_key, load_key, load_sheet

SHEET = """\
quiz: mine
title: Mine
points: 10
scheme: {right: 1, wrong: -1/2, floor: sheet, void: point}
questions:
  - id: 1
    title: First
    statements:
      - {id: 1a, text: Water is wet., topics: [water]}
      - {id: 1b, text: Fire is cold., void: yes}
"""
KEY = "quiz: mine\nanswers:\n  1a: {answer: yes, why: It is.}\n"


@pytest.fixture
def own(tmp_path) -> Course:
    (tmp_path / "quiz" / "keys").mkdir(parents=True)
    (tmp_path / "quiz" / "mine.yaml").write_text(SHEET)
    (tmp_path / "quiz" / "keys" / "mine.yaml").write_text(KEY)
    return Course(tmp_path)


def test_a_sheet_and_its_key_are_written_as_yaml_alone(own):
    sheet, key = load_sheet(own, "mine"), load_key(own, "mine")
    assert key is not None
    check_key(sheet, key)
    assert (sheet.scheme.wrong, sheet.scheme.floor, sheet.scheme.void) == (Fraction(-1, 2), "sheet", "point")
    assert [(one.id, one.void) for one in sheet.statements] == [("1a", False), ("1b", True)]
    assert key.answers["1a"].answer == "yes"


def test_decimals_are_exact():
    assert Scheme(right=0.1, wrong="-0.3").right + Fraction(-1, 10) == 0


def test_sheets_and_keys_turn_into_json_and_back_without_loss(own):
    sheet = load_sheet(own, "mine")
    assert Sheet.model_validate_json(sheet.model_dump_json()) == sheet
    assert "questions" in Sheet.model_json_schema()["properties"]
    assert "answers" in Key.model_json_schema()["properties"]


def test_without_the_key_there_is_none(own):
    (own.keys / "mine.yaml").unlink()
    assert load_key(own, "mine") is None
    own.keys.rmdir()
    assert load_key(own, "mine") is None


@pytest.mark.parametrize(("change", "words"), [
    (("points: 10", "points: 0"), "line 3: points is '0'"),
    (("points: 10", "point: 10"), "did you mean 'points'?"),
    (("points: 10", "points: 1e9"), "line 3: points: must be a number of ordinary size"),
    (("right: 1", "right: 0"), "line 4: scheme: right must be above 0"),
    (("wrong: -1/2", "wrong: 1"), "line 4: scheme: wrong must be at most 0"),
    (("wrong: -1/2", "abstain: -1"), "line 4: scheme: abstain must be 0"),
    (("wrong: -1/2", "wrong: much"), "line 4: scheme.wrong: must be a number, such as 1, 0.5 or 1/3"),
    (("wrong: -1/2", "wrong: 1/0"), "line 4: scheme.wrong: must be a number"),
    (("floor: sheet", "floor: page"), "line 4: scheme.floor is 'page'; allowed: question, sheet or none"),
    (("id: 1b", "id: 1a"), "line 10: questions.1.statements.1a.id: two statements have the id 1a; give each its own"),
    (("id: 1b", "id: 1A"), "line 10: questions.1.statements.1A.id: two statements have ids that people confuse"),
    (("[water]", "water"), "line 9: questions.1.statements.1a.topics is 'water', but should be a list; write it"),
    (("void: yes", "void: perhaps"), "line 10: questions.1.statements.1b.void is 'perhaps'; allowed: true or false"),
    (("quiz: mine", "quiz: yours"), "rename the file or the quiz"),
])
def test_a_faulty_sheet_is_refused_with_line_field_and_remedy(own, change, words):
    (own.sheets / "mine.yaml").write_text(SHEET.replace(*change))
    with pytest.raises(UserError, match=r"mine\.yaml") as caught:
        load_sheet(own, "mine")
    assert words in str(caught.value)


def test_of_a_faulty_statement_nothing_else_is_said_than_its_fault():
    with pytest.raises(UserError) as caught:
        documents.loads(SHEET.replace("[water]", "water"), "mine.yaml", Sheet)
    assert len(str(caught.value).splitlines()) == 1


def test_a_question_without_statements_is_refused_without_a_word_of_python():
    with pytest.raises(UserError, match=r"questions\.2\.statements is a list, but should have at least 1 item, not 0;"):
        documents.loads(SHEET + "  - {id: 2, title: Second, statements: []}\n", "mine.yaml", Sheet)


def test_two_questions_with_one_id_are_refused_on_the_line_of_the_second():
    text = SHEET + "  - {id: 1, title: Second, statements: [{id: 2a, text: Ice is hot.}]}\n"
    with pytest.raises(UserError, match=r"line 11: questions\.1\.id: two questions have the id 1; give each its own"):
        documents.loads(text, "mine.yaml", Sheet)


def test_a_sheet_on_which_nothing_counts_is_refused():
    text = SHEET.replace("void: point", "void: excluded").replace("wet.,", "wet., void: yes,")
    with pytest.raises(UserError, match="every statement is void"):
        documents.loads(text, "mine.yaml", Sheet)


@pytest.mark.parametrize(("text", "words"), [
    ("quiz: mine\nanswers: {}", "keys/mine.yaml: answers has no answer to 1a; add `1a:"),
    (KEY + "  9z: {answer: no, why: So.}", "answers holds 9z, which the sheet does not ask; remove it"),
    (KEY.replace("mine", "other"), "is of quiz other"),
])
def test_a_key_that_does_not_fit_its_sheet_is_refused(own, text, words):
    with pytest.raises(UserError, match=words):
        check_key(load_sheet(own, "mine"), documents.loads(text, "key.yaml", Key))


@pytest.mark.parametrize(("text", "words"), [
    (KEY.replace("1a:", "# none\n  1b:"),
     "mine.yaml, line 2: answers has no answer to 1a (FOLDER/mine.yaml, line 9); add `1a: {answer: ..., why: ...}`"),
    (KEY + "  # here\n  1c: {answer: no, why: So.}\n", "mine.yaml, line 5: answers holds 1c, which the sheet does not"),
    (KEY + "  9z: {answer: no, why: So.}\n", "line 4: answers holds 9z, which the sheet does not ask; remove it"),
])
def test_where_key_and_sheet_do_not_fit_the_lines_are_named(own, text, words):
    (own.keys / "mine.yaml").write_text(text)
    with pytest.raises(UserError) as caught:
        load_key(own, "mine", sheet=load_sheet(own, "mine"))
    assert words.replace("FOLDER", str(own.sheets)) in str(caught.value)


def test_a_key_entry_says_yes_or_no_and_why():
    with pytest.raises(UserError, match=r"line 3: answers\.1a\.answer: 'abstain' is neither; write yes or no"):
        documents.loads(KEY.replace("answer: yes", "answer: abstain"), "key.yaml", Key)
    with pytest.raises(UserError, match=r"line 3: answers\.1a lacks the field 'why'"):
        documents.loads(KEY.replace(", why: It is.", ""), "key.yaml", Key)


@pytest.mark.parametrize(("name", "words"), [
    ("mime", "did you mean mine?"), ("zzz", "there are: mine"), ("../quiz/mine", "there is no quiz"),
    ("keys/mine", "there is no quiz"), ("", "there is no quiz"),
])
def test_a_quiz_that_is_not_there_is_named_with_those_that_are(own, name, words):
    with pytest.raises(UserError) as caught:
        load_sheet(own, name)
    assert words in str(caught.value)
    assert load_key(own, name) is None

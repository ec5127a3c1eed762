"""Marking by the key, and the form without it."""

from __future__ import annotations

from fractions import Fraction

import pytest

from harness.course import Course
from harness.errors import UserError
from harness.quiz import Answers, Given, Key, KeyEntry, check_file, check_form, load_sheet, mark, read_answers, theory
from harness.quiz.marking import exact_points
from harness.records import Outcome

ALL_RIGHT = {"1a": "yes", "1b": "yes", "1c": "yes", "2a": "no", "2b": "no", "2c": "no"}


def with_scheme(sheet, **changes):
    return sheet.model_copy(update={"scheme": sheet.scheme.model_copy(update=changes)})


def with_void(sheet, *ids):
    return sheet.model_copy(update={"questions": tuple(
        question.model_copy(update={"statements": tuple(
            one.model_copy(update={"void": one.id in ids}) for one in question.statements
        )}) for question in sheet.questions
    )})


def verdicts(result):
    return {one.id: one.verdict for one in result.statements}


def test_each_answer_gets_its_verdict_its_points_and_the_reason(sheet, key):
    answers = {"1a": "yes", "1b": "no", "1c": "abstain", "2a": "no", "2b": "no"}
    result = mark(sheet, key, Answers.of(answers))
    assert verdicts(result) == {
        "1a": "right", "1b": "wrong", "1c": "abstained", "2a": "right", "2b": "right", "2c": "missing",
    }
    assert [one.points for one in result.statements] == [1, -1, 0, 1, 1, 0]
    assert result.statements[1].why == "Because."
    assert result.statements[1].key == "yes"
    assert result.outcome is Outcome.SCORED
    assert (result.points, result.max_points) == (4, 12)
    assert result.problems == ["not answered, which counts as abstaining: 2c"]
    assert result.explanation == (
        "3 right (+1 each), 1 wrong (−1 each), 1 abstained, 1 missing; no question below 0: 2 of 6, "
        "scaled to 12 points: 4."
    )


@pytest.mark.parametrize(("floor", "points"), [("question", 6), ("sheet", 0), ("none", -2)])
def test_the_floor_holds_for_a_question_for_the_sheet_or_nowhere(sheet, key, floor, points):
    answers = ALL_RIGHT | dict.fromkeys(["2a", "2b", "2c"], "yes")
    sheet = with_scheme(sheet, floor=floor, wrong=Fraction(-4, 3))
    assert mark(sheet, key, Answers.of(answers)).points == points


def test_scaling_is_exact(sheet, key):
    sheet = with_scheme(sheet, right=Fraction(1, 3), wrong=Fraction(-1, 7))
    assert mark(sheet, key, Answers.of(ALL_RIGHT)).points == 12.0
    wrong = dict.fromkeys(ALL_RIGHT, "right") | {"1a": "wrong"}
    assert exact_points(sheet, wrong) == 12 * (Fraction(5, 3) - Fraction(1, 7)) / 2


@pytest.mark.parametrize(("void", "points", "own"), [("excluded", 9.6, None), ("point", 10, 1)])
def test_a_void_statement_counts_nowhere_or_is_right_for_everyone(sheet, key, void, points, own):
    sheet = with_scheme(with_void(sheet, "1a"), void=void)
    result = mark(sheet, key, Answers.of(ALL_RIGHT | {"1a": "no", "1b": "abstain"}))
    assert result.points == pytest.approx(points, rel=1e-12)
    assert verdicts(result)["1a"] == "void"
    assert result.statements[0].points == own
    assert "1 void" in result.explanation


def test_a_void_statement_need_not_be_in_the_key_nor_be_answered(sheet, key):
    sheet = with_void(sheet, "1a")
    shorter = Key(quiz="small", answers={one: entry for one, entry in key.answers.items() if one != "1a"})
    answers = {one: answer for one, answer in ALL_RIGHT.items() if one != "1a"}
    result = mark(sheet, shorter, Answers.of(answers))
    assert (result.points, result.problems) == (12, [])


@pytest.mark.parametrize(("answer", "argument", "flagged"), [
    ("no", "Only where supports overlap.", True), ("no", "", False), ("yes", "It is so.", False),
    ("abstain", "Both can be argued.", False),
])
def test_a_contested_statement_is_flagged_where_an_argument_stands_against_the_key(
    sheet, key, answer, argument, flagged,
):
    answers = Answers(quiz=None, given=(Given(id="1c", answer=answer, argument=argument),))
    result = mark(sheet, key, answers)
    assert [one.id for one in result.statements if one.contested] == (["1c"] if flagged else [])


def test_a_wrong_answer_to_a_statement_that_is_not_contested_is_not_flagged(sheet, key):
    answers = Answers(quiz=None, given=(Given(id="1a", answer="no", argument="I think so."),))
    assert not any(one.contested for one in mark(sheet, key, answers).statements)


def test_a_doubled_answer_stays_unmarked_even_if_both_say_the_same(sheet, key):
    answers = Answers(quiz=None, given=tuple(
        Given(id=one, answer=answer) for one, answer in [*ALL_RIGHT.items(), ("1A", "yes")]
    ))
    result = mark(sheet, key, answers)
    assert verdicts(result)["1a"] == "unmarked"
    assert result.points == 10
    assert result.problems == ["1a is answered 2 times; it stays unmarked, keep one answer"]


def test_answers_in_a_file_that_are_doubled_or_unknown_are_named_with_their_lines(tmp_path, sheet):
    (tmp_path / "answers.yaml").write_text("answers:\n  1a: yes\n  9z: no\n  1A: yes\n  1.a: no\n")
    problems = check_form(sheet, read_answers(tmp_path / "answers.yaml")).problems
    assert problems[0].startswith("answers.yaml, lines 2, 4 and 5: 1a is answered 3 times")
    assert problems[1].startswith("not on the sheet, so ignored: 9z, line 3 (")


def test_an_unreadable_answer_costs_as_little_as_abstaining(sheet, key):
    unreadable = Given(id="1a", answer=None, problems=("answers.yaml, line 3: 1a is 'maybe'",))
    result = mark(sheet, key, Answers(quiz=None, given=(unreadable,)))
    assert result.statements[0].points == 0
    assert result.problems[0] == "answers.yaml, line 3: 1a is 'maybe'"


def test_ids_are_read_as_a_person_reads_them(sheet, key):
    answers = Answers.of({"1A": "yes", " 1.b)": "yes", "1 c": "yes", "2a.": "no", "2-b": "no", "(2c)": "no"})
    result = mark(sheet, key, answers)
    assert (result.points, result.problems) == (12, [])


def test_answers_to_unknown_statements_are_listed_and_change_nothing(sheet, key):
    many = {f"9{number}\x1b": "yes" for number in range(100)}
    result = mark(sheet, key, Answers.of(ALL_RIGHT | many))
    assert result.points == 12
    assert len(result.problems) == 1
    assert "not on the sheet, so ignored: 90?, 91?" in result.problems[0]
    assert "and 70 more" in result.problems[0]


# --- without the key


def test_a_missing_key_checks_only_the_form(sheet):
    result = check_form(sheet, Answers.of({"1a": "yes", "1b": "abstain", "7x": "no"}))
    assert result.outcome is Outcome.NEEDS_PERSON
    assert result.points is None
    assert verdicts(result) == dict.fromkeys(ALL_RIGHT, "missing") | {"1a": "unmarked", "1b": "abstained"}
    assert [one.key for one in result.statements] == [None] * 6
    assert [one.points for one in result.statements] == [None] * 6
    assert [problem.split(":")[0] for problem in result.problems] == [
        "not on the sheet, so ignored", "not answered, which counts as abstaining",
    ]


ANSWERS = """\
quiz: small
answers:
  1a: yes
  1b: {answer: no, argument: "one\\n\\ntwo\\n\\nthree"}
  1c: {answer: no, argument: A good one.}
  2a: perhaps
  2b: no
  2b: yes
  9z: yes
"""


def test_nothing_that_a_student_gets_depends_on_the_key(tmp_path, sheet, key):
    opposite = Key(quiz="small", answers={
        one: KeyEntry(
            answer="no" if entry.answer == "yes" else "yes", why="Else.", contested=not entry.contested,
        ) for one, entry in key.answers.items()
    })
    path, own = tmp_path / "answers.yaml", Course(tmp_path)
    own.keys.mkdir(parents=True)
    path.write_text(ANSWERS)
    (own.sheets / "small.yaml").write_text(sheet.model_dump_json())
    shown = {check_file(path, course=own, with_key=False).model_dump_json()}
    handed_in = {theory(path, sheet=sheet, key=None).model_dump_json()}
    marked = set()
    for other in (key, opposite):
        (own.keys / "small.yaml").write_text(other.model_dump_json())
        shown.add(check_file(path, course=own, with_key=False).model_dump_json())
        handed_in.add(theory(path, sheet=load_sheet(own, "small"), key=None).model_dump_json())
        marked.add(check_file(path, course=own, with_key=True).model_dump_json())
    assert (len(shown), len(handed_in)) == (1, 1)
    assert len(marked) == 2     # the keys do differ on these answers, so the line above could have failed


def test_the_form_is_judged_the_same_with_and_without_the_key(tmp_path, sheet, key):
    (tmp_path / "answers.yaml").write_text(ANSWERS)
    with_key, without = (theory(tmp_path / "answers.yaml", sheet=sheet, key=one) for one in (key, None))
    assert with_key.problems == without.problems
    assert len(without.problems) == 5


# --- files of a hand-in


@pytest.mark.parametrize("name", [None, "none.yaml"])
def test_no_file_means_not_handed_in(tmp_path, sheet, key, name):
    result = theory(tmp_path / name if name else None, sheet=sheet, key=key)
    assert result.outcome is Outcome.NOT_HANDED_IN
    assert (result.points, result.max_points) == (None, 12)
    assert "No answers were handed in" in result.explanation


@pytest.mark.parametrize(("text", "words"), [
    ("answers: [", "not valid YAML"),
    ("quiz: other\nanswers: {1a: yes}", "answers to the quiz 'other', but small was asked"),
    ("answers:\n  1a: &a yes\n  1b: *a", "aliases"),
    ("\x00", "answers.yaml"),
    ("nothing", "answers.yaml, line 1"),
])
@pytest.mark.parametrize("with_key", [True, False])
def test_a_file_that_cannot_be_read_is_the_groups_fault(tmp_path, sheet, key, text, words, with_key):
    (tmp_path / "answers.yaml").write_text(text)
    result = theory(tmp_path / "answers.yaml", sheet=sheet, key=key if with_key else None)
    assert result.outcome is Outcome.SUBMISSION_FAULT
    assert result.points is None
    assert words in result.problems[0]
    assert str(tmp_path) not in result.model_dump_json()


def test_a_folder_in_place_of_the_file_is_the_groups_fault(tmp_path, sheet):
    (tmp_path / "answers.yaml").mkdir()
    assert theory(tmp_path / "answers.yaml", sheet=sheet, key=None).outcome is Outcome.SUBMISSION_FAULT


def test_a_key_that_does_not_fit_is_an_error_of_the_staff(tmp_path, sheet):
    (tmp_path / "answers.yaml").write_text(ANSWERS)
    with pytest.raises(UserError, match="has no answer to"):
        theory(tmp_path / "answers.yaml", sheet=sheet, key=Key(quiz="small", answers={}))


# --- a file by itself


def test_a_file_by_itself_says_which_quiz_it_answers(tmp_path, course):
    path = tmp_path / "answers.yaml"
    path.write_text("quiz: summer22\nanswers: {1a: no}\n")
    assert check_file(path, course=course, with_key=True).points == pytest.approx(20 / 19)
    assert check_file(path, course=course, with_key=False).points is None
    path.write_text("answers: {1a: no}\n")
    with pytest.raises(UserError, match=r"add a line `quiz: \.\.\.` \(summer22, summer23\)"):
        check_file(path, course=course, with_key=True)
    path.write_text("quiz: summer21\nanswers: {1a: no}\n")
    with pytest.raises(UserError, match="there is no quiz 'summer21'"):
        check_file(path, course=course, with_key=True)

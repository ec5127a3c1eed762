"""Reading what a group answered."""

from __future__ import annotations

import pytest

from harness.errors import UserError
from harness.quiz import Answers, read_answers, template


@pytest.fixture
def read(tmp_path):
    def reader(text: str) -> Answers:
        (tmp_path / "answers.yaml").write_text(text, encoding="utf-8")
        return read_answers(tmp_path / "answers.yaml")

    return reader


def pairs(answers: Answers) -> list[tuple[str, str | None]]:
    return [(one.id, one.answer) for one in answers.given]


def test_bare_and_quoted_words_of_all_kinds_are_read(read):
    answers = read("""\
quiz: summer23
answers:
  1a: yes
  1b: {answer: no, argument: the ELBO}
  1c: 'Yes'
  1d: TRUE
  2a: abstain
  2b: JA
  2c: Nein
  2d: n
  3a:
  3b: "-"
  3c: off
""")
    assert answers.quiz == "summer23"
    assert pairs(answers) == [
        ("1a", "yes"), ("1b", "no"), ("1c", "yes"), ("1d", "yes"), ("2a", "abstain"), ("2b", "yes"),
        ("2c", "no"), ("2d", "no"), ("3a", "abstain"), ("3b", "abstain"), ("3c", None),
    ]
    assert answers.given[1].argument == "the ELBO"


@pytest.mark.parametrize(("entry", "words"), [
    ("maybe", "answers.yaml, line 2: 1a is 'maybe'; it stays unmarked; write yes, no or abstain"),
    ("1", "line 2: 1a is '1'"),
    ("[yes, no]", "line 2: 1a has a list"),
    ("{answer: yes, answer: no}", "line 2: 1a has 2 answers (line 2); it stays unmarked"),
    ("unclear", "line 2: 1a is still unclear; it stays unmarked until a person writes"),
    ("{answer: unclear, argument: x}", "line 2: 1a is still unclear"),
    ("{answer: [yes]}", "line 2: 1a has a list or fields"),
    ("{argument: because}", "line 2: 1a has no field `answer`"),
    ("{anwser: yes}", "the field 'anwser' is ignored"),
])
def test_an_unreadable_answer_is_left_unmarked_with_the_reason_and_the_others_stand(read, entry, words):
    answers = read(f"answers:\n  1a: {entry}\n  1b: no\n")
    assert pairs(answers) == [("1a", None), ("1b", "no")]
    assert any(words in problem for problem in answers.given[0].problems), answers.given[0].problems


@pytest.mark.parametrize(("argument", "lines"), [
    ("short", 0), ("one\n\ntwo\n", 0), ("a" * 400, 0), ("one\ntwo\nthree", 3), ("a" * 401, 3),
    ("a" * 201 + "\nb", 3),
])
def test_an_argument_has_at_most_two_lines_however_they_are_broken(read, argument, lines):
    block = "".join(f"      {line}\n" for line in argument.split("\n"))
    given = read(f"answers:\n  1a:\n    answer: yes\n    argument: |\n{block}").given[0]
    assert given.answer == "yes"
    assert given.argument == argument.strip()
    assert len(given.problems) == (lines > 0)
    assert all(f"takes {lines} lines; shorten it to 2 lines" in problem for problem in given.problems)


def test_control_characters_in_an_argument_become_visible(read):
    argument = read('answers:\n  1a: {answer: yes, argument: "a\\e[31m\\u202Eb"}').given[0].argument
    assert argument == "a\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}b"


def test_ids_that_look_like_numbers_keep_their_digits(read):
    assert pairs(read("answers: {1.10: yes, 1.1: no}")) == [("1.10", "yes"), ("1.1", "no")]


def test_doubled_answers_are_kept_with_their_lines_for_the_marking_to_judge(read):
    answers = read("answers:\n  1a: yes\n\n  1a: no\n")
    assert pairs(answers) == [("1a", "yes"), ("1a", "no")]
    assert [one.line for one in answers.given] == [2, 4]
    fields = read("answers:\n  1a:\n    answer: yes\n    answer: no\n").given[0]
    assert "1a has 2 answers (lines 3 and 4)" in fields.problems[0]


def test_no_answers_at_all_are_an_empty_file_of_answers(read):
    assert read("quiz: small\nanswers:\n").given == ()


@pytest.mark.parametrize(("text", "words"), [
    ("", "the document is empty"),
    ("- 1a: yes", "answers.yaml, line 1: write `quiz: ...` and `answers:`"),
    ("quiz: small", "the field `answers` is missing"),
    ("answers: yes", "below `answers:` write lines"),
    ("answers: [1a, 1b]", "below `answers:` write lines"),
    ("quiz: [a]\nanswers: {}", "line 1: quiz must be the name"),
    ("answers: {}\nanswers: {}", "line 2: 'answers' stands here a second time (first in line 1)"),
    ("answers:\n  1a: &x yes\n  1b: *x", "aliases"),
    ("answers:\n  1a: !!python/name:os.system ''", "tags"),
    ("answers:\n  1a: -", 'a lone "-" starts a list: quote it'),
    ("answers:\n  [1a]: yes", "line 2: a list or fields stand here for a name"),
    ("answers:\n" + "".join(f"  s{number}: yes\n" for number in range(10_000)), "10,000 answers"),
])
def test_a_file_that_is_no_answer_file_is_refused_in_words(read, text, words):
    with pytest.raises(UserError, match=r"answers\.yaml") as caught:
        read(text)
    assert words in str(caught.value)


def test_a_field_that_is_not_known_is_said_and_ignored(read):
    answers = read("group: x\nanswers: {1a: yes}")
    assert pairs(answers) == [("1a", "yes")]
    assert "line 1: 'group' is not a field" in answers.problems[0]


def test_the_template_reads_back_as_a_sheet_left_empty(read, sheet):
    answers = read(template(sheet))
    assert answers.quiz == sheet.quiz
    assert pairs(answers) == [(one.id, "abstain") for one in sheet.statements]

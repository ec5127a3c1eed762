"""What typed words say, and what they leave open."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.course import find_course
from harness.errors import Rejected
from harness.quiz import load_sheet, read_file
from harness.quiz.reading.typed import read_typed


@pytest.fixture
def sheet_22():
    return load_sheet(find_course(), "summer22")


def typed(text: str):
    lines = [(word, number) for number, line in enumerate(text.split("\n")) for word in line.split()]
    return read_typed([word for word, _ in lines], [number for _, number in lines])


@pytest.mark.parametrize(("text", "answer", "argument"), [
    ("-> YES", "yes", ""),
    ("→ no, the ELBO", "no", "the ELBO"),
    ("NO, but the ELBO", "no", "but the ELBO"),
    ("NO the ELBO is maximised", "no", "the ELBO is maximised"),
    ("No.", "no", ""),
    ("(YES)", "yes", ""),
    ("Answer: yes", "yes", ""),
    ("Antwort: NEIN, weil es keinen gibt", "no", "weil es keinen gibt"),
    ("=> true; see the lecture", "yes", "see the lecture"),
    ("yes - there is no discriminator", "yes", "there is no discriminator"),
    ("the reason is long -> NO", "no", ""),
    ("the reason is long\nYES", "yes", ""),
    ("- n.", "no", ""),
    ("abstain", "abstain", ""),
])
def test_clear_answers(text, answer, argument):
    found = typed(text)
    assert (found.answer, found.argument, found.unclear) == (answer, argument, "")


@pytest.mark.parametrize("text", [
    "YES NO", "yes / no", "-> YES -> NO", "YES, sorry, no", "YES\nNO", "~~YES~~ NO", "yes?", "yes ?",
    "yes, actually no",
    "YES because it is so. NO",
])
def test_answers_that_contradict_or_ask_are_unclear(text):
    found = typed(text)
    assert found.answer is None
    assert found.unclear


@pytest.mark.parametrize("text", [
    "", "no discriminator is there", "true posteriors are intractable", "maybe yes", "probably no",
    "not true posteriors", "not wrong",
    "false positives matter here", "we do not know", "yesterday", "nothing", "n is the number of images", "never YES",
])
def test_what_is_no_answer_is_not_taken_for_one(text):
    assert typed(text).answer is None


@given(st.lists(st.sampled_from(["the", "VAE", "has", "a", "latent", "code,", "which", "is", "normal."]), max_size=30))
def test_prose_without_such_words_is_no_answer(words):
    found = read_typed(words, [0] * len(words))
    assert (found.answer, found.at) == (None, -1)


def test_an_answer_in_front_of_a_number_is_never_taken_for_the_statement_before_it(tmp_path, sheet_22):
    lines = [f"{'YES' if place % 2 else 'NO'} - {one.id} {one.text}" for place, one in enumerate(sheet_22.statements)]
    path = tmp_path / "answers.txt"
    path.write_text("\n".join(lines))
    given = {one.id: "yes" if place % 2 else "no" for place, one in enumerate(sheet_22.statements)}
    for reading in read_file(path, sheet_22).readings:
        assert reading.answer in {None, given[reading.id]}, reading


def test_a_file_that_names_another_quiz_is_refused(tmp_path, sheet_22):
    path = tmp_path / "answers.txt"
    path.write_text("quiz: summer99\n1a: yes\n")
    with pytest.raises(Rejected, match="answers the quiz summer99, not summer22"):
        read_file(path, sheet_22)


def test_a_correction_that_stands_apart_leaves_what_it_names_open(tmp_path, sheet_22):
    lines = [f"{one.id} {one.text} -> YES" for one in sheet_22.statements]
    path = tmp_path / "answers.txt"
    path.write_text("\n".join([*lines, "", "Corrected: 1b no, 1c no"]))
    readings = {one.id: one for one in read_file(path, sheet_22).readings}
    assert {one.status for name, one in readings.items() if name in {"1b", "1c"}} == {"unclear"}
    assert {one.answer for name, one in readings.items() if name not in {"1b", "1c"}} == {"yes"}

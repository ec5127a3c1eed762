"""Many ways to write an answer: what any person reads one way is read, the rest is left open with what stands there."""

from __future__ import annotations

import pytest

from harness.quiz import Sheet, as_yaml, load_sheet, read_answers, read_file


@pytest.fixture(scope="module")
def sheet(course) -> Sheet:
    return load_sheet(course, "summer22")


@pytest.fixture
def read(sheet, tmp_path):
    def reader(text: str):
        path = tmp_path / "answers.txt"
        path.write_text(text)
        return {one.id: one for one in read_file(path, sheet).readings}

    return reader


def answers(found) -> dict[str, str]:
    return {one.id: one.answer for one in found.values() if one.answer is not None}


def statement(sheet: Sheet, identifier: str) -> str:
    return next(one.text for one in sheet.statements if one.id == identifier)


@pytest.mark.parametrize(("yes", "no"), [
    ("right", "wrong"), ("correct", "incorrect"), ("Right, since", "Wrong, since"), ("t", "f"), ("R", "F"),
    ("richtig", "falsch"), ("stimmt", "stimmt nicht"), ("trifft zu", "trifft nicht zu"), ("true", "not true"),
    ("agree", "disagree"), ("✓", "✗"), ("☑", "☒"), ("✅", "❌"), ("✔️", "✖️"), ("(x) yes ( ) no", "( ) yes (x) no"),
    ("This is true.", "That is wrong."), ("Die Aussage ist richtig.", "Das ist falsch."),
    ("Lösung: ja", "Lösung: nein"),
])
@pytest.mark.parametrize("form", ["{id}: {said}", "{id}) {text}\n{said}\n", "{id}) {text} -> {said}"])
def test_wordings_of_two_languages_are_read(yes, no, form, sheet, read):
    given = {one.id: "yes" if place % 3 else "no" for place, one in enumerate(sheet.statements)}
    lines = [form.format(id=one.id, text=one.text, said=yes if given[one.id] == "yes" else no)
             for one in sheet.statements]
    assert answers(read("\n".join(lines))) == given


@pytest.mark.parametrize("text", [
    "1a=yes\n1b=no\n1c=abstain", "1a = yes\n1b = no\n1c = abstain", "1a-yes\n1b-no\n1c-abstain",
    "1a->yes\n1b->no\n1c->abstain", "1a;yes;because\n1b;no;\n1c;abstain;", "[1a] [yes]\n[1b] [no]\n[1c] [abstain]",
    "Q1a: yes\nQ1b: no\nQ1c: abstain", "Statement 1a is true\nStatement 1b is not true\nStatement 1c: keine Angabe",
    "1a: ja\n1b: nein\n1c: k. A.", "Nr. 1a: ja\nNr. 1b: nein\nNr. 1c: Enthaltung", "1a yes, 1b no, 1c abstain",
    "1a: yes 1b: no 1c: abstain", "1a) y 1b) n 1c) skip", "1a (yes) 1b (no) 1c (abstain)",
    "1a yes      1b no      1c skip",
    "1: a) y b) n c) skip", "Question 1: a) yes, b) no, c) abstain", "1. a: yes; b: no; c: abstain",
    "1: a yes, b no, c skip", "Question 1\na = yes\nb = no\nc = skip", "1.1: Yes.\n1.2: No.\n1.3: Abstain.",
    "1.1 yes 1.2 no 1.3 abstain", "1a. Yes. 1b. No. 1c. Abstain.",
])
def test_short_lists_of_any_form_are_read(text, read):
    assert answers(read(text)) == {"1a": "yes", "1b": "no", "1c": "abstain"}


def test_letters_belong_to_the_question_that_their_line_names(read):
    found = read("1: a) y b) n\n2: a) n b) y\nQuestion 3: a) yes, b) no")
    assert answers(found) == {"1a": "yes", "1b": "no", "2a": "no", "2b": "yes", "3a": "yes", "3b": "no"}


@pytest.mark.parametrize("said", [
    "w", "+", "0", "not", "not wrong", "nicht falsch", "partly true", "maybe yes", "eher ja", "we say yes",
    "yes and no", "yes or no",
    "yes/no", "yes / no", "it depends", "x", "✗", "☒", "No. 5 is missing", "no, sorry, yes", "no idea",
    "Ja, das stimmt nicht so ganz", "<del>yes</del> no", "t, the time", "n, the number of images", "the y, which",
])
@pytest.mark.parametrize("form", ["1a: {said}", "1a) {text}\n{said}"])
def test_what_may_be_read_two_ways_is_left_open_with_what_stands_there(said, form, sheet, read):
    found = read(form.format(said=said, text=statement(sheet, "1a")) + "\n\n1b: yes\n")["1a"]
    assert found.answer is None
    if form.startswith("1a:"):
        assert found.status == "unclear"
        assert said.split()[0].strip(",") in found.reason or said.split("/")[0] in found.reason


@pytest.mark.parametrize("text", [
    "Question 1\na true posterior is intractable\nb no one knows",
    "Question 1\na) y is the label\nb) n, the number of images\nc) f: decoder",
    "1a True to its name, the VAE\n2 No results", "1a not true posteriors\n1b right now we train",
    "1a-1d: no\n2a-c yes", "1a and 1b: yes", "1a/1b: yes", "1a    ✓\n1b        ✓", "- [x] 1a\n- [ ] 1b",
    "Our VAE\n1.1 No free lunch\n1.2 Yes\n1.3 Right\nWe train with x and t.\nMore text.\nAnd more.",
])
def test_false_friends_are_no_answers(text, read):
    assert answers(read(text)) == {}


@pytest.mark.parametrize(("text", "right"), [
    ("yes 1a, no 1b, yes 1c, no 1d", {"1a": "yes", "1b": "no", "1c": "yes", "1d": "no"}),
    ("1a yes, 1b no, 1c\nyes, 1d\nno", {"1a": "yes", "1b": "no", "1c": "yes", "1d": "no"}),
    ("yes: 1a, 1c\nno: 1b, 1d", {"1a": "yes", "1b": "no", "1c": "yes", "1d": "no"}),
    ("True:\n1a\n1b\nFalse:\n1c\n1d", {"1a": "yes", "1b": "yes", "1c": "no", "1d": "no"}),
    ("yes\n1a\n1b\nno\n1c\n1d", {"1a": "yes", "1b": "yes", "1c": "no", "1d": "no"}),
    ("1a no      1b      1c yes", {"1a": "no", "1c": "yes"}),
])
def test_answers_in_front_of_numbers_are_read_rightly_or_not_at_all(text, right, read):
    found = read(text)
    assert set(answers(found).items()) <= set(right.items())
    assert {found[one].status for one in right} <= {"read", "unclear"}


def test_words_at_the_end_of_a_reworded_statement_are_not_its_answer(read):
    found = read("5b Once a GAN has reached its equilibrium, the discriminator classifies all images right.\n\n1a: yes")
    assert found["5b"].status == "unclear"


def test_a_question_about_the_truth_of_a_statement_is_no_answer(sheet, read):
    found = read(f"1a Is it true that {statement(sheet, '1a')[:-1]}?\n1b True: {statement(sheet, '1b')}")
    assert (found["1a"].answer, found["1b"].answer) == (None, "yes")


@pytest.mark.parametrize(("said", "answer", "argument"), [
    ("yes, no discriminator is used", "yes", "no discriminator is used"),
    ("no - right now there is none", "no", "right now there is none"),
    ("yes (no reason is needed, it is true)", "yes", "(no reason is needed, it is true)"),
    ("Answer: yes\nArgument: No, it is the right one", "yes", "No, it is the right one"),
])
def test_words_like_answers_may_stand_in_arguments(said, answer, argument, sheet, read):
    found = read(f"1a) {statement(sheet, '1a')}\n{said}\n")["1a"]
    assert (found.answer, found.argument) == (answer, argument)


@pytest.mark.parametrize("text", [
    "yes no yes no yes no yes no yes no yes", "yes, no, yes, no, yes, no, yes, no, yes, no",
    "\n".join(["yes", "no"] * 9),
    "\n".join(f"{number}. yes" for number in range(1, 20)), "1: yes no yes no\n2: yes no yes no\n3: yes yes no\n",
])
def test_answers_without_numbers_are_not_guessed(text, read):
    found = read(text)
    assert {one.status for one in found.values()} == {"unclear"}
    assert "write them as `1a: yes`" in found["5d"].reason
    assert found["5d"].evidence


def test_numbers_that_may_be_those_of_sections_are_named(read):
    found = read("Our model is a VAE.\nWe like it.\n1.1 Yes, it works\n1.2 Architecture\nText.\nMore text.\n")
    assert (found["1a"].status, found["1b"].status) == ("unclear", "not found")
    assert "1.1 may be its number, or that of a section; write 1a" in found["1a"].reason


def test_a_blank_answer_names_its_own_line(sheet, tmp_path):
    lines = ["Group 7", ""]
    lines += [f"{one.id}) {one.text}{'' if one.id == '2b' else ' -> yes'}" for one in sheet.statements]
    path = tmp_path / "answers.txt"
    path.write_text("\n".join(lines))
    readings = read_file(path, sheet)
    blank = next(one for one in readings.readings if one.id == "2b")
    number = next(place for place, line in enumerate(lines, 1) if line.startswith("2b"))
    assert (blank.status, readings.where(blank)) == ("blank", f"line {number}")


def test_what_is_left_open_stands_in_the_answer_file_with_its_place(sheet, tmp_path):
    path = tmp_path / "hand-in.txt"
    path.write_text("1a: yes\n1b: partly true\n")
    written = as_yaml(read_file(path, sheet), sheet)
    (tmp_path / "answers.yaml").write_text(written)
    assert "1b: unclear      # (!) line 2, typed: its number stands here" in written
    assert {one.id: one.answer for one in read_answers(tmp_path / "answers.yaml").given} == {"1a": "yes", "1b": None}

"""Laws of marking, over every scheme that a sheet may have."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from harness.quiz import Answers, Given, Key, KeyEntry, Question, Scheme, Sheet, Statement, mark
from harness.quiz.marking import exact_points

weights = st.fractions(min_value=Fraction(1, 12), max_value=5, max_denominator=12)
schemes = st.builds(
    Scheme, right=weights, wrong=st.just(Fraction(0)) | weights.map(lambda weight: -weight),
    floor=st.sampled_from(["question", "sheet", "none"]), void=st.sampled_from(["excluded", "point"]),
)
words = st.sampled_from(["yes", "no", "abstain"])


@st.composite
def papers(draw, *, voids: bool = False):
    """A sheet with its key and an answer to each statement."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    scheme, points = draw(schemes), draw(weights) * 4
    questions = []
    for number, size in enumerate(sizes, start=1):
        statements = tuple(
            Statement(id=f"{number}{letter}", text="A statement.", void=voids and draw(st.booleans()))
            for letter in "abcd"[:size]
        )
        questions.append(Question(id=str(number), title="A question", statements=statements))
    if all(one.void for question in questions for one in question.statements):
        extra = Statement(id="9a", text="A statement that counts.")
        questions.append(Question(id="9", title="Another question", statements=(extra,)))
    sheet = Sheet(quiz="laws", title="Laws", points=points, scheme=scheme, questions=tuple(questions))
    ids = [one.id for one in sheet.statements]
    key = {one: draw(st.sampled_from(["yes", "no"])) for one in ids}
    entries = {one: KeyEntry(answer=answer, why="So.") for one, answer in key.items()}
    return sheet, Key(quiz="laws", answers=entries), {one: draw(words) for one in ids}


def points(sheet, key, answers) -> Fraction:
    result = mark(sheet, key, Answers.of(answers))
    exact = exact_points(sheet, {one.id: one.verdict for one in result.statements})
    assert result.points == float(exact)
    return exact


@given(papers(voids=True))
def test_all_right_gives_full_points(paper):
    sheet, key, _ = paper
    assert points(sheet, key, {one: entry.answer for one, entry in key.answers.items()}) == sheet.points


@given(papers())
def test_abstaining_everywhere_gives_nothing_and_so_does_an_empty_file(paper):
    sheet, key, answers = paper
    assert points(sheet, key, dict.fromkeys(answers, "abstain")) == points(sheet, key, {}) == 0


@given(papers(voids=True), st.data())
def test_changing_a_wrong_answer_to_abstain_never_loses(paper, data):
    sheet, key, answers = paper
    one = data.draw(st.sampled_from(sorted(answers)))
    wrong = answers | {one: "no" if key.answers[one].answer == "yes" else "yes"}
    assert points(sheet, key, answers | {one: "abstain"}) >= points(sheet, key, wrong)


@given(papers(voids=True), st.data())
def test_changing_any_answer_to_the_right_one_never_loses(paper, data):
    sheet, key, answers = paper
    one = data.draw(st.sampled_from(sorted(answers)))
    assert points(sheet, key, answers | {one: key.answers[one].answer}) >= points(sheet, key, answers)


@given(papers(voids=True), st.randoms(use_true_random=False))
def test_the_order_of_answers_never_matters(paper, random):
    sheet, key, answers = paper
    shuffled = dict(random.sample(sorted(answers.items()), len(answers)))
    assert mark(sheet, key, Answers.of(shuffled)) == mark(sheet, key, Answers.of(answers))


@given(papers(voids=True))
def test_points_lie_between_nothing_and_the_points_of_the_sheet_where_there_is_a_floor(paper):
    sheet, key, answers = paper
    result = points(sheet, key, answers)
    assert result <= sheet.points
    assert sheet.scheme.floor == "none" or result >= 0


@given(papers())
def test_points_do_not_depend_on_the_unit_of_the_weights(paper):
    sheet, key, answers = paper
    scheme = sheet.scheme
    doubled = scheme.model_copy(update={"right": 2 * scheme.right, "wrong": 2 * scheme.wrong})
    assert points(sheet.model_copy(update={"scheme": doubled}), key, answers) == points(sheet, key, answers)


@given(papers())
def test_an_independent_count_gives_the_same_points(paper):
    sheet, key, answers = paper
    scheme, total = sheet.scheme, Fraction(0)
    for question in sheet.questions:
        own = [(answers[one.id], key.answers[one.id].answer) for one in question.statements]
        right = sum(1 for answer, true in own if answer == true)
        wrong = sum(1 for answer, true in own if answer not in {true, "abstain"})
        raw = right * scheme.right + wrong * scheme.wrong
        total += raw if scheme.floor != "question" or raw > 0 else 0
    if scheme.floor == "sheet" and total < 0:
        total = Fraction(0)
    assert points(sheet, key, answers) == total / (len(answers) * scheme.right) * sheet.points


@given(papers(voids=True))
def test_abstaining_gives_what_void_statements_give_to_everyone_and_nothing_more(paper):
    sheet, key, answers = paper
    void = sum(one.void for one in sheet.statements)
    given_away = sheet.points * void / len(answers) if sheet.scheme.void == "point" else 0
    assert points(sheet, key, dict.fromkeys(answers, "abstain")) == given_away


@given(papers(voids=True), st.randoms(use_true_random=False))
def test_the_order_of_questions_and_statements_never_matters(paper, random):
    sheet, key, answers = paper
    shuffled = sheet.model_copy(update={"questions": tuple(
        question.model_copy(update={"statements": tuple(random.sample(question.statements, len(question.statements)))})
        for question in random.sample(sheet.questions, len(sheet.questions)))})
    assert points(shuffled, key, answers) == points(sheet, key, answers)


@given(papers(voids=True), st.fractions(min_value=Fraction(1, 9), max_value=9, max_denominator=9))
def test_points_grow_with_those_of_the_sheet(paper, factor):
    sheet, key, answers = paper
    larger = sheet.model_copy(update={"points": factor * sheet.points})
    assert points(larger, key, answers) == factor * points(sheet, key, answers)


@given(papers(voids=True))
def test_a_floor_never_costs_points_and_one_for_each_question_gives_most(paper):
    sheet, key, answers = paper
    none, whole, each = (
        points(sheet.model_copy(update={"scheme": sheet.scheme.model_copy(update={"floor": floor})}), key, answers)
        for floor in ("none", "sheet", "question"))
    assert none <= whole <= each


@given(papers(), st.data())
def test_an_unreadable_or_doubled_answer_is_worth_as_much_as_abstaining(paper, data):
    sheet, key, answers = paper
    one = data.draw(st.sampled_from(sorted(answers)))
    rest = [Given(id=id_, answer=answer) for id_, answer in answers.items() if id_ != one]
    unreadable = mark(sheet, key, Answers(quiz=None, given=(*rest, Given(id=one, answer=None))))
    doubled = mark(sheet, key, Answers(quiz=None, given=(*rest, *[Given(id=one, answer="yes")] * 2)))
    left_out = mark(sheet, key, Answers.of(answers | {one: "abstain"}))
    assert unreadable.points == doubled.points == left_out.points


@given(papers(voids=True), st.data())
def test_what_is_flagged_as_contested_differs_from_a_contested_key_and_is_argued(paper, data):
    sheet, key, answers = paper
    contested = data.draw(st.sets(st.sampled_from(sorted(answers))))
    argued = data.draw(st.sets(st.sampled_from(sorted(answers))))
    open_key = key.model_copy(update={"answers": {
        one: entry.model_copy(update={"contested": one in contested}) for one, entry in key.answers.items()}})
    result = mark(sheet, open_key, Answers(quiz=None, given=tuple(
        Given(id=one, answer=answer, argument="So." if one in argued else "") for one, answer in answers.items())))
    void = {one.id for one in sheet.statements if one.void}
    other = {one for one, answer in answers.items() if answer not in {"abstain", key.answers[one].answer}}
    assert {one.id for one in result.statements if one.contested} == (contested & argued & other) - void

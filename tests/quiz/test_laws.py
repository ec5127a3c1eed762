"""Laws of marking, over every scheme that a sheet may have."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from harness.quiz import Answers, Key, KeyEntry, Question, Scheme, Sheet, Statement, mark
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

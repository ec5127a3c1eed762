"""What is said about a class as a whole."""

from __future__ import annotations

import numpy as np
import pytest

from harness.course import Course
from harness.errors import UserError
from harness.quiz import Answers, Given, Key, KeyEntry, Question, Sheet, Statement, load_key, mark
from harness.quiz.cohort import statistics
from harness.quiz.collect import collect
from harness.quiz.statistics import ABSTAINED, RIGHT, WRONG

IDS = [f"{question}{letter}" for question in range(1, 6) for letter in "abcd"]


def given(verdicts, key):
    """Answers that get these verdicts by this key."""
    other = {"yes": "no", "no": "yes"}
    return {
        one: {RIGHT: key[one], WRONG: other[key[one]], ABSTAINED: "abstain"}[verdict]
        for one, verdict in zip(IDS, verdicts.tolist(), strict=True)}


@pytest.fixture(scope="module")
def paper():
    sheet = Sheet(quiz="big", title="Big", points=20, questions=tuple(
        Question(id=str(question), title="Q", statements=tuple(
            Statement(id=f"{question}{letter}", text=f"Statement {question}{letter}.") for letter in "abcd"))
        for question in range(1, 6)))
    truth = {one: "yes" if place % 2 else "no" for place, one in enumerate(IDS)}
    return sheet, truth


def key_of(truth, **wrong):
    return Key(quiz="big", answers={
        one: KeyEntry(answer=answer, why="So.", contested=one == "1b") for one, answer in (truth | wrong).items()})


def marked(sheet, key, sheets):
    return {f"group{place}": mark(sheet, key, Answers.of(answers)) for place, answers in enumerate(sheets)}


def test_right_wrong_and_abstained_are_counted_apart(sheet, key):
    found = statistics(marked(sheet, key, [
        {"1a": "yes", "1b": "no"}, {"1a": "yes", "1b": "abstain"}, {"1a": "no"}, {"1a": "yes"}]))
    first, second = found.statements[:2]
    assert [(one.count, one.of) for one in (first.right, first.wrong, first.abstained)] == [(3, 4), (1, 4), (0, 4)]
    assert [one.count for one in (second.right, second.wrong, second.abstained)] == [0, 1, 3]
    assert (second.facility.count, second.facility.of) == (0, 1)    # those who left it out are no error
    assert found.statements[2].facility.of == 0
    assert found.statements[2].facility.value is None


def test_points_are_those_of_the_marking(sheet, key):
    results = marked(sheet, key, [{"1a": "yes"}, {"1a": "yes", "1b": "yes"}, {"1a": "no"}])
    found = statistics(results)
    assert (found.mean_points, found.median_points, found.max_points) == (2, 2, 12)


def test_void_statements_are_counted_nowhere(sheet, key):
    voided = sheet.model_copy(update={"questions": tuple(
        one.model_copy(update={"statements": tuple(
            statement.model_copy(update={"void": statement.id == "1a"}) for statement in one.statements)})
        for one in sheet.questions)})
    found = statistics(marked(voided, key, [{"1a": "yes", "1b": "no"}]))
    assert found.void == ("1a",)
    assert [one.id for one in found.statements] == ["1b", "1c", "2a", "2b", "2c"]


def test_a_sheet_on_which_every_statement_is_void_has_no_statistics_and_no_fault(sheet, key):
    scheme = sheet.scheme.model_copy(update={"void": "point"})
    voided = sheet.model_copy(update={"scheme": scheme, "questions": tuple(
        one.model_copy(update={"statements": tuple(
            statement.model_copy(update={"void": True}) for statement in one.statements)})
        for one in sheet.questions)})
    found = statistics(marked(voided, key, [{"1a": "yes"}, {"1a": "yes"}]))
    assert (found.statements, found.same_patterns, found.near_patterns, found.mean_points) == ((), (), (), 12)


def test_arguments_for_the_wrong_answer_are_listed_the_most_frequent_first(sheet, key):
    def answers(answer, argument):
        return mark(sheet, key, Answers(quiz=None, given=(Given(id="1c", answer=answer, argument=argument),)))

    found = statistics({
        "a": answers("no", "The ELBO."), "b": answers("no", "Something else"), "c": answers("no", "Another thing"),
        "d": answers("no", "another  Thing!"), "e": answers("yes", "It is right."), "f": answers("no", "")})
    third = found.statements[2]
    assert [(one.text, one.groups) for one in third.arguments] == [
        ("Another thing", ("c", "d")), ("The ELBO.", ("a",)), ("Something else", ("b",))]
    assert third.contested == 4


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_the_smallest_classes_get_intervals_and_no_verdicts(sheet, key, groups):
    found = statistics(marked(sheet, key, [{"1a": "yes"}] * groups))
    assert found.kr20 is None
    assert found.key_doubts == ()
    assert all(one.discrimination is None for one in found.statements)
    low, high = found.statements[0].right.interval
    assert low <= 1 <= high
    assert high - low > 0.6


def test_empty_sheets_are_not_called_copies(sheet, key):
    assert statistics(marked(sheet, key, [{}, {}, {"1a": "yes"}])).same_patterns == ()


def test_answers_that_differ_in_one_statement_are_listed_with_it_and_what_is_wrong_in_both(paper, cohorts):
    sheet, truth = paper
    verdicts = cohorts.draw(20, np.random.default_rng(1))
    verdicts[0] = [WRONG, RIGHT] * 10
    verdicts[1] = verdicts[0]
    verdicts[1, 5] = ABSTAINED
    found = statistics(marked(sheet, key_of(truth), [given(one, truth) for one in verdicts]))
    first = found.near_patterns[0]
    assert (first.groups, first.others, first.apart, first.alike_wrong) == (("group0",), ("group1",), ("2b",), 10)
    assert first.in_class < 0.001
    assert all(one.in_class < 1 for one in found.near_patterns)


def test_the_order_of_groups_changes_nothing_but_their_order(paper, cohorts):
    sheet, truth = paper
    key = key_of(truth)
    results = marked(sheet, key, [given(one, truth) for one in cohorts.draw(12, np.random.default_rng(1))])
    turned = statistics(dict(reversed(results.items())))
    one = statistics(results)
    assert [(a.right, a.wrong, a.abstained, a.facility) for a in one.statements] == [
        (a.right, a.wrong, a.abstained, a.facility) for a in turned.statements]
    assert one.kr20.value == pytest.approx(turned.kr20.value)


# --- keys that look wrong


def test_a_wrong_key_is_found_in_most_classes_of_twenty_and_a_right_one_seldom_doubted(paper, cohorts):
    sheet, truth = paper
    rng = np.random.default_rng(9)
    found = doubted = 0
    classes, wrong = 40, "4d"       # one of the four that tell good groups best
    assert cohorts.SLOPE[IDS.index(wrong)] == 1.6
    for _ in range(classes):
        sheets = [given(one, truth) for one in cohorts.draw(20, rng)]
        key = key_of(truth, **{wrong: "yes" if truth[wrong] == "no" else "no"})
        doubts = [one.id for one in statistics(marked(sheet, key, sheets)).key_doubts]
        found += wrong in doubts
        doubted += len(set(doubts) - {wrong})
    assert found / classes >= 0.7
    assert doubted / (classes * 19) <= 0.06


def test_a_doubt_comes_with_its_evidence(paper, cohorts):
    sheet, truth = paper
    sheets = [given(one, truth) for one in cohorts.draw(60, np.random.default_rng(4))]
    key = key_of(truth, **{"4d": "yes" if truth["4d"] == "no" else "no"})
    found = statistics(marked(sheet, key, sheets))
    doubt = found.key_doubts[0]
    assert (doubt.id, doubt.key) == ("4d", key.answers["4d"].answer)
    assert doubt.better.value > max(doubt.others.value, 0.5)
    assert doubt.discrimination.interval[1] < 0
    assert doubt.by_chance < 0.05


# --- hand-ins as they lie


@pytest.fixture
def own(tmp_path, sheet, key) -> Course:
    own = Course(tmp_path)
    own.keys.mkdir(parents=True)
    (own.sheets / "small.yaml").write_text(sheet.model_dump_json())
    (own.keys / "small.yaml").write_text(key.model_dump_json())
    return own


def hand_in(course, name, answers="quiz: small\nanswers: {1a: yes}\n", manifest=None, file="answers.yaml"):
    folder = course.submissions / name
    folder.mkdir(parents=True)
    if manifest is not None:
        (folder / "submission.yaml").write_text(manifest)
    if answers is not None:
        (folder / file).write_text(answers)
    return folder


MANIFEST = "group: {}\nmembers: [Ada Example]\nassignment: small\nanswers: theory.yaml\n"


def test_folders_with_and_without_a_manifest_and_files_are_read(own):
    paths = [
        hand_in(own, "group1"), hand_in(own, "group2", manifest=MANIFEST.format("group2"), file="theory.yaml"),
        hand_in(own, "group3") / "answers.yaml"]
    extra = own.root / "late.yaml"
    extra.write_text("quiz: small\nanswers: {1a: no}\n")
    collected = collect([*paths, extra], course=own)
    assert list(collected.marked) == ["group1", "group2", "group3", "late"]
    assert [one.points for one in collected.marked.values()] == [2, 2, 2, 0]
    assert (collected.left_out, collected.others) == ({}, {})


@pytest.mark.parametrize(("made", "words"), [
    ({"answers": "answers: ["}, "not valid YAML"),
    ({"answers": None}, "there is no such file"),
    ({"answers": "answers: {1a: yes}"}, "add `quiz: small`"),
    ({"manifest": "group: g\nmembers: [A]\nassignment: small\nmodels: {}\n"}, "neither a model nor answers"),
    ({"manifest": MANIFEST.format("g").replace("theory.yaml", "../../../secret")}, "leads out of your folder"),
    ({"answers": "quiz: small\nanswers:\n  1a: &a yes\n  1b: *a\n"}, "aliases"),
])
def test_a_broken_hand_in_is_left_out_with_the_reason_and_the_others_count(own, made, words):
    collected = collect([hand_in(own, "group1"), hand_in(own, "group2", **made)], course=own)
    assert list(collected.marked) == ["group1"]
    assert words in collected.left_out["group2"]


def test_a_link_out_of_the_folder_is_not_followed(own):
    folder = hand_in(own, "group2", answers=None)
    secret = own.root / "secret.yaml"
    secret.write_text("quiz: small\nanswers: {1a: yes}\n")
    (folder / "answers.yaml").symlink_to(secret)
    collected = collect([hand_in(own, "group1"), folder], course=own)
    assert "leads out of the folder" in collected.left_out["group2"]


def test_two_hand_ins_of_one_name_are_kept_apart(own):
    first, second = hand_in(own, "monday/group1"), hand_in(own, "tuesday/group1")
    assert list(collect([first, second], course=own).marked) == [str(first), str(second)]


def test_answers_to_another_quiz_are_set_aside_and_a_mixture_asks_which(own):
    paths = [hand_in(own, "group1"), hand_in(own, "group2", answers="quiz: old\nanswers: {1a: yes}")]
    with pytest.raises(UserError, match=r"several quizzes: small \(1\), old \(1\); choose one with --quiz"):
        collect(paths, course=own)
    collected = collect(paths, course=own, quiz="small")
    assert (list(collected.marked), collected.others) == (["group1"], {"group2": "old"})


def test_without_a_key_or_without_answers_there_is_nothing_to_say(own):
    (own.keys / "small.yaml").unlink()
    with pytest.raises(UserError, match="there is no key to small"):
        collect([hand_in(own, "group1")], course=own)
    with pytest.raises(UserError, match="no file of answers says which quiz"):
        collect([hand_in(own, "group2", answers="answers: {}")], course=own)
    with pytest.raises(UserError, match="there is no such file or folder"):
        collect([own.root / "nowhere"], course=own)


def test_the_shipped_hand_ins_can_be_counted(course):
    found = collect(sorted(course.submissions.glob("group*")), course=course, quiz="summer23")
    result = statistics(found.marked)
    assert load_key(course, "summer23") is not None
    assert (result.groups, len(result.statements)) == (2, 20)
    assert found.left_out == {}
    assert found.others == {"group1": "summer22", "group2": "summer22"}     # one in YAML, one as a PDF


def test_a_class_that_answers_on_paper_alone_says_its_quiz_in_its_manifests(own):
    manifest = MANIFEST.replace("theory.yaml", "theory.txt")
    folders = [
        hand_in(own, name, "1a: yes\n1b: no\n", manifest.format(name), "theory.txt") for name in ("group1", "group2")]
    collected = collect(folders, course=own)
    assert [one.quiz for one in collected.marked.values()] == ["small", "small"]


def test_answers_on_paper_are_counted_with_the_others(tmp_path):
    from harness.course import find_course
    from harness.quiz.collect import collect

    typed, written, lost = (tmp_path / name for name in ("typed.txt", "written.yaml", "lost.pdf"))
    course = find_course()
    statements = collect([course.submissions / "group3"], course=course).sheet.statements
    typed.write_text("\n".join(f"{one.id} {one.text} -> YES" for one in statements))
    written.write_text("quiz: summer23\nanswers: {1a: yes}\n")
    lost.write_text("no PDF at all")
    found = collect([typed, written, lost], course=course, quiz="summer23")
    assert set(found.marked) == {"typed", "written"}
    assert {one.answer for one in found.marked["typed"].statements} == {"yes"}
    assert "no PDF" in found.left_out["lost"]

"""Identical answers across groups, and how likely they are by chance."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given
from hypothesis import strategies as st

from harness.quiz.patterns import MOST_APART, PRIOR, identical, nearly, probabilities
from harness.quiz.statistics import ABSTAINED, RIGHT, WRONG


@given(st.integers(0, 10_000))
def test_groups_are_the_same_where_a_comparison_of_all_pairs_finds_them_so(seed):
    rng = np.random.default_rng(seed)
    verdicts = rng.integers(0, 3, size=(12, 3)).astype(np.int8)
    pairs = {
        (one, other) for one in range(12) for other in range(one) if (verdicts[one] == verdicts[other]).all()}
    found = {
        (one, other) for same in identical(verdicts) for one in same.groups for other in same.groups if other < one}
    assert found == pairs


def test_probabilities_fit_the_numbers_of_each_group_and_statement(cohorts):
    verdicts = cohorts.draw(30, np.random.default_rng(2))
    expected, seen = probabilities(verdicts), np.eye(3)[verdicts]
    assert expected.sum(axis=2) == pytest.approx(1)
    # the pull towards 0 keeps both sums a little closer to the middle
    assert expected.sum(axis=1) == pytest.approx(seen.sum(axis=1), abs=1)
    assert expected.sum(axis=0) == pytest.approx(seen.sum(axis=0), abs=1)


def test_probabilities_are_those_of_a_general_optimiser(cohorts):
    verdicts = cohorts.draw(6, np.random.default_rng(4))[:, 8:13]
    statements = verdicts.shape[1]
    # one parameter for all groups with the same numbers, as these are all that the model sees of a group
    _, member = np.unique(np.eye(3)[verdicts].sum(axis=1), axis=0, return_inverse=True)[:2]
    member = member.reshape(-1)
    kinds = member.max() + 1

    def spread(flat):
        return flat[:kinds * 3].reshape(kinds, 3)[member][:, None] + flat[kinds * 3:].reshape(statements, 3)

    def loss(flat):
        logits = spread(flat)
        chosen = np.take_along_axis(logits, verdicts[..., None].astype(int), axis=2).sum()
        pull = PRIOR / 2 * (flat[:kinds * 3].reshape(kinds, 3)[member] ** 2).sum() + PRIOR / 2 * (
            flat[kinds * 3:] ** 2).sum()
        return np.logaddexp.reduce(logits, axis=2).sum() - chosen + pull

    found = scipy.optimize.minimize(loss, np.zeros((kinds + statements) * 3), method="BFGS", options={"gtol": 1e-7})
    logits = spread(found.x)
    expected = np.exp(logits - np.logaddexp.reduce(logits, axis=2, keepdims=True))
    assert probabilities(verdicts) == pytest.approx(expected, abs=1e-4)


def test_two_perfect_sheets_tell_nothing(cohorts):
    verdicts = cohorts.draw(20, np.random.default_rng(6), ability=1.0)
    verdicts[:2] = RIGHT
    same = next(one for one in identical(verdicts) if one.groups[:2] == (0, 1))
    assert same.in_class > 0.5


def test_the_same_rare_errors_and_gaps_tell_much():
    rng = np.random.default_rng(7)
    verdicts = np.where(rng.random((20, 20)) < 0.85, RIGHT, WRONG)
    verdicts[0] = RIGHT
    verdicts[0, [1, 4, 9, 13]], verdicts[0, [6, 17]] = WRONG, ABSTAINED
    verdicts[1] = verdicts[0]
    first = identical(verdicts)[0]
    assert first.groups == (0, 1)
    assert first.in_class < 0.01
    assert first.in_class == pytest.approx(first.chance * 190)


def test_groups_that_work_by_themselves_are_hardly_ever_called_alike(cohorts):
    rng = np.random.default_rng(8)
    alarms = 0
    for _ in range(100):
        found = identical(cohorts.draw(20, rng, ability=1.5))
        alarms += bool(found) and found[0].in_class < 0.05
    assert alarms <= 5


@pytest.mark.parametrize("verdicts", [np.full((4, 5), RIGHT), np.full((4, 5), ABSTAINED), np.zeros((1, 3), int)])
def test_a_class_that_is_all_alike_gives_finite_numbers(verdicts):
    expected = probabilities(verdicts)
    assert np.isfinite(expected).all()
    assert [same.groups for same in identical(verdicts)] == ([tuple(range(4))] if len(verdicts) > 1 else [])


# --- nearly the same


@given(st.integers(0, 10_000))
def test_nearly_the_same_are_those_whom_a_comparison_of_all_pairs_finds_so(seed):
    rng = np.random.default_rng(seed)
    verdicts = rng.integers(0, 3, size=(12, 4)).astype(np.int8)
    apart = {
        (other, one): int((verdicts[one] != verdicts[other]).sum()) for one in range(12) for other in range(one)}
    found = {
        (min(one, other), max(one, other)): len(near.apart)
        for near in nearly(verdicts) for one in near.groups[0] for other in near.groups[1]}
    assert found == {pair: number for pair, number in apart.items() if 0 < number <= MOST_APART}


def test_the_chance_of_coming_near_is_that_of_drawn_answers():
    rng = np.random.default_rng(3)
    verdicts = rng.choice(3, p=[0.6, 0.3, 0.1], size=(8, 7)).astype(np.int8)
    verdicts[1] = verdicts[0]
    verdicts[1, [2, 5]] = (verdicts[1, [2, 5]] + 1) % 3
    near = next(one for one in nearly(verdicts) if one.groups == ((0,), (1,)))
    expected = probabilities(verdicts)
    shares = []
    for given_, drawn in ((0, 1), (1, 0)):
        draws = rng.random((100_000, 7, 1))
        answers = (draws > expected[drawn].cumsum(axis=1)[:, :2]).sum(axis=2)
        shares.append(np.mean((answers != verdicts[given_]).sum(axis=1) <= len(near.apart)))
    assert near.chance == pytest.approx(max(shares), rel=0.1)
    assert near.in_class == pytest.approx(min(1, near.chance * 28))


def test_copies_with_one_or_two_changes_are_found_and_groups_that_work_by_themselves_are_not(cohorts):
    rng = np.random.default_rng(8)
    alarms = found = 0
    for _ in range(30):
        verdicts = cohorts.draw(20, rng)
        alarms += any(one.in_class < 0.05 for one in nearly(verdicts))
        verdicts[1] = verdicts[0]
        changed = rng.choice(20, 1)
        verdicts[1, changed] = (verdicts[1, changed] + 1) % 3
        found += any(one.in_class < 0.05 for one in nearly(verdicts) if one.groups == ((0,), (1,)))
    assert alarms <= 2
    assert found >= 12


@pytest.mark.parametrize("groups", [2, 3])
def test_in_the_smallest_classes_nearness_tells_nothing(cohorts, groups):
    rng = np.random.default_rng(4)
    for _ in range(20):
        verdicts = cohorts.draw(groups, rng)
        verdicts[1] = verdicts[0]
        verdicts[1, 7] = (verdicts[1, 7] + 1) % 3
        assert min(one.in_class for one in nearly(verdicts)) > 0.01


def test_good_groups_that_are_nearly_perfect_tell_nothing(cohorts):
    verdicts = np.full((20, 20), RIGHT, dtype=np.int8)
    for group in range(20):
        verdicts[group, group] = WRONG
    assert min(one.in_class for one in nearly(verdicts)) == 1

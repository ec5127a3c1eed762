"""Identical answers across groups, and how likely they are by chance."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given
from hypothesis import strategies as st

from harness.quiz.patterns import PRIOR, identical, probabilities
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

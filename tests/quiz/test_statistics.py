"""Formulas of item statistics, against independent implementations."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from harness.quiz.statistics import (
    ABSTAINED,
    RIGHT,
    WRONG,
    _noncentralities,
    better_half,
    clopper_pearson,
    discrimination,
    holm,
    kr20,
)


@pytest.mark.parametrize(("count", "of"), [(0, 1), (0, 20), (20, 20), (3, 20), (10, 20), (1, 3), (700, 2000)])
def test_the_interval_of_a_share_is_clopper_and_pearsons(count, of):
    expected = scipy.stats.binomtest(count, of).proportion_ci(method="exact")
    assert clopper_pearson(count, of) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_a_share_of_nobody_may_be_anything():
    assert clopper_pearson(0, 0) == (0.0, 1.0)


# --- discrimination


def test_discrimination_is_the_point_biserial_correlation_with_the_rest(cohorts):
    verdicts = cohorts.draw(20, np.random.default_rng(3))
    points = cohorts.worth(verdicts)
    for place, found in enumerate(discrimination(verdicts, points)):
        answered = verdicts[:, place] != ABSTAINED
        right = verdicts[answered, place] == RIGHT
        if right.all():
            assert found is None
            continue
        rest = np.delete(points, place, axis=1).sum(axis=1)[answered]
        expected = scipy.stats.pointbiserialr(right, rest)
        assert found.value == pytest.approx(expected.statistic, abs=1e-12)
        assert min(found.below_zero, 1 - found.below_zero) == pytest.approx(expected.pvalue / 2, abs=1e-9)


def test_its_interval_is_that_of_the_noncentral_t_distribution(cohorts):
    verdicts = cohorts.draw(20, np.random.default_rng(3))
    for column, found in zip(verdicts.T, discrimination(verdicts, cohorts.worth(verdicts)), strict=True):
        if found is None:
            continue
        count = int(np.sum(column != ABSTAINED))
        statistic = found.value * np.sqrt((count - 2) / (1 - found.value**2))
        # another library's inverse, by Brown, Lovato and Russell's DCDFLIB
        shifts = [scipy.special.nctdtrinc(count - 2, share, statistic) for share in (0.975, 0.025)]
        expected = [shift / np.sqrt(shift**2 + count) for shift in shifts]
        assert found.interval == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("freedom", [2, 3, 10, 60, 2000])
@pytest.mark.parametrize("statistic", [-30.0, -2.0, 0.0, 0.5, 6.0])
def test_noncentralities_give_back_the_tails_of_the_t_distribution(freedom, statistic):
    for shift, share in zip(_noncentralities(statistic, freedom), (0.975, 0.025), strict=True):
        tail = scipy.special.nctdtr(freedom, shift, statistic)
        assert np.isnan(tail) or tail == pytest.approx(share, abs=2e-4)


def test_a_statement_that_cannot_tell_groups_apart_has_no_discrimination():
    alike = np.full((6, 3), RIGHT)
    few = np.array([[RIGHT, RIGHT], [WRONG, WRONG], [RIGHT, WRONG], *[[ABSTAINED, ABSTAINED]] * 3])
    assert discrimination(alike, alike * 1.0) == [None] * 3
    assert discrimination(few, few * 1.0) == [None] * 2


def test_a_perfect_correlation_has_no_interval_and_so_is_not_given():
    verdicts = np.array([[RIGHT, RIGHT]] * 5 + [[WRONG, WRONG]] * 5)
    assert discrimination(verdicts, np.where(verdicts == RIGHT, 1.0, -1.0)) == [None, None]


@given(st.integers(0, 10_000))
def test_the_order_of_groups_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    verdicts = rng.integers(0, 3, size=(12, 5))
    points = np.array([1.0, -1.0, 0.0])[verdicts]
    order = rng.permutation(12)
    turned = discrimination(verdicts[order], points[order])
    for one, other in zip(discrimination(verdicts, points), turned, strict=True):
        assert (one is None) == (other is None)
        if one:
            assert one.value == pytest.approx(other.value, abs=1e-9)
            assert one.interval == pytest.approx(other.interval, abs=1e-4)
            assert one.interval[0] <= one.value <= one.interval[1]
    assert (kr20(verdicts) is None) == (kr20(verdicts[order]) is None)


@pytest.mark.slow
@pytest.mark.parametrize("groups", [20, 60])
def test_intervals_of_discrimination_cover_the_truth_as_often_as_they_say(cohorts, groups):
    rng = np.random.default_rng(11)
    many = cohorts.draw(200_000, rng)
    truth = [found.value for found in discrimination(many, cohorts.worth(many))]
    covered = []
    for _ in range(100):
        verdicts = cohorts.draw(groups, rng)
        for true, found in zip(truth, discrimination(verdicts, cohorts.worth(verdicts)), strict=True):
            if found is not None:
                covered.append(found.interval[0] <= true <= found.interval[1])
    assert 0.93 <= np.mean(covered) <= 0.98


# --- reliability


def analysis_of_variance(scores):
    """Mean squares of persons and of what is left, in a two-way table without repetition (Hoyt 1941)."""
    n, k = scores.shape
    total = ((scores - scores.mean()) ** 2).sum()
    persons = k * ((scores.mean(axis=1) - scores.mean()) ** 2).sum()
    items = n * ((scores.mean(axis=0) - scores.mean()) ** 2).sum()
    return persons / (n - 1), (total - persons - items) / ((n - 1) * (k - 1))


def test_kr20_is_hoyts_reliability_and_its_interval_feldts(cohorts):
    verdicts = cohorts.draw(20, np.random.default_rng(5))
    persons, left = analysis_of_variance((verdicts == RIGHT).astype(float))
    value, interval = kr20(verdicts)
    assert value == pytest.approx(1 - left / persons, abs=1e-12)
    distribution = scipy.stats.f(19, 19 * 19)
    assert interval == pytest.approx(
        (1 - (1 - value) * distribution.ppf(0.975), 1 - (1 - value) * distribution.ppf(0.025)), abs=1e-9)


def test_kr20_of_a_small_table_by_hand():
    right = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0], [0, 0, 0]])
    # p = 3/4, 1/2, 1/4: sum pq = 3/16 + 1/4 + 3/16 = 5/8; numbers right 3, 2, 1, 0: variance 5/4; 3/2 (1 - 1/2)
    assert kr20(np.where(right, RIGHT, WRONG))[0] == pytest.approx(0.75)


@pytest.mark.parametrize("verdicts", [np.full((5, 4), RIGHT), np.array([[RIGHT, WRONG]]), np.array([[RIGHT], [WRONG]])])
def test_kr20_needs_groups_that_differ_and_more_than_one_statement(verdicts):
    assert kr20(verdicts) is None


# --- many at once


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holms_adjustment_is_the_stepwise_one(p_values):
    ordered = sorted(p_values)
    expected = [
        min(1.0, max((len(ordered) - rank) * p for rank, p in enumerate(ordered) if p <= one)) for one in p_values]
    assert holm(p_values) == pytest.approx(expected)


def test_the_better_half_are_those_above_the_median():
    assert better_half(np.array([1, 5, 3, 3, 2, 4])).tolist() == [False, True, False, False, False, True]

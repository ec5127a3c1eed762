from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.metrics.intervals import (
    blocks,
    bootstrap_difference,
    bootstrap_mean,
    bootstrap_quantile,
    bootstrap_statistic,
    jackknife,
    normal_mean,
    wilson,
)


def test_the_bootstrap_of_a_mean_agrees_with_scipy():
    values = np.random.default_rng(0).gamma(2.0, size=(500, 2))
    ours = bootstrap_mean(values, resamples=4_000, seed=1)
    for column in range(2):
        theirs = stats.bootstrap(
            (values[:, column],), np.mean, n_resamples=4_000, method="percentile", rng=2
        ).confidence_interval
        half = (theirs.high - theirs.low) / 2
        np.testing.assert_allclose(ours[column], [theirs.low, theirs.high], atol=0.15 * half)


def test_one_column_alone_gets_the_same_interval_as_among_others():
    values = np.random.default_rng(0).normal(size=(200, 3))
    together = bootstrap_mean(values, resamples=100, seed=5)
    np.testing.assert_allclose(bootstrap_mean(values[:, 1], resamples=100, seed=5), together[1], rtol=1e-12)


def test_the_bootstrap_of_a_quantile_holds_the_exact_binomial_interval_nearly():
    values = np.random.default_rng(0).permutation(2_000) / 2_000
    low, high = bootstrap_quantile(values, 0.95, resamples=2_000, seed=0)
    exact = stats.binom.ppf([0.025, 0.975], 2_000, 0.95) / 2_000
    np.testing.assert_allclose([low, high], exact, atol=0.003)


def test_a_resampled_quantile_is_one_of_the_values():
    low, high = bootstrap_quantile(np.array([1.0, 2.0, 4.0]), 0.95, resamples=200, seed=0)
    assert 1.0 <= low <= high <= 4.0


def test_the_difference_of_two_equal_sets_straddles_zero():
    values = np.random.default_rng(0).normal(size=300)
    low, high = bootstrap_difference(values, values, resamples=500, seed=0)
    assert low < 0 < high
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(2 / 300) * values.std(), rel=0.15)


def test_the_bootstrap_of_counts_is_as_wide_as_the_binomial():
    counts = np.array([300, 700])
    low, high = bootstrap_statistic(counts, lambda drawn: drawn[:, 0] / 1000, resamples=4_000, seed=0)
    exact = stats.binom.ppf([0.025, 0.975], 1_000, 0.3) / 1_000
    np.testing.assert_allclose([low, high], exact, atol=0.004)


@given(st.integers(1, 500), st.floats(0, 1))
def test_wilsons_interval_is_that_of_scipy(count, share):
    hits = round(share * count)
    theirs = stats.binomtest(hits, count).proportion_ci(method="wilson")
    np.testing.assert_allclose(wilson(hits / count, count), [theirs.low, theirs.high], atol=1e-9)


def test_the_normal_interval_is_that_of_scipy():
    values = np.random.default_rng(0).normal(3, 2, 100)
    theirs = stats.norm.interval(0.95, values.mean(), stats.sem(values))
    np.testing.assert_allclose(normal_mean(values), theirs)


def test_the_jackknife_of_a_mean_is_the_t_interval_of_block_means():
    means = np.random.default_rng(0).normal(size=10)
    without = [(means.sum() - mean) / 9 for mean in means]
    theirs = stats.t.interval(0.95, 9, means.mean(), stats.sem(means))
    np.testing.assert_allclose(jackknife(means.mean(), without), theirs, rtol=1e-4)


def test_one_block_alone_has_no_interval():
    assert jackknife(1.0, [1.0]) is None


@given(st.integers(2, 1_000), st.integers(1, 20))
def test_blocks_cover_everything_once_and_hold_at_least_two(count, number):
    parts = blocks(count, number)
    assert np.concatenate([np.arange(count)[part] for part in parts]).tolist() == list(range(count))
    assert all(part.stop - part.start >= 2 for part in parts)
    assert len(parts) <= number


def test_the_interval_of_a_distance_that_chance_can_only_raise_holds_the_distance():
    def imbalance(counts: np.ndarray) -> np.ndarray:
        return 0.5 * np.abs(counts / counts.sum(axis=1, keepdims=True) - 0.1).sum(axis=1)

    low, high = bootstrap_statistic(np.full(10, 50), imbalance, resamples=200, seed=0)
    assert low == 0
    assert 0 < high < 0.2

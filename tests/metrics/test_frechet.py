from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg

from harness.metrics.frechet import block_moments, frechet, frechet_distance, gather


def by_the_definition(first: np.ndarray, second: np.ndarray) -> float:
    """Heusel et al. 2017, with a root of a matrix."""
    a, b = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    root = linalg.sqrtm(a @ b)
    shift = np.square(first.mean(axis=0) - second.mean(axis=0)).sum()
    return float(shift + np.trace(a) + np.trace(b) - 2 * np.trace(root).real)


@pytest.fixture(scope="module")
def sets():
    rng = np.random.default_rng(0)
    mix = rng.normal(size=(12, 12))
    return rng.normal(size=(800, 12)) @ mix, rng.normal(0.3, 0.8, size=(600, 12)) @ mix


@given(st.integers(2, 10), st.integers(0, 2**32 - 1))
def test_the_distance_is_that_of_the_definition(width, seed):
    rng = np.random.default_rng(seed)
    first = rng.normal(size=(200, width)) @ rng.normal(size=(width, width))
    second = rng.normal(0.5, 1.5, size=(150, width))
    assert frechet(first, second).value == pytest.approx(by_the_definition(first, second), rel=1e-5, abs=1e-6)


def test_blocks_gathered_are_the_whole(sets):
    whole = gather(block_moments(sets[0], number=7))
    assert whole.count == 800
    np.testing.assert_allclose(whole.mean, sets[0].mean(axis=0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(whole.covariance, np.cov(sets[0], rowvar=False), rtol=1e-10, atol=1e-12)


def test_a_set_has_no_distance_to_itself_in_any_order(sets):
    assert frechet(sets[0], sets[0][::-1]).value == pytest.approx(0.0, abs=1e-9)


def test_the_order_of_images_changes_nothing(sets):
    order = np.random.default_rng(1).permutation(600)
    assert frechet(sets[0], sets[1][order]).value == pytest.approx(frechet(*sets).value, rel=1e-10)


def test_a_shift_costs_its_square_and_relative_to_the_variance(sets):
    found = frechet(sets[0], sets[0] + 2.0)
    assert found.value == pytest.approx(12 * 4.0, rel=1e-9)
    assert found.relative == pytest.approx(found.value / np.trace(np.cov(sets[0], rowvar=False)))


def test_the_distance_is_the_same_from_either_side(sets):
    first, second = (gather(block_moments(side)) for side in sets)
    assert frechet_distance(first, second) == pytest.approx(frechet_distance(second, first), rel=1e-9)


def test_constant_features_on_either_side_cost_no_more_than_their_variance(sets):
    constant = np.ones((600, 12))
    expected = np.square(sets[0].mean(axis=0) - 1).sum() + np.trace(np.cov(sets[0], rowvar=False))
    assert frechet(sets[0], constant).value == pytest.approx(expected, rel=1e-9)
    assert frechet(constant, sets[0]).value == pytest.approx(expected, rel=1e-6)


def test_fewer_images_than_features_still_have_a_distance(sets):
    assert frechet(sets[0][:8], sets[1]).value == pytest.approx(
        by_the_definition(sets[0][:8], sets[1]), rel=1e-3
    )


def test_the_interval_is_as_wide_as_the_spread_of_new_samples(sets):
    rng = np.random.default_rng(2)
    draws = [frechet(sets[0], rng.normal(0.2, 0.9, size=(1000, 12))) for _ in range(40)]
    halves = [(draw.interval[1] - draw.interval[0]) / 2 for draw in draws]
    spread = np.std([draw.value for draw in draws], ddof=1)
    assert 1.4 < np.median(halves) / spread < 3.4  # 2.26 for Student's distribution with nine degrees


def test_pairs_that_belong_together_are_left_out_together(sets):
    noisy = sets[0] + np.random.default_rng(3).normal(0, 0.05, sets[0].shape)
    paired, alone = frechet(sets[0], noisy, paired=True), frechet(sets[0], noisy)
    assert paired.value == alone.value
    assert np.ptp(paired.interval) < 0.5 * np.ptp(alone.interval)


def test_two_images_have_a_distance_without_an_interval(sets):
    assert frechet(sets[0], sets[1][:2]).interval is None

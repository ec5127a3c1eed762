from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics.pairwise import polynomial_kernel

from harness.metrics.kernel import kernel_distance


def by_the_definition(real: np.ndarray, other: np.ndarray) -> float:
    """Bińkowski et al. 2018, from the three matrices of kernels."""
    among, within, between = (
        polynomial_kernel(a, b, degree=3, gamma=1 / real.shape[1], coef0=1)
        for a, b in ((real, real), (other, other), (real, other))
    )
    m, n = len(real), len(other)
    return float(
        (among.sum() - np.trace(among)) / (m * (m - 1))
        + (within.sum() - np.trace(within)) / (n * (n - 1))
        - 2 * between.mean()
    )


@given(st.integers(2, 60), st.integers(2, 60), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_the_distance_is_that_of_the_matrices_of_kernels(m, n, width, seed):
    rng = np.random.default_rng(seed)
    real, other = rng.normal(size=(m, width)), rng.normal(0.4, 1.3, size=(n, width))
    assert kernel_distance(real, other).value == pytest.approx(
        by_the_definition(real, other), rel=1e-8, abs=1e-8
    )


def test_the_order_of_images_changes_nothing():
    rng = np.random.default_rng(0)
    real, other = rng.normal(size=(500, 6)), rng.normal(0.1, 1, size=(400, 6))
    shuffled = kernel_distance(real[rng.permutation(500)], other[rng.permutation(400)])
    assert shuffled.value == pytest.approx(kernel_distance(real, other).value, rel=1e-9)


def test_two_draws_of_one_distribution_lie_around_zero_and_within_the_interval():
    rng = np.random.default_rng(1)
    found = [kernel_distance(rng.normal(size=(400, 6)), rng.normal(size=(400, 6))) for _ in range(30)]
    values = [one.value for one in found]
    assert min(values) < 0 < max(values)
    assert abs(np.mean(values)) < 3 * np.std(values) / 30**0.5


def test_another_distribution_is_farther_than_chance():
    rng = np.random.default_rng(2)
    found = kernel_distance(rng.normal(size=(800, 6)), rng.normal(0.5, 1, size=(800, 6)))
    assert found.interval[0] > 0

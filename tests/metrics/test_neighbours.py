from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.metrics.neighbours import compare_manifolds, on_grid, squared_distances


def by_the_definition(real: np.ndarray, samples: np.ndarray, *, k: int, coverage_k: int):
    """Kynkäänniemi et al. 2019 and Naeem et al. 2020, pair by pair in whole numbers."""

    def distances(a, b):
        return np.square(a[:, None] - b[None]).sum(axis=2)

    def radius(points, k):
        return np.sort(distances(points, points), axis=1)[:, k]  # place 0 is the point itself

    between = distances(real, samples)
    density = between <= radius(real, coverage_k)[:, None]
    return (
        (between <= radius(real, k)[:, None]).any(axis=0),
        (between <= radius(samples, k)).any(axis=1),
        density.sum(axis=0) / coverage_k,
        density.any(axis=1),
    )


def agree(found, expected) -> bool:
    return all(
        np.array_equal(ours, theirs)
        for ours, theirs in zip(
            (found.precise, found.recalled, found.density, found.covered), expected, strict=True
        )
    )


@given(
    st.integers(4, 30),
    st.integers(7, 60),
    st.integers(1, 6),
    st.sampled_from([1, 2, 8]),
    st.integers(0, 2**32 - 1),
)
def test_whole_numbers_full_of_ties_give_what_the_definition_gives(m, n, width, span, seed):
    rng = np.random.default_rng(seed)
    half, samples = rng.integers(-span, span + 1, (m, width)), rng.integers(-span, span + 1, (n, width))
    half[0] = span
    real = np.concatenate([half, -half])  # mean 0 and range a power of two: the grid holds them exactly
    found = compare_manifolds(real.astype(np.float32), samples.astype(np.float32))
    assert agree(found, by_the_definition(real, samples, k=3, coverage_k=5))


def test_far_from_ties_the_grid_changes_nothing():
    rng = np.random.default_rng(0)
    real, samples = rng.normal(size=(300, 16)), rng.normal(0.2, 0.9, size=(280, 16))
    assert agree(compare_manifolds(real, samples), by_the_definition(real, samples, k=3, coverage_k=5))


def test_a_set_beside_itself_is_precise_recalled_and_covered():
    features = np.random.default_rng(1).normal(size=(600, 8)).astype(np.float32)
    found = compare_manifolds(features, features[::-1].copy())
    assert found.precise.all()
    assert found.recalled.all()
    assert found.covered.all()


def test_a_few_images_repeated_are_precise_and_recall_only_themselves():
    real = np.random.default_rng(2).normal(size=(500, 8)).astype(np.float32)
    found = compare_manifolds(real, np.repeat(real[:20], 25, axis=0))
    assert found.precise.all()
    assert found.recalled.tolist() == [True] * 20 + [False] * 480


def test_samples_far_away_are_neither():
    real = np.random.default_rng(3).normal(size=(100, 4))
    found = compare_manifolds(real, real + 100)
    for one in (found.precise, found.recalled, found.density, found.covered):
        assert not one.any()


def test_the_order_of_images_changes_nothing():
    rng = np.random.default_rng(4)
    real, samples = (
        rng.normal(size=(400, 10)).astype(np.float32),
        rng.normal(size=(300, 10)).astype(np.float32),
    )
    samples[:50] = real[:50]
    order, other = rng.permutation(400), rng.permutation(300)
    first, second = compare_manifolds(real, samples), compare_manifolds(real[order], samples[other])
    assert np.array_equal(first.precise[other], second.precise)
    assert np.array_equal(first.recalled[order], second.recalled)
    assert np.array_equal(first.density[other], second.density)
    assert np.array_equal(first.covered[order], second.covered)


@pytest.mark.parametrize("width", [1, 12, 64, 100])
def test_distances_on_the_grid_have_no_error_at_all(width):
    rng = np.random.default_rng(5)
    first, second = on_grid(rng.normal(size=(300, width)), rng.normal(size=(20, width)) * 3)
    found = np.concatenate([part.copy() for _, part in squared_distances(first, second)])
    whole = np.square(first[:, None].astype(np.int64) - second[None].astype(np.int64)).sum(axis=2)
    assert whole.max() < 2**53
    assert np.array_equal(found, whole)


def test_the_grid_is_finer_than_a_millionth_of_the_range():
    features = np.random.default_rng(6).normal(size=(1000, 64))
    grid = on_grid(features)[0]
    scale = np.ptp(grid[:, 0]) / np.ptp(features[:, 0])
    np.testing.assert_allclose(
        grid / scale, features - features.mean(axis=0), atol=1e-6 * np.abs(features).max()
    )


def test_constant_features_are_all_each_others_neighbours():
    found = compare_manifolds(np.ones((10, 3)), np.ones((12, 3)))
    assert found.precise.all()
    assert found.recalled.all()

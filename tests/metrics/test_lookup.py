from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.metrics.lookup import PixelLookup, mirrored, shifted


@pytest.fixture(scope="module")
def lookup(data) -> PixelLookup:
    return PixelLookup(data.train.images)


def brute_force(queries, images, radius):
    squared = np.square(queries[:, None].astype(np.int32) - images[None]).sum(axis=(2, 3), dtype=np.int64)
    nearest = squared.min(axis=1)
    close = nearest < (radius * 255) ** 2
    return np.where(close, squared.argmin(axis=1), -1), np.where(close, np.sqrt(nearest) / 255, np.inf)


@pytest.mark.parametrize("radius", [0.5, 1.0, 1.5, 3.0])
def test_whoever_is_within_the_radius_is_found_and_nobody_else(lookup, data, fresh_images, radius):
    rng = np.random.default_rng(0)
    near = np.clip(data.train.images[:40] + rng.normal(0, 8, (40, 28, 28)), 0, 255).astype(np.uint8)
    queries = np.concatenate([near, fresh_images(60)[0], data.train.images[:5]])
    index, distance = lookup.closer_than(radius, queries)
    expected_index, expected = brute_force(queries, data.train.images, radius)
    np.testing.assert_allclose(distance, expected, rtol=1e-12)
    np.testing.assert_array_equal(index, expected_index)


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 4.0))
def test_other_images_and_radii_are_found_as_by_brute_force(seed, radius):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 64, (120, 6, 5), dtype=np.uint8)
    queries = np.concatenate([images[:20] ^ rng.integers(0, 8, (20, 6, 5), dtype=np.uint8), images[20:25]])
    found, expected = PixelLookup(images).closer_than(radius, queries), brute_force(queries, images, radius)
    np.testing.assert_array_equal(found[0] >= 0, expected[0] >= 0)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-12)


def test_images_far_from_all_have_no_neighbour(lookup):
    index, distance = lookup.closer_than(1.0, np.full((3, 28, 28), 255, np.uint8))
    assert index.tolist() == [-1] * 3
    assert np.isinf(distance).all()


def test_a_mirrored_image_is_mirrored_back(data):
    np.testing.assert_array_equal(mirrored(mirrored(data.test.images[:3])), data.test.images[:3])


def test_one_of_four_shifts_undoes_a_shift():
    image = np.zeros((1, 7, 7), np.uint8)
    image[0, 3, 3] = 9
    places = [tuple(np.argwhere(moved[0] == 9)[0]) for moved in shifted(image)]
    assert sorted(places) == [(2, 3), (3, 2), (3, 4), (4, 3)]

"""What is asked once more in another way: moved images, other batches, coarser codes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.evidence.checks import LEVELS, REBATCHED, coarse, moved, rebatched

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 28, 28), dtype=np.uint8)


@given(st.integers(0, 60), st.integers(0, 9))
def test_each_moved_image_is_the_image_of_its_place_one_pixel_away(count, seed):
    found = moved(IMAGES, count, seed)
    assert len(found.place) == len(found.images) == min(count, 40)
    assert (np.diff(found.place) > 0).all()
    for place, image in zip(found.place, found.images, strict=True):
        inner, original = image[1:-1, 1:-1], IMAGES[place]
        steps = [original[1 - a:27 - a, 1 - b:27 - b] for a, b in ((-1, 0), (1, 0), (0, -1), (0, 1))]
        assert sum((inner == step).all() for step in steps) == 1


def test_images_move_to_all_four_sides_and_repeat_their_edge():
    found = moved(IMAGES, 40, 0)
    kept = [(np.array_equal(image[0], image[1]), np.array_equal(image[-1], image[-2]),
             np.array_equal(image[:, 0], image[:, 1]), np.array_equal(image[:, -1], image[:, -2]))
            for image in found.images]
    assert {tuple(sides).index(True) for sides in kept} == {0, 1, 2, 3}
    assert all(sum(sides) == 1 for sides in kept)


@given(st.integers(1, 1000), st.integers(0, 9))
def test_positions_to_ask_again_are_different_and_out_of_order(count, seed):
    found = rebatched(count, seed)
    assert len(found) == len(set(found.tolist())) == min(count, REBATCHED)
    assert count < 10 or (np.diff(found) < 0).any()


def test_coarse_codes_have_few_levels_and_keep_their_ends():
    codes = np.random.default_rng(0).normal(size=(2_000, 3)).astype(np.float32)
    rough = coarse(codes)
    assert all(len(np.unique(rough[:, unit])) <= LEVELS for unit in range(3))
    np.testing.assert_allclose(rough.min(axis=0), codes.min(axis=0), rtol=1e-5)
    np.testing.assert_allclose(rough.max(axis=0), codes.max(axis=0), rtol=1e-5)
    assert np.abs(rough - codes).max() < np.ptp(codes, axis=0).max() / (LEVELS - 1)


def test_entries_of_a_codebook_and_constant_units_stay_as_they_are():
    entries = np.random.default_rng(0).integers(0, 1000, (50, 2)).astype(np.float32)
    codes = np.concatenate([entries, np.full((50, 1), 0.3, np.float32)], axis=1)
    np.testing.assert_array_equal(coarse(codes), codes)

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessFault
from harness.metrics.pictures import cloud_arrays, grid, picture_array, point_cloud, table, to_uint8
from harness.records import Picture


@given(st.integers(1, 7), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_a_picture_gives_back_its_images(count, columns, seed):
    images = np.random.default_rng(seed).integers(0, 256, (count, 6, 5), dtype=np.uint8)
    picture = Picture.model_validate_json(
        grid(images, columns=columns, caption="c", alt="a").model_dump_json()
    )
    tiles = picture_array(picture)
    assert tiles.shape == (picture.rows * picture.columns, 6, 5)
    np.testing.assert_array_equal(tiles[:count], images)
    assert not tiles[count:].any()
    assert 0 <= len(tiles) - count < columns


def test_intensities_are_rounded_to_the_nearest_grey_and_cut_off():
    given_ = np.array([[[0.0, 0.4 / 255, 0.6 / 255, 254.4 / 255, 1.0, 1.5, -0.5]]], np.float32)
    assert to_uint8(given_).tolist() == [[[0, 0, 1, 254, 255, 255, 0]]]


def test_grey_levels_survive_the_way_through_floats():
    levels = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(to_uint8(levels / np.float32(255)), levels)


def test_a_damaged_picture_is_a_fault_of_ours():
    picture = grid(np.zeros((4, 5, 5), np.uint8), columns=2, caption="c", alt="a")
    with pytest.raises(HarnessFault, match="damaged"):
        picture_array(picture.model_copy(update={"rows": 3}))
    with pytest.raises(HarnessFault, match="too large"):
        picture_array(picture.model_copy(update={"rows": 10**9}))


def test_a_map_keeps_its_proportions_and_labels():
    rng = np.random.default_rng(0)
    points, labels = rng.normal(size=(50, 2)) * [3.0, 1.0] + 7.0, rng.integers(0, 3, 50)
    found, found_labels = cloud_arrays(
        point_cloud(points, labels, classes=["a", "b", "c"], caption="c", alt="a")
    )
    scale = 65535 / np.ptp(points[:, 0])
    np.testing.assert_allclose(found, (points - points.min(axis=0)) * scale, atol=0.51)
    np.testing.assert_array_equal(found_labels, labels)


def test_a_map_of_a_single_place_is_drawn_at_the_origin():
    found, _ = cloud_arrays(point_cloud(np.ones((3, 2)), np.zeros(3), classes=["a"], caption="c", alt="a"))
    assert not found.any()


def test_a_table_turns_what_is_not_finite_into_nothing():
    made = table("t", {"name": ["a", "b"], "number": np.array([1.5, np.nan])})
    assert made.columns == {"name": ["a", "b"], "number": [1.5, None]}


def test_columns_of_several_lengths_are_a_fault_of_ours():
    with pytest.raises(HarnessFault, match="several lengths"):
        table("t", {"a": [1.0], "b": [1.0, 2.0]})

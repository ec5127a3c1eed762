from __future__ import annotations

import numpy as np
import pytest

from harness.metrics import copies
from harness.metrics.copies import _flags
from harness.metrics.pictures import picture_array


def as_samples(images: np.ndarray) -> np.ndarray:
    return (images / 255).astype(np.float32)


@pytest.fixture
def look(make_scene):
    """Measure samples: (name -> value, names of the flags)."""

    def look(samples):
        findings = copies.measure(make_scene(samples=samples))
        return {one.name: one.value for one in findings.measurements}, {flag.name for flag in findings.flags}

    return look


@pytest.fixture
def memorised(data):
    """Give training images with a little noise."""
    rng = np.random.default_rng(0)
    return np.clip(as_samples(data.train.images[:400]) + rng.normal(0, 0.01, (400, 28, 28)), 0, 1).astype(
        np.float32
    )


def test_new_images_of_the_same_kind_are_no_copies(look, fresh_images):
    found, flags = look(as_samples(fresh_images(400)[0]))
    assert found["copies.share_pixels"] < 0.05
    assert found["copies.share_features"] < 0.05
    assert found["copies.duplicates"] < 0.05
    assert flags == set()


def test_a_memoriser_is_flagged(look, memorised):
    found, flags = look(memorised)
    assert found["copies.share_pixels"] == 1.0
    assert found["copies.authenticity"] < 0.1
    assert "copies" in flags


@pytest.mark.parametrize(
    "disguise",
    [
        lambda images: images[:, :, ::-1],
        lambda images: np.roll(images, 1, axis=1),
        lambda images: np.roll(images, -1, axis=1),
        lambda images: np.roll(images, 1, axis=2),
        lambda images: np.roll(images, -1, axis=2),
    ],
    ids=["mirrored", "down", "up", "right", "left"],
)
def test_a_disguised_memoriser_is_flagged_too(look, memorised, disguise):
    found, flags = look(np.ascontiguousarray(disguise(memorised)))
    assert found["copies.share_pixels"] > 0.5
    assert "copies" in flags


def test_one_tenth_of_copies_among_new_images_is_flagged(look, fresh_images, memorised):
    samples = as_samples(fresh_images(400)[0])
    samples[::10] = memorised[::10]
    found, flags = look(samples)
    assert 0.09 < found["copies.share_pixels"] < 0.15
    assert "copies" in flags


def test_the_same_few_images_over_and_over_are_duplicates(look, fresh_images):
    found, flags = look(np.repeat(as_samples(fresh_images(20)[0]), 20, axis=0))
    assert found["copies.duplicates"] == 1.0
    assert "duplicates" in flags


def test_the_share_of_test_images_stands_beside(make_scene, fresh_images):
    for one in copies.measure(make_scene(samples=as_samples(fresh_images(400)[0]))).measurements:
        beside = "training images" if one.name == "copies.share_test" else "test images"
        assert 0.0 <= one.baselines[beside] <= 1.0
        assert one.interval[0] <= one.value <= one.interval[1]


def test_the_picture_shows_the_most_suspicious_sample_first_above_its_original(
    make_scene, data, fresh_images
):
    samples = as_samples(fresh_images(400)[0])
    samples[37] = as_samples(data.train.images[5:6])[0]
    tiles = picture_array(copies.measure(make_scene(samples=samples)).pictures["copies.nearest"])
    np.testing.assert_array_equal(tiles[0], data.train.images[5])
    np.testing.assert_array_equal(tiles[len(tiles) // 2], data.train.images[5])


def test_authenticity_is_that_of_the_definition():
    rng = np.random.default_rng(0)
    train, samples = rng.normal(size=(80, 3)), rng.normal(size=(60, 3))
    between = np.linalg.norm(samples[:, None] - train[None], axis=2)
    among = np.linalg.norm(train[:, None] - train[None], axis=2) + np.diag(np.full(80, np.inf))
    expected = between.min(axis=1) >= among.min(axis=1)[between.argmin(axis=1)]
    np.testing.assert_array_equal(copies.authentic(samples, train), expected)


def test_two_runs_find_the_same(make_scene, memorised):
    scene = make_scene(samples=memorised)
    assert copies.measure(scene) == copies.measure(scene)


def test_as_many_near_images_as_among_real_ones_is_no_flag_and_three_times_as_many_is():
    real = {"share_features": 0.04, "share_pixels": 0.02}
    numbers = {"authenticity": 0.6, "duplicates": 0.0, "share_pixels": 0.02}
    assert not _flags(numbers | {"share_features": 0.07}, real, 2_000)
    assert not _flags(numbers | {"share_features": 0.0, "share_pixels": 0.055}, real, 2_000)
    assert [flag.name for flag in _flags(numbers | {"share_features": 0.12}, real, 2_000)] == ["copies"]
    assert [flag.name for flag in _flags(numbers | {"share_features": 0.0, "share_pixels": 0.07}, real, 2_000)] == [
        "copies"]


def test_copies_of_test_images_are_flagged_and_new_or_training_images_are_not(look, data, fresh_images):
    rng = np.random.default_rng(0)
    noised = np.clip(as_samples(data.test.images) + rng.normal(0, 0.01, data.test.images.shape), 0, 1)
    for samples in (as_samples(data.test.images), noised.astype(np.float32), as_samples(data.test.images[:, :, ::-1])):
        found, flags = look(np.ascontiguousarray(samples))
        assert found["copies.share_test"] > 0.9
        assert "test_images_copied" in flags
    for samples in (fresh_images(400)[0], data.train.images[:400]):
        found, flags = look(as_samples(samples))
        assert found["copies.share_test"] < 0.05
        assert "test_images_copied" not in flags

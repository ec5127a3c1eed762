"""The stand-in looks like the real thing in the numbers that matter, and is the same every time."""

from __future__ import annotations

import numpy as np
import pytest

from harness.data import garments, load


@pytest.fixture(scope="module")
def drawn():
    return garments()


def pixels(split):
    return split.images.reshape(len(split.images), -1).astype(np.float32) / 255


def nearest_neighbours_say(drawn):
    from sklearn.neighbors import KNeighborsClassifier

    classifier = KNeighborsClassifier(5, algorithm="brute").fit(pixels(drawn.train), drawn.train.labels)
    return classifier.predict(pixels(drawn.test))


def test_it_has_ten_equal_classes_of_small_grey_images_and_says_that_it_is_a_stand_in(drawn):
    assert (drawn.name, drawn.stand_in) == ("garments", True)
    for split, count in ((drawn.train, 12_000), (drawn.test, 2_000)):
        assert split.images.shape == (count, 28, 28)
        assert split.images.dtype == split.labels.dtype == np.uint8
        assert np.bincount(split.labels).tolist() == [count // 10] * 10


def test_the_same_seed_draws_the_same_images_and_another_seed_others():
    first, again = garments(seed=3, train=200, test=50), garments(seed=3, train=200, test=50)
    other = garments(seed=4, train=200, test=50)
    assert first.hash == again.hash
    assert np.array_equal(first.train.images, again.train.images)
    assert first.hash != other.hash
    assert not np.array_equal(first.test.images, first.train.images[:50])


def test_it_can_be_loaded_by_name(drawn):
    assert load("garments").hash == drawn.hash


def test_its_grey_values_are_spread_like_those_of_photographed_clothes(drawn):
    """Fashion-MNIST: mean 0.286, deviation 0.353, half of all pixels exactly zero."""
    grey = drawn.train.images / 255
    assert 0.22 < grey.mean() < 0.34
    assert 0.29 < grey.std() < 0.40
    assert 0.42 < (grey == 0).mean() < 0.60
    assert (drawn.train.images.max(axis=(1, 2)) > 25).all(), "no image is empty"


def test_no_image_is_drawn_twice(drawn):
    both = np.concatenate([pixels(drawn.train), pixels(drawn.test)])
    assert len(np.unique(both, axis=0)) == 14_000


def test_its_classes_are_about_as_hard_to_tell_apart_as_the_real_ones(drawn):
    """12,000 real training images give five nearest neighbours an accuracy of about 0.82."""
    said = nearest_neighbours_say(drawn)
    right = said == drawn.test.labels
    assert 0.78 < right.mean() < 0.90
    shirts = said[(drawn.test.labels == 6) & ~right]
    assert np.isin(shirts, [0, 2, 3, 4]).mean() > 0.95, "shirts are taken for other tops, never for shoes"
    by_class = np.array([right[drawn.test.labels == label].mean() for label in range(10)])
    assert by_class.argmin() == 6, "the shirt is the hard class, as among the real ones"
    assert by_class[[1, 7, 8, 9]].min() > 0.85

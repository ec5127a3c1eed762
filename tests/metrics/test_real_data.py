"""What trivial solutions reach on the official images; the anchors of many marks."""

from __future__ import annotations

import numpy as np
import pytest

from harness.data import load
from harness.metrics.linear import PrincipalComponents, principal_components
from harness.metrics.lookup import PixelLookup
from harness.metrics.pixels import mean_squared_error, nearest_by_pixels
from tests.conftest import real_data_folder

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def fashion():
    return load("fashion-mnist", folder=real_data_folder(), download=False)


@pytest.fixture(scope="module")
def usual(fashion):
    """Give errors of some test images beside their nearest training images."""
    return nearest_by_pixels(fashion.test.images[::20], fashion.train.images)[1]


def test_the_mean_image_and_principal_components_reach_what_is_known_of_them(fashion):
    test, components = fashion.test.images, principal_components(fashion.train.images, size=64)
    reached = {
        0: mean_squared_error(test, np.broadcast_to(components.mean.reshape(28, 28), test.shape)).mean()
    }
    for size in (10, 20, 64):
        some = PrincipalComponents(components.mean, np.ascontiguousarray(components.basis[:, :size]))
        reached[size] = mean_squared_error(test, some.reconstruct(test)).mean()
    assert reached == pytest.approx({0: 0.0866, 10: 0.0237, 20: 0.0181, 64: 0.0098}, abs=6e-5)


def test_the_nearest_training_image_is_about_as_good_as_twenty_components(usual):
    assert usual.mean() == pytest.approx(0.0182, abs=0.001)


def test_two_in_a_hundred_test_images_are_near_a_training_image_and_all_copies_are(fashion, usual):
    radius = 0.5 * float(np.median(np.sqrt(usual * 784)))
    lookup = PixelLookup(fashion.train.images)
    rng = np.random.default_rng(0)
    noisy = np.clip(fashion.train.images[:300] + rng.normal(0, 5, (300, 28, 28)), 0, 255).astype(np.uint8)
    found = [
        (lookup.closer_than(radius, images)[0] >= 0).mean() for images in (fashion.test.images[:2000], noisy)
    ]
    assert found == pytest.approx([0.02, 1.0], abs=0.012)

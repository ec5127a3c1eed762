from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from sklearn.decomposition import PCA

from harness.metrics.linear import principal_components
from harness.metrics.pixels import (
    PIXEL_ERRORS,
    as_float,
    mean_squared_error,
    nearest_by_pixels,
    pixel_errors,
    ssim,
)


@pytest.fixture(scope="module")
def pairs():
    rng = np.random.default_rng(0)
    originals = rng.random((300, 28, 28), np.float32) ** 3
    images = np.clip(originals + rng.normal(0, 0.2, originals.shape), 0, 1).astype(np.float32)
    images[5] = originals[5]
    return originals, images


def test_structural_similarity_is_that_of_scikit_image(pairs):
    theirs = [
        structural_similarity(
            x, y, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
        for x, y in zip(*(side.astype(np.float64) for side in pairs), strict=True)
    ]
    np.testing.assert_allclose(ssim(*pairs), theirs, atol=2e-5)


def test_structural_similarity_of_other_shapes_is_that_of_scikit_image():
    x, y = np.random.default_rng(1).random((2, 3, 17, 24), np.float32)
    theirs = [
        structural_similarity(a, b, data_range=1.0, gaussian_weights=True, use_sample_covariance=False)
        for a, b in zip(x, y, strict=True)
    ]
    np.testing.assert_allclose(ssim(x, y), theirs, atol=2e-5)


def test_the_other_errors_are_those_of_torch_and_scikit_image(pairs):
    ours = dict(zip(PIXEL_ERRORS, pixel_errors(*pairs).T, strict=True))
    x, y = (torch.from_numpy(side).double().flatten(1) for side in pairs)
    np.testing.assert_allclose(ours["mse"], (x - y).square().mean(1), rtol=1e-5, atol=1e-12)
    np.testing.assert_allclose(ours["mae"], (x - y).abs().mean(1), rtol=1e-5, atol=1e-12)
    clipped = y.clamp(2**-20, 1 - 2**-20)
    theirs = torch.nn.functional.binary_cross_entropy(clipped, x, reduction="none").sum(1)
    np.testing.assert_allclose(ours["bce"], theirs, rtol=1e-5)
    psnr = [
        peak_signal_noise_ratio(a, b, data_range=1.0) for a, b in zip(*pairs, strict=True) if (a != b).any()
    ]
    np.testing.assert_allclose(np.delete(ours["psnr"], 5), psnr, rtol=1e-5)
    np.testing.assert_allclose(ours["ssim"], ssim(*pairs))


def test_a_perfect_image_has_no_error_full_similarity_and_a_finite_ratio(pairs):
    ours = dict(zip(PIXEL_ERRORS, pixel_errors(*pairs)[5], strict=True))
    assert (ours["mse"], ours["mae"], ours["psnr"]) == (0.0, 0.0, 100.0)
    assert ours["ssim"] == pytest.approx(1.0, abs=1e-6)


def test_a_certain_and_wrong_pixel_costs_a_finite_number_of_nats():
    black, white = np.zeros((1, 28, 28), np.float32), np.ones((1, 28, 28), np.float32)
    assert pixel_errors(black, white)[0, PIXEL_ERRORS.index("bce")] == pytest.approx(
        784 * 20 * np.log(2), rel=1e-5
    )


def test_the_order_of_images_changes_nothing(pairs):
    order = np.random.default_rng(3).permutation(300)
    np.testing.assert_allclose(
        pixel_errors(pairs[0][order], pairs[1][order]), pixel_errors(*pairs)[order], rtol=1e-5, atol=1e-9
    )


def test_bytes_and_floats_of_the_same_images_have_the_same_errors(data):
    images, others = data.test.images[:50], data.train.images[:50]
    np.testing.assert_array_equal(
        pixel_errors(images, others), pixel_errors(as_float(images), as_float(others))
    )
    np.testing.assert_array_equal(mean_squared_error(images, others), pixel_errors(images, others)[:, 0])


def test_the_nearest_image_is_that_of_brute_force(data):
    queries, images = data.test.images[:40], data.train.images
    exact = np.square(queries[:, None].astype(np.int64) - images[None, :700]).sum(axis=(2, 3))
    index, error = nearest_by_pixels(queries, images[:700])
    np.testing.assert_array_equal(index, exact.argmin(axis=1))
    np.testing.assert_allclose(error, exact.min(axis=1) / 255**2 / 784, rtol=1e-5)


def test_principal_components_are_those_of_scikit_learn(data):
    flat = data.train.images.reshape(-1, 784) / 255
    theirs = PCA(8, svd_solver="covariance_eigh").fit(flat)
    ours = principal_components(data.train.images, size=8)
    expected = np.clip(
        theirs.inverse_transform(theirs.transform(data.test.images.reshape(-1, 784) / 255)), 0, 1
    )
    np.testing.assert_allclose(ours.reconstruct(data.test.images).reshape(-1, 784), expected, atol=1e-4)
    np.testing.assert_allclose(ours.basis.T @ ours.basis, np.eye(8), atol=1e-5)

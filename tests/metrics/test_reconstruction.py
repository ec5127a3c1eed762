from __future__ import annotations

import numpy as np
import pytest

from harness.metrics import METRICS, reconstruction
from harness.metrics.linear import principal_components
from harness.metrics.pictures import picture_array


class Linear:
    """Principal components as a model: codes of eight numbers."""

    def __init__(self, data, size=8):
        self.components = principal_components(data.train.images, size=size)

    def evidence(self, images, train, probes):
        decode = self.components.reconstruct
        return {
            "test_codes": self.components.encode(images),
            "reconstructions": decode(images),
            "train_reconstructions": decode(train),
            "probes": {name: (x, decode(x)) for name, x in probes.items()},
        }


@pytest.fixture
def probes(data):
    rng = np.random.default_rng(0)
    some = (data.test.images[:50] / 255).astype(np.float32)
    order = rng.permutation(784)
    return {
        "noise": rng.random((50, 28, 28), np.float32),
        "inverted": 1 - some,
        "permuted": some.reshape(-1, 784)[:, order].reshape(-1, 28, 28),
    }


@pytest.fixture
def linear(make_scene, data, probes):
    """What is found about the linear model, which is its own baseline."""
    found = Linear(data).evidence(data.test.images, data.train.images[:400], probes)
    return reconstruction.measure(make_scene(**found))


def values(findings):
    return {one.name.removeprefix("reconstruction."): one for one in findings.measurements}


def test_a_linear_model_equals_its_baseline_in_every_measurement(linear):
    for name, one in values(linear).items():
        if "PCA of the same size" in one.baselines:
            assert one.value == pytest.approx(one.baselines["PCA of the same size"], rel=1e-6), name


def test_the_mean_image_equals_its_baseline_in_every_measurement(make_scene, data):
    images = np.broadcast_to(
        (data.train.images.mean(axis=0) / 255).astype(np.float32), data.test.images.shape
    )
    findings = reconstruction.measure(
        make_scene(test_codes=np.zeros((400, 8), np.float32), reconstructions=images)
    )
    for name, one in values(findings).items():
        if "mean image" in one.baselines:
            assert one.value == pytest.approx(one.baselines["mean image"], rel=1e-6), name


def test_reconstructions_that_the_mean_image_would_beat_are_flagged_and_others_are_not(make_scene, data, linear):
    black = reconstruction.measure(
        make_scene(test_codes=np.zeros((400, 8), np.float32), reconstructions=np.zeros((400, 28, 28), np.float32)))
    flag = next(one for one in black.flags if one.name == "worse_than_mean_image")
    assert flag.evidence["from"] > flag.evidence["of the mean image"]
    assert "worse_than_mean_image" not in {one.name for one in linear.flags}


def test_a_linear_model_beats_the_mean_image_and_keeps_the_class_more_often(linear):
    for name, one in values(linear).items():
        if "mean image" in one.baselines and METRICS[one.name].better in {"lower", "higher"}:
            sign = 1 if METRICS[one.name].better == "higher" else -1
            assert sign * one.value > sign * one.baselines["mean image"], name


def test_everything_is_there_with_its_interval(linear):
    found = values(linear)
    assert set(found) == {
        "mse",
        "mae",
        "psnr",
        "bce",
        "ssim",
        "mse_p95",
        "train_mse",
        "train_gap",
        "even_gap",
        "fid_relative",
        "class_agreement",
        "code_numbers",
        "code_bits",
        "active_units",
        "probe_noise",
        "probe_permuted",
        "probe_inverted",
    }
    for name, one in found.items():
        if name not in {"code_numbers", "code_bits", "active_units"}:
            assert one.interval[0] <= one.value <= one.interval[1], name
        assert one.sample_size in {400, 50}


def test_the_error_is_the_mean_over_classes_weighted_by_their_images(linear):
    table = linear.tables["reconstruction.per_class"].columns
    assert sum(table["images"]) == 400
    assert np.average(table["mse"], weights=table["images"]) == pytest.approx(values(linear)["mse"].value)


def test_an_honest_small_code_is_not_flagged(linear):
    assert linear.flags == []


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_an_identity_is_flagged_even_where_it_adds_noise(make_scene, data, probes, noise):
    rng = np.random.default_rng(0)

    def copied(images):
        return np.clip(images + rng.normal(0, noise, images.shape), 0, 1).astype(np.float32)

    scene = make_scene(
        test_codes=rng.normal(size=(400, 8)).astype(np.float32),
        reconstructions=copied(data.test.images / 255),
        probes={name: (images, copied(images)) for name, images in probes.items()},
    )
    findings = reconstruction.measure(scene)
    assert [flag.name for flag in findings.flags] == ["identity"]
    assert "8 numbers" in findings.flags[0].message


def test_test_images_reconstructed_better_than_training_images_are_flagged(make_scene, data):
    test = (data.test.images / 255).astype(np.float32)
    train = (data.train.images[:400] / 255).astype(np.float32)
    findings = reconstruction.measure(
        make_scene(
            test_codes=np.zeros((400, 8), np.float32),
            reconstructions=test * 0.99,
            train_reconstructions=train * 0.9,
        )
    )
    assert "test_images_known" in {flag.name for flag in findings.flags}


def test_the_picture_shows_best_median_and_worst_of_each_class(linear, data):
    picture = linear.pictures["reconstruction.examples"]
    tiles = picture_array(picture).reshape(picture.rows, 3, 2, 28, 28).astype(float)
    errors = np.square(tiles[:, :, 0] - tiles[:, :, 1]).mean(axis=(2, 3))
    assert (np.diff(errors, axis=1) > 0).all()
    assert picture.rows == len(picture.row_labels) == 10


def test_some_of_the_test_images_are_compared_with_themselves(make_scene, data, probes):
    index = np.arange(0, 400, 4)
    found = Linear(data).evidence(data.test.images[index], data.train.images[:100], probes)
    findings = reconstruction.measure(make_scene(test_index=index, **found))
    one = values(findings)["mse"]
    assert one.sample_size == 100
    assert one.value == pytest.approx(one.baselines["PCA of the same size"], rel=1e-6)


def test_a_model_without_codes_has_no_reconstruction(make_scene):
    assert reconstruction.measure(make_scene()).measurements == []


def test_two_runs_find_the_same(make_scene, data, probes):
    scene = make_scene(**Linear(data).evidence(data.test.images, data.train.images[:400], probes))
    assert reconstruction.measure(scene) == reconstruction.measure(scene)

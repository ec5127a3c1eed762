from __future__ import annotations

import numpy as np
import pytest

from harness.metrics import distribution
from harness.metrics.pictures import picture_array


def as_samples(images: np.ndarray) -> np.ndarray:
    return (images / 255).astype(np.float32)


def values(findings):
    return {one.name.removeprefix("distribution."): one for one in findings.measurements}


def flags(findings):
    return {flag.name for flag in findings.flags}


@pytest.fixture
def look(make_scene):
    return lambda samples, **more: distribution.measure(make_scene(samples=samples, **more))


def test_the_test_images_themselves_are_at_no_distance_and_fully_covered(look, data):
    found = {name: one.value for name, one in values(look(as_samples(data.test.images[::-1]))).items()}
    assert found["fid"] == pytest.approx(0.0, abs=1e-6)
    assert found["counter_fid"] == pytest.approx(0.0, abs=1e-6)
    assert (found["precision"], found["recall"], found["coverage"]) == (1.0, 1.0, 1.0)
    assert found["kid"] <= 0.0  # the unbiased estimate of a set against itself


def test_new_images_come_before_blurred_ones_and_those_before_noise(look, fresh_images):
    fresh = as_samples(fresh_images(400)[0])
    blurred = (fresh + np.roll(fresh, 3, axis=1) + np.roll(fresh, 3, axis=2)) / 3
    noise = np.random.default_rng(0).random(fresh.shape, np.float32)
    ladder = [values(look(samples)) for samples in (fresh, blurred, noise)]
    for name in ("fid", "fid_relative", "counter_fid_relative", "kid"):
        numbers = [found[name].value for found in ladder]
        assert numbers == sorted(numbers), name
    for name in ("recall", "coverage"):
        numbers = [found[name].value for found in ladder]
        assert numbers[0] > max(numbers[1:]), name


def test_new_images_are_unsuspicious(look, fresh_images):
    images = as_samples(fresh_images(400)[0])
    findings = look(images, samples_repeated=images[:50], samples_other=images[50:100])
    assert flags(findings) == set()


def test_everything_is_there_with_its_interval_and_baselines(look, fresh_images):
    found = values(look(as_samples(fresh_images(400)[0])))
    assert set(found) == {
        "fid",
        "fid_relative",
        "counter_fid",
        "counter_fid_relative",
        "kid",
        "precision",
        "recall",
        "density",
        "coverage",
        "class_balance",
        "confidence",
    }
    for name, one in found.items():
        assert one.interval[0] <= one.value <= one.interval[1] or name == "class_balance", name
        assert set(one.baselines) == {"training images", "mean image", "noise"}
        assert one.sample_size == 400


def test_the_order_of_samples_changes_no_number(look, fresh_images):
    images = as_samples(fresh_images(400)[0])
    first, second = values(look(images)), values(look(images[np.random.default_rng(0).permutation(400)]))
    for name, one in first.items():
        assert one.value == pytest.approx(second[name].value, rel=1e-6, abs=1e-9), name


def test_one_image_repeated_is_a_collapse_to_one_class(look, data):
    findings = look(np.repeat(as_samples(data.test.images[:1]), 400, axis=0))
    assert {"collapse", "classes_missing"} <= flags(findings)
    assert values(findings)["class_balance"].value == pytest.approx(0.9)


def test_even_classes_are_in_balance():
    assert distribution.class_balance(np.arange(100) % 10) == pytest.approx(0.0)
    assert distribution.class_balance(np.arange(90) % 9) == pytest.approx(0.1)
    assert distribution.class_balance(np.zeros(10, int)) == pytest.approx(0.9)


def test_images_tuned_to_one_judge_make_the_two_disagree(look, data, perception, fresh_images):
    """Add to noise what moves its projection, and only that, to where real images lie."""
    weights = perception.weights["judge"]
    onto = np.linalg.pinv(weights)
    real = fresh_images(400)[0].reshape(400, -1) / 255
    noise = 0.5 + np.random.default_rng(0).normal(0, 0.05, real.shape)
    tuned = np.clip(noise + (real @ weights - noise @ weights) @ onto, 0, 1).reshape(400, 28, 28)
    found = look(tuned.astype(np.float32))
    assert values(found)["fid_relative"].value < 0.2 * values(found)["counter_fid_relative"].value
    assert "judges_disagree" in flags(found)


def test_a_model_that_ignores_its_seed_is_flagged(look, fresh_images):
    images = as_samples(fresh_images(400)[0])
    assert "seed_ignored" in flags(look(images, samples_repeated=images[:50], samples_other=images[:50]))


def test_a_model_that_draws_otherwise_by_the_same_seed_is_flagged(look, fresh_images):
    images = as_samples(fresh_images(400)[0])
    assert "seed_unstable" in flags(
        look(images, samples_repeated=images[:50] * 0.99, samples_other=images[50:99])
    )
    assert "seed_unstable" not in flags(
        look(images, samples_repeated=images[:50] + 1e-8, samples_other=images[50:99])
    )


def test_a_conditional_model_is_asked_for_classes(look, fresh_images):
    images, labels = fresh_images(400)
    right = values(look(as_samples(images), sample_labels=labels.astype(np.int64)))["label_accuracy"].value
    wrong = values(look(as_samples(images), sample_labels=(labels.astype(np.int64) + 1) % 10))[
        "label_accuracy"
    ].value
    assert right > 0.8
    assert wrong < 0.2


def test_the_picture_has_a_row_for_each_class_and_dark_places_where_there_are_none(look, data):
    label = 3
    images = as_samples(data.train.images[data.train.labels == label][:60])
    findings = look(images, sample_labels=np.full(len(images), label))
    tiles = picture_array(findings.pictures["distribution.samples"]).reshape(10, 10, 28, 28)
    np.testing.assert_array_equal(tiles[label, 0], data.train.images[data.train.labels == label][0])
    assert not np.delete(tiles, label, axis=0).any()


def test_the_table_of_classes_adds_up(look, fresh_images):
    columns = look(as_samples(fresh_images(400)[0])).tables["distribution.classes"].columns
    assert sum(columns["samples"]) == pytest.approx(1.0)
    assert sum(columns["test images"]) == pytest.approx(1.0)


def test_a_model_without_samples_has_no_distribution(make_scene):
    assert distribution.measure(make_scene()).measurements == []


def test_two_runs_find_the_same(make_scene, fresh_images):
    scene = make_scene(samples=as_samples(fresh_images(400)[0]))
    assert distribution.measure(scene) == distribution.measure(scene)

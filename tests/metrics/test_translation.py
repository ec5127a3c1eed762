from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import grey_erosion

from harness.data.outlines import line_drawings
from harness.evidence import Translations
from harness.metrics import translation


def test_a_line_drawing_is_twice_the_inner_gradient_of_morphology():
    images = np.random.default_rng(0).integers(256, size=(20, 28, 28), dtype=np.uint8)
    eroded = np.stack([grey_erosion(image, (3, 3), mode="nearest") for image in images]).astype(int)
    expected = np.minimum(2 * (images - eroded) / 255, 1)
    np.testing.assert_allclose(line_drawings(images), expected, atol=1e-6)


def test_a_flat_image_has_no_lines():
    assert not line_drawings(np.full((2, 28, 28), 77, np.uint8)).any()


@pytest.fixture
def scene(make_scene, data):
    """Make the scene of a model that translates by given functions."""
    def make(to_drawing, to_photograph):
        chosen = np.arange(min(len(data.test.images), 200))
        photographs = data.test.images[chosen].astype(np.float32) / np.float32(255)
        drawings = line_drawings(data.test.images[chosen])
        made = {}
        for domain, images, there, back in (
            ("photograph", photographs, to_drawing, to_photograph), ("drawing", drawings, to_photograph, to_drawing),
        ):
            translated = there(images).astype(np.float32)
            returned = back(translated).astype(np.float32)
            made[domain] = Translations(index=chosen, images=images, there=translated, back=returned)
        scene = make_scene()
        return replace(scene, evidence=replace(scene.evidence, translations=made))

    return make


def values(scene) -> dict[str, float]:
    return {one.name.removeprefix("translation."): one.value for one in translation.measure(scene).measurements}


def test_a_model_that_gives_images_back_scores_as_no_translation(scene):
    findings = translation.measure(scene(lambda images: images, lambda images: images))
    for one in findings.measurements:
        assert one.value == pytest.approx(one.baselines["no translation"], rel=1e-6, abs=1e-9), one.name
    assert findings.measurements[0].value == 0


def test_the_true_drawing_has_no_error_and_is_nearer_to_drawings_than_a_photograph(scene):
    made = scene(lambda images: line_drawings(np.rint(images * 255).astype(np.uint8)), lambda images: images)
    found = {one.name.removeprefix("translation."): one for one in translation.measure(made).measurements}
    assert found["drawing_error"].value == pytest.approx(0, abs=1e-6)
    distance = found["drawing_fid_relative"]
    assert distance.value < 0.5 * distance.baselines["no translation"]


def test_a_model_that_forgets_what_it_was_shown_keeps_no_class_and_comes_back_as_nothing(scene):
    black = values(scene(np.zeros_like, np.zeros_like))
    assert black["class_kept"] < 0.3
    kept = values(scene(lambda images: images, lambda images: images))
    assert black["class_kept"] < kept["class_kept"]
    assert black["cycle_error"] > 0.05


def test_both_directions_are_shown(scene):
    pictures = translation.measure(scene(lambda images: images, lambda images: images)).pictures
    assert set(pictures) == {"translation.photograph", "translation.drawing"}
    assert pictures["translation.photograph"].row_labels == ["photograph", "as drawing", "and back"]


def test_a_model_that_translates_nothing_is_measured_as_nothing(make_scene):
    assert translation.measure(make_scene()).measurements == []

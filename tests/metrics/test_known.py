from __future__ import annotations

from dataclasses import replace

import pytest

from harness.evidence.checks import moved
from harness.metrics import reconstruction
from harness.metrics.linear import principal_components

SIZE = 60


@pytest.fixture
def look(make_scene, data):
    """Measure principal components fitted to some images: (name -> measurement, name -> flag)."""

    def look(fitted_to, *, parts=("test", "train")):
        model = principal_components(fitted_to, size=SIZE)
        test, train = data.test.images, data.train.images[:400]
        asked = {name: moved(images, 300, seed=1) for name, images in (("test", test), ("train", train))}
        findings = reconstruction.measure(make_scene(
            test_codes=model.encode(test), reconstructions=model.reconstruct(test),
            train_reconstructions=model.reconstruct(train),
            moved={
                name: replace(asked[name], reconstructions=model.reconstruct(asked[name].images)) for name in parts},
        ))
        return {one.name.removeprefix("reconstruction."): one for one in findings.measurements}, {
            flag.name: flag for flag in findings.flags}

    return look


def test_a_model_of_the_training_images_is_not_flagged(look, data):
    found, flags = look(data.train.images)
    assert "test_images_known" not in flags
    assert found["even_gap"].value > 0
    for name in ("even_gap", "moved_gap"):
        low, high = found[name].interval
        assert low <= found[name].value <= high


def test_a_model_of_other_images_knows_neither(look, fresh_images):
    found, flags = look(fresh_images(1000)[0])
    assert "test_images_known" not in flags
    assert abs(found["even_gap"].value) < 0.05


def test_a_model_of_the_test_images_is_flagged_by_both_comparisons_with_their_numbers(look, data):
    found, flags = look(data.test.images)
    evidence = flags["test_images_known"].evidence
    for name in ("even_gap", "moved_gap"):
        assert evidence[name] == found[name].value
        assert (evidence[f"{name}_from"], evidence[f"{name}_to"]) == found[name].interval
        assert f"{name}_flagged_beyond" in evidence
    assert "trained on the test set" in flags["test_images_known"].message


def test_without_moved_images_only_the_errors_are_compared(look, data):
    found, flags = look(data.test.images, parts=())
    assert "moved_gap" not in found
    assert set(flags["test_images_known"].evidence) == {
        "even_gap", "even_gap_from", "even_gap_to", "even_gap_flagged_beyond"}

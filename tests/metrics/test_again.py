from __future__ import annotations

import numpy as np
import pytest

from harness.evidence.checks import coarse
from harness.metrics import reconstruction
from harness.metrics.linear import principal_components


@pytest.fixture
def model(data):
    return principal_components(data.train.images, size=8)


@pytest.fixture
def look(make_scene, data, model):
    """Measure principal components that were asked again: (name -> measurement, name -> flag)."""

    def look(**changes):
        images, place = data.test.images, np.random.default_rng(0).permutation(400)[:100]
        decoded = model.reconstruct(images)
        evidence = {
            "test_codes": model.encode(images), "reconstructions": decoded, "rebatched": place,
            "images_rebatched": decoded[place], "images_coarse": decoded[place], **changes}
        findings = reconstruction.measure(make_scene(**evidence))
        return {one.name.removeprefix("reconstruction."): one for one in findings.measurements}, {
            flag.name: flag for flag in findings.flags}

    return look


def decode(model, codes):
    return np.clip(codes @ model.basis.T + model.mean, 0, 1).reshape(-1, 28, 28).astype(np.float32)


def test_what_depends_on_its_code_alone_is_not_flagged(look):
    found, flags = look()
    assert found["batch_difference"].value == 0.0
    assert found["coarse_mse"].value == pytest.approx(found["coarse_mse"].baselines["codes as they are"])
    assert flags == {}


def test_images_that_change_with_their_batch_are_flagged_by_how_much(look):
    found, flags = look(images_rebatched=np.zeros((100, 28, 28), np.float32))
    evidence = flags["images_depend_on_batch"].evidence
    assert evidence["mean_difference"] == found["batch_difference"].value > evidence["flagged_above"]
    assert (evidence["from"], evidence["to"]) == found["batch_difference"].interval


def test_a_linear_model_does_not_mind_coarse_codes(look, data, model):
    place = np.random.default_rng(0).permutation(400)[:100]
    found, flags = look(images_coarse=decode(model, coarse(model.encode(data.test.images))[place]))
    assert found["coarse_mse"].value == pytest.approx(found["coarse_mse"].baselines["codes as they are"], rel=0.01)
    assert flags == {}


def test_two_numbers_packed_into_the_digits_of_one_are_flagged(look, data, model):
    """Four components of 7 bits hide in the last bits of four others, which float16 keeps."""
    codes = model.encode(data.test.images)
    low, step = codes.min(axis=0), np.ptp(codes, axis=0) / 127

    def pack(codes):
        levels = np.rint((codes - low) / step).astype(np.uint16)
        return (levels[:, :4] << 7 | levels[:, 4:]).view(np.float16).astype(np.float32)

    def unpack(packed):
        bits = packed.astype(np.float16).view(np.uint16)
        return decode(model, np.concatenate([bits >> 7, bits & 127], axis=1) * step + low)

    packed, place = pack(codes), np.random.default_rng(0).permutation(400)[:100]
    images = unpack(packed)
    found, flags = look(
        test_codes=packed, reconstructions=images, images_rebatched=images[place],
        images_coarse=unpack(coarse(packed))[place])
    assert found["code_numbers"].value == 4
    evidence = flags["image_in_digits"].evidence
    assert evidence["from"] > evidence["flagged_above"] == 1.5 * evidence["error"]

from __future__ import annotations

import numpy as np
import pytest

from harness.metrics import likelihood


def measured(findings):
    return {one.name: one for one in findings.measurements}


def test_the_uniform_density_costs_eight_bits():
    assert likelihood.bits_per_dimension(np.zeros(3), pixels=784).tolist() == [8.0, 8.0, 8.0]


def test_a_density_on_half_of_the_range_saves_one_bit_for_each_pixel():
    nats = np.full(3, 784 * np.log(2.0))
    np.testing.assert_allclose(likelihood.bits_per_dimension(nats, pixels=784), 7.0)


def test_bits_are_those_of_the_probabilities_of_grey_values():
    """A density that is constant within each of 256 bins: its bits are the cross-entropy of the bins."""
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.ones(256))
    grey = rng.integers(0, 256, (5, 784))
    nats = np.log(256 * shares[grey]).sum(axis=1)
    np.testing.assert_allclose(
        likelihood.bits_per_dimension(nats, pixels=784), -np.log2(shares[grey]).mean(axis=1)
    )


@pytest.mark.parametrize(
    ("kind", "word"), [("exact", "Exact"), ("bound", "lower bound"), ("estimate", "estimate")]
)
def test_the_note_says_what_kind_of_number_it_is(make_scene, kind, word):
    nats = np.random.default_rng(0).normal(2000, 100, 50)
    found = measured(likelihood.measure(make_scene(log_prob=nats, log_prob_kind=kind)))
    assert found["likelihood.nats"].value == pytest.approx(nats.mean())
    assert found["likelihood.bits_per_dimension"].sample_size == 50
    for one in found.values():
        assert word.lower() in one.note.lower()
        assert one.settings["kind"] == kind
        assert one.interval[0] < one.value < one.interval[1]


def test_worse_than_uniform_is_flagged(make_scene):
    assert [flag.name for flag in likelihood.measure(make_scene(log_prob=np.full(9, -50.0))).flags] == [
        "worse_than_uniform"
    ]
    assert likelihood.measure(make_scene(log_prob=np.full(9, 50.0))).flags == []


def test_a_model_without_densities_has_no_likelihood(make_scene):
    assert likelihood.measure(make_scene()).measurements == []


def test_a_likelihood_is_the_model_s_own_word(make_scene):
    assert all(metric.self_reported for metric in likelihood.METRICS)
    for one in likelihood.measure(make_scene(log_prob=np.full(9, 50.0))).measurements:
        assert one.note.startswith("Self-reported")


@pytest.mark.parametrize(("noise", "flagged"), [
    ([-5e4, -np.inf], []), ([np.nan, 19.0], []), ([-5e4, 25.0], ["no_density"]), ([np.inf, np.nan], ["no_density"]),
])
def test_noise_more_probable_than_any_density_allows_is_flagged(make_scene, noise, flagged):
    findings = likelihood.measure(make_scene(log_prob=np.full(9, 50.0), log_prob_noise=np.array(noise, np.float32)))
    assert [flag.name for flag in findings.flags] == flagged
    for flag in findings.flags:
        assert np.isfinite(list(flag.evidence.values())).all()


def test_a_model_that_stores_images_in_no_bits_is_flagged(make_scene):
    impossible = likelihood.measure(make_scene(log_prob=np.full(9, 784 * np.log(256) + 1.0)))
    assert [flag.name for flag in impossible.flags] == ["impossible_likelihood"]
    assert likelihood.measure(make_scene(log_prob=np.full(9, 784 * np.log(256) - 1.0))).flags == []

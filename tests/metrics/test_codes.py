from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.metrics.codes import active_units, divergence, measure_codes


@pytest.fixture
def posterior():
    rng = np.random.default_rng(0)
    means = rng.normal(size=(500, 6)) * [1.0, 0.5, 0.2, 0.05, 0.01, 0.0]
    return means.astype(np.float32), rng.normal(-1, 0.5, size=(500, 6)).astype(np.float32)


def test_the_divergence_is_that_of_torch(posterior):
    means, logs = map(torch.from_numpy, posterior)
    theirs = torch.distributions.kl_divergence(
        torch.distributions.Normal(means.double(), (logs.double() / 2).exp()),
        torch.distributions.Normal(0.0, torch.tensor(1.0).double()),
    )
    np.testing.assert_allclose(divergence(*posterior), theirs, rtol=1e-9, atol=1e-12)


def test_the_prior_itself_diverges_from_nothing():
    assert not divergence(np.zeros((3, 2)), np.zeros((3, 2))).any()


def test_units_that_hardly_move_are_not_active(posterior):
    assert active_units(posterior[0]).tolist() == [True, True, True, False, False, False]


def test_the_size_of_a_code_is_counted_in_numbers_and_in_bits_of_half_precision(posterior):
    found = {one.name: one for one in measure_codes(posterior[0], None, resamples=10, seed=0).measurements}
    assert found["reconstruction.code_numbers"].value == 6
    assert found["reconstruction.code_bits"].value == 96
    assert found["reconstruction.active_units"].value == 3
    assert "reconstruction.kl" not in found


def test_a_stated_posterior_gives_nats_for_each_unit_and_in_all(posterior):
    findings = measure_codes(posterior[0], posterior, resamples=50, seed=0)
    kl = next(one for one in findings.measurements if one.name == "reconstruction.kl")
    units = findings.tables["reconstruction.units"].columns
    assert sum(units["nats"]) == pytest.approx(kl.value)
    assert kl.interval[0] < kl.value < kl.interval[1]
    assert units["unit"] == [0, 1, 2, 3, 4, 5]

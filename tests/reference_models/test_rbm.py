"""The RBM beside sums over all states of its hidden units."""

from __future__ import annotations

import importlib
import itertools
import math
from typing import Any

import pytest
import torch

HIDDEN = 6


@pytest.fixture
def rbm() -> Any:
    torch.manual_seed(0)
    model = importlib.import_module("rbm").RBM(hidden=HIDDEN, chains=10, temperatures=200)
    with torch.no_grad():
        model.weights.normal_(0, 0.15)
        model.visible_bias.normal_(-1, 1)
        model.hidden_bias.normal_(0, 1)
    return model


def hidden_states() -> torch.Tensor:
    return torch.tensor(list(itertools.product([0.0, 1.0], repeat=HIDDEN)))     # (2^H, H)


def exact_log_partition(rbm: Any) -> torch.Tensor:
    """Sum over all h, and for each over all v, which is a product over pixels."""
    h = hidden_states()
    over_visible = torch.nn.functional.softplus(h @ rbm.weights.T + rbm.visible_bias).sum(1)
    return torch.logsumexp(h @ rbm.hidden_bias + over_visible, 0)


def test_the_free_energy_is_the_sum_over_hidden_states(rbm):
    v, h = torch.bernoulli(torch.full((5, 784), 0.3)), hidden_states()
    energies = -(v @ rbm.visible_bias)[:, None] - h @ rbm.hidden_bias - v @ rbm.weights @ h.T       # (5, 2^H)
    torch.testing.assert_close(rbm.free_energy(v), -torch.logsumexp(-energies, 1), rtol=1e-5, atol=1e-3)


def test_annealing_estimates_the_partition_function(rbm):
    assert rbm.log_partition().item() == pytest.approx(exact_log_partition(rbm).item(), abs=0.3)


def test_the_partition_function_is_estimated_anew_when_other_weights_are_loaded(rbm):
    before = rbm.log_partition()
    rbm.load_state_dict({name: value / 2 for name, value in rbm.state_dict().items()})
    assert rbm.log_partition().item() == pytest.approx(exact_log_partition(rbm).item(), abs=0.3)
    assert abs(rbm.log_partition() - before) > 1


def test_the_log_density_of_a_binary_image_is_its_probability_and_the_volume_of_its_density(rbm):
    v = torch.bernoulli(torch.full((5, 784), 0.3))
    expected = 784 * math.log(2) - rbm.free_energy(v) - rbm.log_partition()
    torch.testing.assert_close(rbm.log_prob(v.view(5, 1, 28, 28)), expected, rtol=1e-5, atol=1e-3)


def test_the_gradient_of_the_free_energy_is_what_data_and_hidden_units_do_together(rbm):
    v = torch.bernoulli(torch.full((5, 784), 0.3))
    rbm.free_energy(v).sum().backward()
    torch.testing.assert_close(rbm.weights.grad, -v.T @ rbm.hidden_given(v), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(rbm.visible_bias.grad, -v.sum(0))


def test_gibbs_steps_come_to_the_distribution_of_the_model(rbm):
    h = hidden_states()
    over_visible = torch.nn.functional.softplus(h @ rbm.weights.T + rbm.visible_bias).sum(1)
    shares = (h @ rbm.hidden_bias + over_visible).softmax(0)                    # p(h), exactly
    expected = shares @ torch.sigmoid(h @ rbm.weights.T + rbm.visible_bias)     # p(v = 1)
    generator = torch.Generator().manual_seed(0)
    visible = torch.zeros(2000, 784)
    with torch.no_grad():
        for _ in range(30):
            visible = rbm.gibbs_step(visible, generator=generator)
    assert (visible.mean(0) - expected).abs().max() < 0.06


def test_training_makes_the_images_likelier(rbm):
    images = (torch.rand(200, 1, 28, 28) < torch.linspace(0, 1, 28)).float()
    model = importlib.import_module("rbm").RBM(hidden=HIDDEN, chains=50, temperatures=100, epochs=5)
    before = model.log_prob(images).mean()
    model.fit(images, None, seed=0)
    assert model.log_prob(images).mean() > before + 100

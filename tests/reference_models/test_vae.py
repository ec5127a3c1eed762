"""The VAE's formulas beside independent implementations."""

from __future__ import annotations

import importlib
from types import ModuleType

import pytest
import torch
from torch.distributions import ContinuousBernoulli, Normal, kl_divergence
from torch.nn import functional


@pytest.fixture
def vae() -> ModuleType:
    torch.manual_seed(0)
    return importlib.import_module("vae")


def test_the_kl_divergence_is_that_of_torch(vae):
    mean, log_variance = torch.randn(50, 20, dtype=torch.float64), torch.randn(50, 20, dtype=torch.float64)
    posterior = Normal(mean, torch.exp(0.5 * log_variance))
    expected = kl_divergence(posterior, Normal(torch.zeros_like(mean), torch.ones_like(mean))).sum(1)
    torch.testing.assert_close(vae.gaussian_kl(mean, log_variance), expected)


def test_the_bernoulli_log_likelihood_and_its_gradient_are_those_of_torch(vae):
    values = torch.rand(2000, dtype=torch.float64)
    logits = torch.linspace(-100, 100, 2000, dtype=torch.float64).requires_grad_()
    ours = vae.bernoulli_log_likelihood(values, logits)
    expected = -functional.binary_cross_entropy_with_logits(logits, values, reduction="none")
    torch.testing.assert_close(ours, expected)
    gradients = [torch.autograd.grad(one.sum(), logits)[0] for one in (ours, expected)]
    torch.testing.assert_close(*gradients)


def test_a_code_that_is_the_prior_costs_nothing(vae):
    assert torch.equal(vae.gaussian_kl(torch.zeros(3, 20), torch.zeros(3, 20)), torch.zeros(3))


def test_the_continuous_bernoulli_density_is_that_of_torch(vae):
    values = torch.rand(1000, dtype=torch.float64)
    logits = torch.linspace(-30, 30, 1000, dtype=torch.float64)
    expected = ContinuousBernoulli(logits=logits).log_prob(values)
    # torch expands a wider range around 0 into a series, hence the tolerance
    torch.testing.assert_close(
        vae.continuous_bernoulli_log_density(values, logits), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("logit", [-200.0, -5.0, -0.019, -1e-6, 0.0, 1e-6, 0.021, 5.0, 40.0])
def test_the_continuous_bernoulli_density_integrates_to_one(vae, logit):
    values = torch.linspace(0, 1, 100_001, dtype=torch.float64)
    density = vae.continuous_bernoulli_log_density(values, torch.full_like(values, logit)).exp()
    assert torch.trapezoid(density, values).item() == pytest.approx(1, abs=1e-5)


def test_the_density_has_no_gap_where_its_series_ends(vae):
    logits = torch.tensor([0.02 - 1e-9, 0.02 + 1e-9], dtype=torch.float64)
    below, above = vae.continuous_bernoulli_log_density(torch.full((2,), 0.7, dtype=torch.float64), logits)
    assert below.item() == pytest.approx(above.item(), abs=1e-8)


def test_gradients_reach_mean_and_variance_through_the_drawn_code(vae):
    mean = torch.zeros(4, 20, requires_grad=True)
    log_variance = torch.zeros(4, 20, requires_grad=True)
    vae.VAE().draw_code(mean, log_variance).square().sum().backward()
    assert mean.grad.abs().min() > 0
    assert log_variance.grad.abs().min() > 0


def test_drawn_codes_have_the_posteriors_mean_and_variance(vae):
    mean, log_variance = torch.full((20_000, 1), 1.5), torch.full((20_000, 1), -1.0)
    codes = vae.VAE().draw_code(mean, log_variance)
    assert codes.mean().item() == pytest.approx(1.5, abs=0.03)
    assert codes.var().item() == pytest.approx(torch.tensor(-1.0).exp().item(), rel=0.05)


def test_beta_weighs_the_kl_and_nothing_else(vae):
    images = torch.rand(8, 1, 28, 28)
    losses = []
    for beta in (0.0, 1.0, 3.0):
        torch.manual_seed(0)
        model = vae.VAE(beta=beta)
        torch.manual_seed(1)
        losses.append(model.loss(images).item())
        kl = vae.gaussian_kl(*model.posterior(images)).mean().item()
    assert losses[1] - losses[0] == pytest.approx(kl, rel=1e-2, abs=1e-3)
    assert losses[2] - losses[0] == pytest.approx(3 * kl, rel=1e-2, abs=1e-3)


def test_the_bound_of_a_decoder_that_ignores_its_code_is_the_exact_likelihood(vae):
    # With p(x | z) = p(x) the integral over z drops out; the posterior is the prior, so all weights are p(x).
    model = vae.VAE()
    with torch.no_grad():
        for layer in (model.encoder[3], model.decoder[0], model.decoder[2]):
            layer.weight.zero_()
            layer.bias.zero_()
        model.decoder[2].bias.copy_(torch.linspace(-3, 3, 784))
    images = torch.rand(6, 1, 28, 28)
    exact = ContinuousBernoulli(logits=torch.linspace(-3, 3, 784)).log_prob(images.flatten(1)).sum(1)
    torch.testing.assert_close(model.log_prob(images), exact, rtol=1e-4, atol=1e-2)

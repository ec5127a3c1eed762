"""The VQ-VAE: the codebook, the gradient that passes it, and the prior over texts."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import pytest
import torch


@pytest.fixture
def vq_vae() -> ModuleType:
    torch.manual_seed(0)
    return importlib.import_module("vq_vae")


@pytest.fixture
def model(vq_vae) -> Any:
    return vq_vae.VQVAE(entries=16, channels=4, hidden=8).eval()


def test_the_nearest_entry_is_the_nearest(vq_vae):
    codebook = vq_vae.Codebook(16, 2)
    z = torch.randn(3, 2, 7, 7)
    chosen = codebook(codebook.nearest(z))
    distances = (z - chosen).square().sum(1)
    for vector in codebook.vectors.detach():
        assert (distances <= (z - vector.view(1, 2, 1, 1)).square().sum(1) + 1e-6).all()


def test_a_code_is_made_of_entries_and_forgives_small_errors(model):
    images = torch.rand(5, 1, 28, 28)
    codes = model.encode(images)
    assert codes.shape == (5, 98)
    entries = model.codebook.vectors.detach()
    gap = torch.pdist(entries).min().item()
    assert torch.cdist(codes.view(5, 2, 49).transpose(1, 2), entries).min(dim=2).values.max() == 0
    assert torch.equal(model.decode(codes + gap / 4), model.decode(codes))


def test_the_gradient_passes_the_codebook_as_if_it_were_not_there(model):
    model.beta = 0.0        # without commitment only the rebuilt image reaches the encoder
    images = torch.rand(4, 1, 28, 28)
    model.loss(images).backward()
    received = model.encoder[0].weight.grad.clone()

    model.zero_grad()
    z = model.encoder(images)
    e = model.codebook(model.codebook.nearest(z)).detach().requires_grad_()
    logits = model.decoder(e)
    distortion = torch.nn.functional.binary_cross_entropy_with_logits(logits, images, reduction="sum") / 4
    z.backward(torch.autograd.grad(distortion, e)[0])
    torch.testing.assert_close(received, model.encoder[0].weight.grad)


def test_a_letter_is_expected_from_those_before_it_and_from_no_other(model):
    letters = torch.randint(0, 16, (1, 7, 7))
    before = model.prior(letters)
    changed = letters.clone()
    changed[0, 3, 4] = (changed[0, 3, 4] + 1) % 16
    difference = (model.prior(changed) - before).abs().sum(2)[0]
    assert (difference[: 3 * 7 + 4 + 1] == 0).all()
    assert difference[3 * 7 + 5] > 0


def test_a_text_is_drawn_from_the_probabilities_that_the_prior_states(model):
    chances = torch.rand(6, 49)
    letters = model.prior.draw(chances)
    cumulative = model.prior(letters).softmax(2).cumsum(2)                      # (6, 49, K)
    drawn = letters.flatten(1)[:, :, None]
    above = cumulative.gather(2, drawn).squeeze(2)
    below = torch.where(drawn > 0, cumulative.gather(2, (drawn - 1).clamp(min=0)), 0.0).squeeze(2)
    assert (below <= chances + 1e-5).all()
    assert (chances <= above + 1e-5).all()


def test_the_prior_states_the_probability_of_each_letter(model):
    letters = torch.randint(0, 16, (4, 7, 7))
    chosen = model.prior(letters).log_softmax(2).gather(2, letters.flatten(1)[:, :, None])
    torch.testing.assert_close(model.prior.log_prob(letters), chosen.sum((1, 2)))

"""The flows: inverses, determinants, and the parts of which they are made."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import pytest
import torch

SMALL = {       # file -> class and arguments
    "realnvp": ("RealNVP", {"couplings": 4, "channels": 4}),
    "glow": ("Glow", {"steps": 2, "channels": 6}),
}


@pytest.fixture
def realnvp() -> ModuleType:
    return importlib.import_module("realnvp")


@pytest.fixture
def glow() -> ModuleType:
    return importlib.import_module("glow")


@pytest.fixture(params=SMALL)
def flow(request: pytest.FixtureRequest) -> Any:
    """A flow that does something: as built, coupling layers change nothing."""
    torch.manual_seed(0)
    kind, small = SMALL[request.param]
    model = getattr(importlib.import_module(request.param), kind)(**small)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
        model.centre.fill_(-2.0)
        model.spread.fill_(3.0)
    return model.eval()


def test_backwards_it_gives_the_image_back(flow):
    images = torch.rand(5, 1, 28, 28)
    images[:, :, :8] /= 256         # black, dequantised: where the logit is steep
    noise, _ = flow.to_latent(images)
    assert noise.shape == (5, 784)
    assert (noise - torch.logit(images).flatten(1)).abs().max() > 1
    assert (flow.from_latent(noise) - images).abs().max() < 1e-4


def test_backwards_and_forwards_it_gives_the_noise_back(flow):
    flow.double()
    noise = flow.to_latent(torch.rand(5, 1, 28, 28, dtype=torch.float64))[0].detach()
    noise += 0.01 * torch.randn(5, 784, dtype=torch.float64)
    torch.testing.assert_close(flow.to_latent(flow.from_latent(noise))[0], noise, rtol=1e-4, atol=1e-4)


def test_the_log_determinant_is_that_of_the_jacobian(flow):
    flow.double()
    images = torch.rand(2, 1, 8, 8, dtype=torch.float64)
    _, log_det = flow.to_latent(images)
    for image, claimed in zip(images, log_det, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda x: flow.to_latent(x[None])[0][0], image)
        expected = torch.linalg.slogdet(jacobian.reshape(64, 64))[1]
        torch.testing.assert_close(claimed, expected, rtol=1e-8, atol=1e-6)


def test_every_variable_is_changed_by_a_coupling_or_by_its_opposite(realnvp):
    for mask in (realnvp.checkerboard_mask(8), realnvp.channel_mask(8)):
        assert mask.sum() == 4
        changes = torch.zeros(1, 8, 4, 4)
        for choice in (mask, 1 - mask):
            layer = realnvp.AffineCoupling(choice, realnvp.UNet(8, 16, width=4))
            torch.nn.init.ones_(layer.network.end.bias)
            changes += (layer(torch.zeros(1, 8, 4, 4))[0] != 0).float()
        assert torch.equal(changes, torch.ones_like(changes))


def test_the_checkerboard_of_channels_is_one_of_pixels(realnvp):
    rows, columns = torch.arange(28)[:, None], torch.arange(28)
    black = ((rows + columns) % 2 == 0).float().view(1, 1, 28, 28)
    squeezed = torch.nn.functional.pixel_unshuffle(black, 2)
    assert torch.equal(squeezed, realnvp.checkerboard_mask(4).view(1, 4, 1, 1).expand(1, 4, 14, 14))


def test_grey_levels_survive_being_dequantised(realnvp):
    levels = torch.arange(256.0)
    assert torch.equal(realnvp.grey_levels(levels / 255), levels)
    noisy = realnvp.dequantise((levels / 255).expand(50, 256))
    assert 0 <= noisy.min() <= noisy.max() <= 1
    assert torch.equal(realnvp.grey_levels(noisy), levels.expand(50, 256))
    assert noisy[0].unique().numel() == 256


def test_an_activation_norm_begins_with_mean_zero_and_variance_one_and_is_set_once(glow):
    torch.manual_seed(0)
    layer = glow.ActNorm(4).train()
    y, log_det = layer(3 + 2 * torch.randn(64, 4, 6, 6))
    torch.testing.assert_close(y.mean((0, 2, 3)), torch.zeros(4), rtol=0, atol=1e-4)
    torch.testing.assert_close(y.std((0, 2, 3)), torch.ones(4), rtol=1e-4, atol=1e-4)
    assert log_det.shape == (64,)
    before = layer.log_scale.clone()
    layer(torch.randn(64, 4, 6, 6))
    assert torch.equal(layer.log_scale, before)


def test_the_mixing_of_channels_begins_as_a_rotation(glow):
    layer = glow.InvertibleConvolution(8)
    x = torch.randn(3, 8, 5, 5)
    y, log_det = layer(x)
    torch.testing.assert_close(y.norm(dim=1), x.norm(dim=1))
    torch.testing.assert_close(log_det, torch.zeros(3), rtol=0, atol=1e-3)

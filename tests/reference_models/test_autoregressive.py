"""The autoregressive model: what it sees, what it sums to, and that it draws what it believes."""

from __future__ import annotations

import importlib
import math
from types import ModuleType
from typing import Any

import pytest
import torch


@pytest.fixture
def autoregressive() -> ModuleType:
    torch.manual_seed(0)
    return importlib.import_module("autoregressive")


@pytest.fixture
def model(autoregressive) -> Any:
    return autoregressive.Autoregressive(channels=6, dilations=(1, 2), components=2).eval()


@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, 5), (13, 0), (14, 14), (20, 27)])
def test_a_pixel_depends_on_those_before_it_and_on_no_other(model, row, column):
    x = torch.rand(1, 1, 28, 28, requires_grad=True)
    model(x)[0, :, row, column].sum().backward()
    seen = (x.grad[0, 0] != 0).flatten()
    place = 28 * row + column
    assert not seen[place:].any()
    if place:
        assert seen[place - 1 if column else place - 28]    # the neighbour to the left, or the one above


@pytest.mark.parametrize("scale", [0.1, 1.0, 5.0])
def test_the_probabilities_of_the_256_levels_add_up_to_one(autoregressive, scale):
    mixture = scale * torch.randn(1, 15, 3, 3, dtype=torch.float64)
    levels = (torch.arange(256, dtype=torch.float64) / 127.5 - 1).view(256, 1, 1, 1).expand(256, 1, 3, 3)
    log_probability = autoregressive.level_log_probability(mixture.expand(256, 15, 3, 3), levels)
    torch.testing.assert_close(log_probability.exp().sum(0), torch.ones(3, 3, dtype=torch.float64))


def test_levels_are_drawn_as_often_as_they_are_probable(autoregressive):
    mixture = torch.tensor([0.0, 1.0, -0.9, 0.3, 0.0, 1.0])     # two components: one at black, one at grey
    levels = (torch.arange(256) / 127.5 - 1).view(256, 1, 1, 1)
    mixtures = mixture.view(1, 6, 1, 1).expand(256, 6, 1, 1)
    expected = autoregressive.level_log_probability(mixtures, levels).exp()
    drawn = autoregressive.draw_level(mixture.expand(50_000, 6), torch.Generator().manual_seed(0))
    shares = torch.bincount(drawn.long(), minlength=256) / 50_000
    assert 0.5 * (shares - expected.flatten()).abs().sum() < 0.03       # total variation


def test_the_density_is_flat_within_a_grey_level(model):
    levels = torch.randint(0, 256, (3, 1, 28, 28)).float()
    expected = model.level_log_prob(levels) + 784 * math.log(256)
    for noise in (0.0, 0.5, 0.99):
        torch.testing.assert_close(model.log_prob((levels + noise) / 256), expected)
    torch.testing.assert_close(model.log_prob(levels / 255), expected)


def test_drawing_from_what_was_kept_is_drawing_from_the_whole_model(autoregressive, model):
    drawn = model.sample(4, seed=3)
    levels = (drawn[:, 0] * 255).round()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        mixtures = model(drawn * 2 - 1)
    for place in range(784):
        row, column = divmod(place, 28)
        expected = autoregressive.draw_level(mixtures[:, :, row, column], generator)
        assert (levels[:, row, column] - expected).abs().max() <= 1     # rounding may fall either way

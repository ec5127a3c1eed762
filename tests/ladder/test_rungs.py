"""The models of the ladder speak the contract, and each is what its name says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from harness.contract import capabilities, load_weights

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def models() -> ModuleType:
    spec = importlib.util.spec_from_file_location("ladder_models", HERE / "models.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rung(models: ModuleType, name: str) -> Any:
    kind, checkpoint = models.RUNGS[name]
    model = getattr(models, kind)()
    if checkpoint is not None:
        load_weights(model, HERE / checkpoint)
    return model


RUNGS = ["noise", "untrained", "mean_image", "one_epoch", "ten_epochs"]


def test_the_rungs_stand_from_worst_to_best(models):
    assert list(models.RUNGS) == RUNGS


@pytest.mark.parametrize("name", RUNGS)
def test_it_speaks_the_contract_and_repeats_itself(models, name):
    first, again = rung(models, name), rung(models, name)
    assert {"sample", "encode", "decode"} <= set(capabilities(first))
    images = torch.rand(6, 1, 28, 28, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        codes, samples = first.encode(images), first.sample(6, seed=1)
        decoded = first.decode(codes)
        assert codes.shape == (6, 20)
        for made in (decoded, samples):
            assert made.shape == (6, 1, 28, 28)
            assert made.dtype == torch.float32
            assert 0 <= made.min() <= made.max() <= 1
        assert torch.equal(codes, again.encode(images))
        assert torch.equal(decoded, again.decode(codes))
        assert torch.equal(samples, again.sample(6, seed=1))


def test_noise_resembles_neither_its_input_nor_itself(models):
    noise = rung(models, "noise")
    images = torch.rand(50, 1, 28, 28, generator=torch.Generator().manual_seed(5))
    decoded = noise.decode(noise.encode(images))
    assert decoded.mean().item() == pytest.approx(0.5, abs=0.02)
    assert torch.corrcoef(decoded.flatten(1)).fill_diagonal_(0).abs().max() < 0.25


def test_the_mean_image_answers_everything_with_the_same_garment(models):
    mean = rung(models, "mean_image")
    drawn = mean.sample(3, seed=0)
    assert torch.equal(drawn[0], drawn[2])
    assert 0.2 < drawn.mean() < 0.4     # 0.286 is the mean intensity of the training images
    assert torch.equal(mean.decode(torch.randn(3, 20)), drawn)


def test_the_checkpoints_are_small():
    for checkpoint in HERE.glob("*.safetensors"):
        assert checkpoint.stat().st_size < 1_000_000, checkpoint.name

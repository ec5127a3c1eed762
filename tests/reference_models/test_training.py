"""The training loop that the reference models share."""

from __future__ import annotations

import importlib
import time
from types import ModuleType

import pytest
import torch
from torch import nn


@pytest.fixture
def training() -> ModuleType:
    return importlib.import_module("training")


class Recorder(nn.Module):
    """A model of one number, which remembers the batches that its loss was given."""

    def __init__(self) -> None:
        super().__init__()
        self.number = nn.Parameter(torch.zeros(()))
        self.batches: list[torch.Tensor] = []

    def loss(self, batch: torch.Tensor) -> torch.Tensor:
        self.batches.append(batch.clone())
        return ((self.number - 3) ** 2).mean() + 0 * batch.sum()


def test_every_image_is_seen_once_an_epoch_in_an_order_that_changes(training):
    model, images = Recorder(), torch.arange(10.0)
    training.train(model, model.loss, images, epochs=2, batch_size=4, seed=0)
    assert [len(batch) for batch in model.batches] == [4, 4, 2, 4, 4, 2]
    first, second = torch.cat(model.batches[:3]), torch.cat(model.batches[3:])
    assert torch.equal(first.sort().values, images)
    assert torch.equal(second.sort().values, images)
    assert not torch.equal(first, second)


def test_the_order_is_that_of_the_seed(training):
    def order(seed: int) -> list[float]:
        model = Recorder()
        training.train(model, model.loss, torch.arange(50.0), epochs=1, seed=seed)
        return torch.cat(model.batches).tolist()

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_it_gives_and_tells_the_mean_loss_of_every_epoch(training):
    model, told = Recorder(), []
    history = training.train(
        model, model.loss, torch.zeros(8), epochs=3, batch_size=4, seed=0, learning_rate=0.1,
        progress=lambda *facts: told.append(facts),
    )
    assert [(epoch, epochs) for epoch, epochs, _ in told] == [(1, 3), (2, 3), (3, 3)]
    assert [loss for _, _, loss in told] == history
    assert history == sorted(history, reverse=True)


def test_it_takes_the_steps_of_adam(training):
    model, plain = Recorder(), nn.Parameter(torch.zeros(()))
    training.train(
        model, model.loss, torch.zeros(30), epochs=1, batch_size=3, seed=0, learning_rate=0.1,
        weight_decay=0.01,
    )
    optimiser = torch.optim.Adam([plain], lr=0.1, weight_decay=0.01, fused=False)
    for _ in range(10):
        optimiser.zero_grad()
        ((plain - 3) ** 2).backward()
        optimiser.step()
    torch.testing.assert_close(model.number, plain)


def test_the_model_trains_in_training_mode_and_is_left_in_evaluation_mode(training):
    model, modes = Recorder(), []

    def loss(batch: torch.Tensor) -> torch.Tensor:
        modes.append(model.training)
        return model.loss(batch)

    training.train(model, loss, torch.zeros(8), epochs=1, seed=0)
    assert modes == [True]
    assert not model.training


def test_a_step_that_would_not_end_in_time_is_not_begun(training):
    model = Recorder()

    def slow(batch: torch.Tensor) -> torch.Tensor:
        time.sleep(0.5)
        return model.loss(batch)

    deadline = time.monotonic() + 1.9
    history = training.train(
        model, slow, torch.zeros(64), epochs=9, batch_size=1, seed=0, deadline=deadline)
    assert 1 <= len(model.batches) <= 3     # a fourth would begin after 1.5 seconds and end after 2
    assert len(history) == 1


def test_without_any_time_no_step_is_taken(training):
    model = Recorder()
    history = training.train(
        model, model.loss, torch.zeros(8), epochs=9, seed=0, deadline=time.monotonic())
    assert history == []
    assert model.batches == []

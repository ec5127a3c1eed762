"""The training loop that the reference models share."""

from __future__ import annotations

import importlib
import itertools
import math
import time
from types import ModuleType, SimpleNamespace

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


def test_labels_go_with_their_images(training):
    model, images = Recorder(), torch.arange(30.0)
    pairs = []

    def loss(batch: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        pairs.extend(zip(batch.tolist(), labels.tolist(), strict=True))
        return model.loss(batch)

    training.train(model, loss, images, images.int() + 100, epochs=1, batch_size=7, seed=0)
    assert sorted(pairs) == [(number, number + 100) for number in range(30)]


def test_images_held_out_are_not_trained_on_and_choose_the_best_epoch(training):
    # The training images pull the number up without end; those held out are at 3.
    class Puller(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.number = nn.Parameter(torch.zeros(()))
            self.trained_on: list[float] = []

        def loss(self, batch: torch.Tensor) -> torch.Tensor:
            if self.training:
                self.trained_on += batch.tolist()
            return ((self.number - batch) ** 2).mean()

    model = Puller()
    images = torch.tensor([10.0] * 8 + [3.0, 3.0])
    training.train(model, model.loss, images, epochs=20, batch_size=8, seed=0, learning_rate=0.5, held_out=2)
    assert set(model.trained_on) == {10.0}
    assert model.number.item() == pytest.approx(3, abs=0.3)


def test_a_loss_that_is_no_number_ends_training_with_the_weights_before(training):
    model, told = Recorder(), []

    def loss(batch: torch.Tensor) -> torch.Tensor:
        return model.loss(batch) * (math.nan if len(model.batches) > 6 else 1)

    training.train(
        model, loss, torch.zeros(8), epochs=9, batch_size=4, seed=0, learning_rate=0.1,
        progress=lambda *facts: told.append(facts),
    )
    assert len(told) == 4
    assert 0 < model.number.item() < 1


def test_annealing_takes_smaller_and_smaller_steps_until_there_is_nothing_left(training):
    model, numbers = Recorder(), []

    def loss(batch: torch.Tensor) -> torch.Tensor:
        numbers.append(model.number.item())
        return -model.number * len(batch)       # a slope that never ends: every step is the step size

    training.train(
        model, loss, torch.zeros(40), epochs=1, batch_size=4, seed=0, learning_rate=0.1, anneal=True)
    numbers.append(model.number.item())
    expected = [0.1 * (1 + math.cos(math.pi * step / 10)) / 2 for step in range(10)]
    steps = [after - before for before, after in itertools.pairwise(numbers)]
    assert steps == pytest.approx(expected, rel=1e-3)


def test_annealing_ends_with_the_time_where_that_is_short(training, monkeypatch):
    model, numbers, ticks = Recorder(), [], itertools.count(1)
    monkeypatch.setattr(training, "time", SimpleNamespace(monotonic=lambda: next(ticks) / 10))

    def loss(batch: torch.Tensor) -> torch.Tensor:
        numbers.append(model.number.item())
        return -model.number * len(batch)

    training.train(
        model, loss, torch.zeros(64), epochs=1_000_000, batch_size=1, seed=0, learning_rate=0.1, anneal=True,
        deadline=100)
    assert numbers[2] - numbers[1] == pytest.approx(0.1, rel=1e-2)
    assert 0 <= numbers[-1] - numbers[-2] < 1e-4


def test_a_long_gradient_is_shortened_and_a_short_one_left(training):
    lengths = []
    for clip in (1.0, 1e6):
        model = Recorder()
        training.train(model, model.loss, torch.zeros(1), epochs=1, batch_size=1, seed=0, clip=clip)
        lengths.append(abs(model.number.grad.item()))
    assert lengths == pytest.approx([1, 6])     # the gradient of (0 - 3) ** 2


def test_the_average_of_the_weights_lies_between_those_of_the_last_steps(training):
    def trained(average: float) -> float:
        model = Recorder()
        training.train(
            model, model.loss, torch.zeros(100), epochs=1, batch_size=5, seed=0, learning_rate=0.1,
            average=average)
        return model.number.item()

    numbers, model = [0.0], Recorder()

    def loss(batch: torch.Tensor) -> torch.Tensor:
        numbers.append(model.number.item())
        return model.loss(batch)

    training.train(model, loss, torch.zeros(100), epochs=1, batch_size=5, seed=0, learning_rate=0.1)
    expected = 0.0
    for step, number in enumerate([*numbers[2:], model.number.item()], start=1):
        keep = min(0.5, step / (step + 9))
        expected = keep * expected + (1 - keep) * number
    assert trained(0.5) == pytest.approx(expected, rel=1e-4)
    assert trained(0.5) != pytest.approx(trained(0.0), rel=1e-3)


def test_the_checkpoint_is_what_is_left_in_the_model(training, tmp_path):
    from safetensors.torch import load_file

    model, file = Recorder(), tmp_path / "best.safetensors"
    training.train(
        model, model.loss, torch.zeros(8), epochs=3, seed=0, average=0.9, learning_rate=0.1, checkpoint=file)
    assert load_file(file)["number"] == model.number
    assert [path.name for path in tmp_path.iterdir()] == ["best.safetensors"]


def test_bfloat16_and_channels_last_change_a_convolution_only_by_rounding(training):
    def losses(speed: object) -> list[float]:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 1, 3, padding=1))
        images = torch.rand(64, 1, 8, 8, generator=torch.Generator().manual_seed(0))
        return training.train(
            model, lambda batch: (model(batch).float() - batch).square().mean(), images, epochs=3, seed=0,
            batch_size=16, learning_rate=0.01, speed=speed)

    plain = losses(training.PLAIN)
    fast = losses(training.Speed(bfloat16=True, channels_last=True))
    assert fast == pytest.approx(plain, rel=0.02)
    assert fast != plain


def test_it_is_not_compiled_where_too_little_time_is_left_for_that(training, monkeypatch):
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda loss, **_: compiled.append(loss) or loss)
    for seconds in (100, 1000):
        model = Recorder()
        training.train(
            model, model.loss, torch.zeros(8), epochs=1, seed=0, speed=training.Speed(compiled=True),
            deadline=time.monotonic() + seconds)
    assert len(compiled) == 1

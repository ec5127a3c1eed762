"""The formulas of diffusion and guidance beside independent implementations."""

from __future__ import annotations

import importlib
import itertools
import math
from types import ModuleType

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from harness.metrics.frechet import frechet


@pytest.fixture
def ddpm() -> ModuleType:
    torch.manual_seed(0)
    return importlib.import_module("ddpm")


@pytest.fixture
def guided() -> ModuleType:
    torch.manual_seed(0)
    return importlib.import_module("guided_diffusion")


def noises(count: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, 1, 28, 28, generator=torch.Generator().manual_seed(seed))


def awake(model: torch.nn.Module) -> torch.nn.Module:
    """Give every weight that begins as 0 a value, as training would."""
    generator = torch.Generator().manual_seed(1)
    for weight in model.parameters():
        if not weight.any():
            weight.data.normal_(0, 0.1, generator=generator)
    return model.eval()


# -- the noise -----------------------------------------------------------------------------------------


def test_the_linear_schedule_is_that_of_ho(ddpm):
    left = ddpm.noise_schedule("linear", 1000)
    added = np.linspace(1e-4, 0.02, 1000)
    assert left[0] == 1
    assert left[1].item() == pytest.approx(1 - 1e-4)
    assert left[500].item() == pytest.approx(math.exp(np.log1p(-added[:500]).sum()))


def test_the_cosine_schedule_is_that_of_nichol_and_dhariwal(ddpm):
    left = ddpm.noise_schedule("cosine", 1000)
    for t in (0, 1, 300, 700):
        level = math.cos((t / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2
        assert left[t].item() == pytest.approx(level / math.cos(0.008 / 1.008 * math.pi / 2) ** 2)


@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_a_schedule_only_falls_and_leaves_almost_nothing(ddpm, kind):
    left = ddpm.noise_schedule(kind, 1000)
    assert left.shape == (1001,)
    assert (left.diff() <= 0).all()
    assert 0 < left[-1] <= 1e-4


def test_a_drowned_image_has_mean_and_variance_of_q(ddpm):
    model = ddpm.DDPM(channels=8)
    t = torch.full((200,), 400)
    a = model.signal[400].item()
    drowned = model.drown(torch.full((200, 1, 28, 28), 0.7), t, noises(200))
    assert drowned.mean().item() == pytest.approx(0.7 * math.sqrt(a), abs=0.01)
    assert drowned.var().item() == pytest.approx(1 - a, rel=0.02)


def test_image_and_noise_follow_from_v(ddpm):
    model = ddpm.DDPM(channels=8)
    x = torch.rand(50, 1, 28, 28) * 2 - 1
    x_t, t, v = model.draw_noisy(x)
    a = model.signal[t].view(-1, 1, 1, 1)
    torch.testing.assert_close(model.image_of(x_t, t, v), x, atol=1e-5, rtol=0)
    noise = (1 - a).sqrt() * x_t + a.sqrt() * v
    torch.testing.assert_close(model.drown(x, t, noise), x_t, atol=1e-5, rtol=0)


# -- the way back --------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 25, 1000])
@pytest.mark.parametrize("power", [1.0, 3.0])
def test_a_path_leads_from_the_first_step_to_the_last(ddpm, count, power):
    path = ddpm.DDPM(channels=8).path(count, power=power)
    assert path[0] == 1
    assert path[-1] == 1000
    assert path == sorted(set(path))
    assert len(path) <= count


@pytest.mark.parametrize(("steps", "eta"), [(2, 0.0), (25, 0.0), (25, 1.0)])
def test_who_knows_the_image_is_led_to_it(ddpm, monkeypatch, steps, eta):
    model, image = ddpm.DDPM(channels=8), torch.rand(3, 1, 28, 28) * 2 - 1
    monkeypatch.setattr(model, "guess_image", lambda *_: image)
    torch.testing.assert_close(model.denoise(noises(3), steps=steps, eta=eta), image)


@pytest.mark.parametrize(("steps", "eta"), [(200, 0.0), (1000, 1.0)])
def test_the_best_guess_leads_to_the_distribution_of_the_images(ddpm, monkeypatch, steps, eta):
    # Of images whose pixels are drawn from N(0, 0.2^2) the best guess is known: linear regression.
    model = ddpm.DDPM(channels=8)

    def best(x_t: torch.Tensor, t: torch.Tensor, labels: object) -> torch.Tensor:
        a = model.signal[t].view(-1, 1, 1, 1)
        return a.sqrt() * 0.04 / (a * 0.04 + 1 - a) * x_t

    monkeypatch.setattr(model, "guess_image", best)
    made = model.denoise(noises(20), steps=steps, eta=eta, generator=torch.Generator().manual_seed(1))
    assert made.mean().item() == pytest.approx(0, abs=0.01)
    assert made.std().item() == pytest.approx(0.2, rel=0.05)


# -- the bound -----------------------------------------------------------------------------------------


def test_grey_values_have_probabilities_that_add_up_to_one(ddpm):
    grey = (torch.arange(256) / 127.5 - 1).double()
    for numbers in ((-1.0, 0.01), (0.3, 0.05), (0.99, 0.5), (0.0, 3.0)):
        mean, deviation = torch.tensor(numbers, dtype=torch.float64)
        values = ddpm.grey_log_probability(grey, mean, deviation)
        assert values.exp().sum().item() == pytest.approx(1)


def test_the_bound_is_made_of_the_divergences_of_torch(ddpm, monkeypatch):
    model = ddpm.DDPM(channels=8, bound_steps=6)
    grey = torch.randint(0, 256, (2, 1, 28, 28), generator=torch.Generator().manual_seed(0)).double()
    x = grey / 127.5 - 1
    monkeypatch.setattr(model, "guess_image", lambda *_: (0.9 * x + 0.05).float())
    guess, a, way = 0.9 * x + 0.05, model.signal.double(), model.path(6, power=3)
    end = Normal(a[-1].sqrt() * x, (1 - a[-1]).sqrt())
    nats = kl_divergence(end, Normal(0.0, 1.0)).sum((1, 2, 3))
    for s, t in itertools.pairwise(way):
        # Ho, equation 7, for a step from t to s; the part of x_t is the same in both means
        part = a[s].sqrt() * (1 - a[t] / a[s]) / (1 - a[t])
        deviation = ((1 - a[s]) / (1 - a[t]) * (1 - a[t] / a[s])).sqrt()
        nats += kl_divergence(Normal(part * x, deviation), Normal(part * guess, deviation)).sum((1, 2, 3))
    last = Normal(guess, (1 - a[1]).sqrt())
    above = torch.where(grey == 255, 1.0, last.cdf(x + 1 / 255))
    below = torch.where(grey == 0, 0.0, last.cdf(x - 1 / 255))
    nats -= (above - below).clamp(min=1e-30).log().sum((1, 2, 3))
    expected = 784 * math.log(256) - nats
    torch.testing.assert_close(model.log_prob((grey + 0.5) / 256).double(), expected, rtol=1e-4, atol=1.0)


def test_the_density_is_the_same_all_over_a_grey_value(ddpm):
    model = ddpm.DDPM(channels=8, bound_steps=5)
    grey = torch.randint(0, 256, (3, 1, 28, 28)).float()
    assert torch.equal(model.log_prob((grey + 0.01) / 256), model.log_prob((grey + 0.99) / 256))


# -- guidance ------------------------------------------------------------------------------------------


def guesses(model: torch.nn.Module, labels: torch.Tensor | None) -> torch.Tensor:
    with torch.no_grad():
        return model.guess_image(noises(4), torch.tensor([200, 400, 600, 900]), labels)


def test_classifier_free_guidance_moves_away_from_the_guess_without_a_label(guided):
    model, labels = awake(guided.GuidedDiffusion(channels=8, scale=0.0)), torch.tensor([1, 2, 3, 4])
    with_label, without = guesses(model, labels), guesses(model, None)
    assert not torch.allclose(with_label, without)
    model.scale = 2.0
    torch.testing.assert_close(
        guesses(model, labels), with_label + 2 * (with_label - without), rtol=1e-4, atol=1e-4)


def test_classifier_guidance_of_scale_0_takes_no_notice_of_the_label(guided):
    model = awake(guided.GuidedDiffusion(channels=8, guidance="classifier", scale=0.0))
    assert torch.equal(guesses(model, torch.tensor([1, 2, 3, 4])), guesses(model, None))


def test_the_gradient_of_the_class_is_that_of_small_differences(guided):
    model = awake(guided.GuidedDiffusion(channels=8)).double()
    x, t, labels = noises(2).double(), torch.tensor([200, 700]), torch.tensor([3, 5])

    def log_probability(x_t: torch.Tensor) -> torch.Tensor:
        return model.classifier(x_t, (t / 1000).double()).log_softmax(1)[torch.arange(2), labels]

    direction = noises(2, seed=5).double()
    step = 1e-5
    with torch.no_grad():
        slope = (log_probability(x + step * direction) - log_probability(x - step * direction)) / (2 * step)
    gradient = model.class_gradient(x, t.double(), labels)
    torch.testing.assert_close((gradient * direction).sum((1, 2, 3)), slope, rtol=1e-3, atol=1e-6)


def test_classifier_guidance_follows_the_score_of_bayes_rule(guided):
    # The score that belongs to a guess is (sqrt(a) guess - x_t) / (1 - a); to it comes s times the gradient.
    model = awake(guided.GuidedDiffusion(channels=8, guidance="classifier", scale=3.0))
    labels, t = torch.tensor([1, 2, 3, 4]), torch.tensor([200, 400, 600, 900])
    a = model.signal[t].view(-1, 1, 1, 1)
    change = a.sqrt() * (guesses(model, labels) - guesses(model, None)) / (1 - a)
    torch.testing.assert_close(change, 3 * model.class_gradient(noises(4), t, labels), rtol=1e-3, atol=1e-4)


def test_labels_are_withheld_in_training_as_often_as_asked(guided, monkeypatch):
    model, seen = guided.GuidedDiffusion(channels=8, withheld=0.3), []
    network = model.network.forward
    monkeypatch.setattr(
        model.network, "forward", lambda x, t, labels: seen.append(labels) or network(x, t, labels))
    labels = torch.arange(400) % 10
    model.loss(torch.rand(400, 1, 28, 28), labels)
    hidden = seen[0] == 10
    assert hidden.float().mean().item() == pytest.approx(0.3, abs=0.08)
    assert torch.equal(seen[0][~hidden], labels[~hidden])


def test_without_labels_all_classes_are_drawn_in_equal_shares(guided, monkeypatch):
    model, asked = guided.GuidedDiffusion(channels=8, sampling_steps=2), []
    monkeypatch.setattr(
        model, "guess_image", lambda x_t, _, labels: asked.append(labels) or torch.zeros_like(x_t))
    model.sample(30, seed=0)
    assert torch.bincount(asked[0]).tolist() == [3] * 10


def test_the_frechet_distance_is_that_of_the_harness(guided):
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(500, 6, generator=generator, dtype=torch.float64)
    second = 0.5 + torch.randn(400, 6, generator=generator, dtype=torch.float64) @ torch.randn(
        6, 6, generator=generator, dtype=torch.float64)
    expected = frechet(first.numpy(), second.numpy()).value
    assert guided.frechet_distance(first, second).item() == pytest.approx(expected, rel=1e-6)


def test_a_sweep_tells_what_every_scale_gives(guided):
    model = awake(guided.GuidedDiffusion(channels=8, sampling_steps=2, scale=0.5))

    def judge(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = torch.nn.functional.avg_pool2d(images, 14).flatten(1)
        return features, torch.eye(10)[(features[:, 0] * 10).long().clamp(0, 9)]

    points = model.sweep(judge, torch.rand(100, 1, 28, 28), torch.arange(100) % 10, scales=(0, 3), count=60)
    assert [point.scale for point in points] == [0, 3]
    assert model.scale == 0.5
    asked = torch.arange(60) % 10
    model.scale = 3
    _, probabilities = judge(model.sample(60, labels=asked, seed=0))
    assert points[1].label_accuracy == pytest.approx((probabilities.argmax(1) == asked).float().mean().item())
    assert all(point.frechet > 0 and point.spread > 0 for point in points)
    assert points[0] != points[1]

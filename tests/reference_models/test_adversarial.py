"""The game that the adversarial models play: the loop, and each loss beside an independent formula."""

from __future__ import annotations

import importlib
import math
import time
from types import ModuleType

import pytest
import torch
from scipy import stats
from torch import nn
from torch.distributions import Categorical, Normal
from torch.nn import functional

GAMES = {       # file -> class, and what the loss of its discriminator or critic is called
    "gan": ("GAN", "discriminator_loss"), "dcgan": ("DCGAN", "discriminator_loss"),
    "wgan_gp": ("WGANGP", "critic_loss"), "wgan_ct": ("WGANCT", "critic_loss"),
    "conditional_gan": ("ConditionalGAN", "discriminator_loss"),
    "infogan": ("InfoGAN", "discriminator_loss"), "biggan": ("BigGAN", "discriminator_loss"),
    "cyclegan": ("CycleGAN", "discriminator_loss"),
}
SMALL = {
    "gan": {"hidden": 32}, "biggan": {"channels": 8, "noise_size": 12},
    "cyclegan": {"channels": 4, "blocks": 1},
}


@pytest.fixture
def adversarial() -> ModuleType:
    return importlib.import_module("adversarial")


def build(name: str, **arguments: object) -> nn.Module:
    torch.manual_seed(0)
    kind = getattr(importlib.import_module(name), GAMES[name][0])
    return kind(**SMALL.get(name, {"channels": 8}) | arguments)


def batch(name: str, count: int = 32) -> tuple[torch.Tensor, ...]:
    """Give a batch as the losses take it: squares in [-1, 1], with what stands beside them."""
    images = torch.full((count, 1, 28, 28), -1.0)
    images[:, :, 8:20, 8:20] = torch.rand(count, 1, 1, 1, generator=torch.Generator().manual_seed(0))
    if name == "cyclegan":
        return images, -images
    return (images, torch.arange(count) % 10) if name in {"conditional_gan", "biggan"} else (images,)


# -- the loop ---------------------------------------------------------------------------------------------


class Players(nn.Module):
    """Two numbers, each of which wants to be where the loss says, and a record of who was moved when."""

    def __init__(self) -> None:
        super().__init__()
        self.generator, self.critic = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
        self.turns: list[tuple[str, torch.Tensor]] = []

    def generator_loss(self, rows: torch.Tensor) -> torch.Tensor:
        self.turns.append(("generator", rows.clone()))
        return (self.generator.weight * self.critic.weight + 0 * rows.sum()).sum()

    def critic_loss(self, rows: torch.Tensor) -> torch.Tensor:
        self.turns.append(("critic", rows.clone()))
        return -self.generator_loss_of(rows)

    def generator_loss_of(self, rows: torch.Tensor) -> torch.Tensor:
        return (self.generator.weight * self.critic.weight + 0 * rows.sum()).sum()


def play(adversarial: ModuleType, rows: torch.Tensor, **options: object) -> Players:
    torch.manual_seed(0)
    players = Players()
    adversarial.train_adversarially(
        players, players.generator, players.critic, players.generator_loss, players.critic_loss, [rows],
        **{"epochs": 1, "seed": 0, "batch_size": 2} | options)
    return players


def test_the_critic_goes_first_and_takes_as_many_turns_as_it_is_given(adversarial):
    players = play(adversarial, torch.arange(12.0), critic_steps=3)
    assert [who for who, _ in players.turns] == ["critic", "critic", "critic", "generator"] * 2


def test_the_critic_sees_every_row_once_an_epoch_in_an_order_that_changes(adversarial):
    players = play(adversarial, torch.arange(10.0), epochs=2)
    seen = torch.cat([rows for who, rows in players.turns if who == "critic"])
    assert torch.equal(seen[:10].sort().values, torch.arange(10.0))
    assert torch.equal(seen[10:].sort().values, torch.arange(10.0))
    assert not torch.equal(seen[:10], seen[10:])


def test_each_player_moves_its_own_weights_only(adversarial):
    class Watched(Players):
        def critic_loss(self, rows):
            self.before = self.generator.weight.item()
            return super().critic_loss(rows)

        def generator_loss(self, rows):
            assert self.generator.weight.item() == self.before      # the critic's turn left it alone
            return super().generator_loss(rows)

    players = Watched()
    critic_before = players.critic.weight.item()
    adversarial.train_adversarially(
        players, players.generator, players.critic, players.generator_loss, players.critic_loss,
        [torch.arange(4.0)], epochs=1, seed=0, batch_size=2, learning_rates=(0.0, 0.1))
    assert players.critic.weight.item() != critic_before
    assert players.generator.weight.item() == pytest.approx(players.before)


def test_the_averaged_generator_is_what_remains(adversarial):
    last = play(adversarial, torch.arange(60.0), average=0.0, learning_rates=(0.1, 0.0))
    averaged = play(adversarial, torch.arange(60.0), average=0.9, learning_rates=(0.1, 0.0))
    start = play(adversarial, torch.arange(60.0), learning_rates=(0.0, 0.0))
    moved, lagging = (
        abs(players.generator.weight.item() - start.generator.weight.item()) for players in (last, averaged))
    assert moved > 1
    assert 0.1 * moved < lagging < moved        # behind, as an average of the way is


def test_batch_normalisation_gets_the_statistics_of_the_averaged_generator(adversarial):
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    critic = nn.Linear(4, 1)
    model = nn.ModuleList([generator, critic])
    adversarial.train_adversarially(
        model, generator, critic, lambda rows: critic(generator(rows)).mean(),
        lambda rows: critic(rows).mean(), [torch.randn(640, 4) * 3 + 5], epochs=1, seed=0, batch_size=40)
    rows = torch.randn(5000, 4, generator=torch.Generator().manual_seed(9)) * 3 + 5
    with torch.no_grad():
        out = generator(rows)
    scale, shift = generator[1].weight, generator[1].bias
    torch.testing.assert_close(out.mean(0), shift.detach(), atol=0.25, rtol=0)
    torch.testing.assert_close(out.std(0), scale.detach().abs(), atol=0.15, rtol=0)
    assert generator[1].momentum == 0.1         # as it was
    assert not model.training


def test_no_turn_is_begun_that_would_end_too_late(adversarial):
    players = Players()

    def slow(rows: torch.Tensor) -> torch.Tensor:
        time.sleep(0.4)
        return Players.critic_loss(players, rows)

    adversarial.train_adversarially(
        players, players.generator, players.critic, players.generator_loss, slow, [torch.arange(64.0)],
        epochs=9, seed=0, batch_size=1, deadline=time.monotonic() + 1.5)
    assert 1 <= sum(who == "critic" for who, _ in players.turns) <= 3   # a fourth would end after 1.6 seconds


# -- every game -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("side", ["critic", "generator"])
def test_ten_steps_against_an_opponent_that_stands_still_lower_the_loss(name, side):
    model = build(name)
    ours = [
        weight for part, weight in model.named_parameters()
        if part.startswith("generator") == (side == "generator")]
    loss = model.generator_loss if side == "generator" else getattr(model, GAMES[name][1])
    optimiser, data = torch.optim.Adam(ours, lr=2e-3), batch(name)

    def measured() -> float:
        """Give the mean loss over the same few draws of noise."""
        torch.manual_seed(1)
        with torch.enable_grad():       # the gradient penalty needs it
            return sum(loss(*data).item() for _ in range(5)) / 5

    before = measured()
    for _ in range(10):
        optimiser.zero_grad()
        loss(*data).backward(inputs=ours)
        optimiser.step()
    assert measured() < before


@pytest.mark.parametrize("name", ["gan", "dcgan", "conditional_gan"])
def test_the_losses_are_goodfellows_binary_cross_entropies(name):
    model = build(name).eval()      # without the chance of dropout
    data = batch(name)

    def judged(images: torch.Tensor) -> torch.Tensor:
        if name == "conditional_gan":
            return torch.sigmoid(model.discriminate(images, data[1]))
        return torch.sigmoid(model.discriminator(images))

    torch.manual_seed(5)
    fake = model.draw_fakes(data[1]) if name == "conditional_gan" else model.generate(len(data[0]))
    real_share, fake_share = judged(data[0]), judged(fake)
    torch.manual_seed(5)
    expected = -(real_share.log().mean() + (1 - fake_share).log().mean())
    torch.testing.assert_close(model.discriminator_loss(*data), expected, rtol=1e-4, atol=1e-5)
    torch.manual_seed(5)
    torch.testing.assert_close(model.generator_loss(*data), -fake_share.log().mean(), rtol=1e-4, atol=1e-5)


# -- Wasserstein ------------------------------------------------------------------------------------------


def linear_critic(length: float) -> nn.Module:
    """Give a model whose critic is linear, with a gradient of this length everywhere."""
    model = build("wgan_gp")
    model.features = nn.Flatten()
    model.head = nn.Linear(784, 1)
    with torch.no_grad():
        model.head.weight.mul_(length / model.head.weight.norm())
    return model


def test_the_gradient_penalty_of_a_linear_critic_is_known():
    model, (images,) = linear_critic(3.0), batch("wgan_gp")
    torch.testing.assert_close(model.gradient_lengths(images, -images), torch.full((32,), 3.0))
    torch.manual_seed(0)
    loss = model.critic_loss(images)
    torch.manual_seed(0)
    distance = model.critic(images).mean() - model.critic(model.generate(32)).mean()
    assert loss.item() == pytest.approx(10 * (3 - 1) ** 2 - distance.item(), rel=1e-4)


def test_the_lipschitz_estimate_of_a_linear_critic_is_its_lipschitz_constant():
    images = torch.rand(40, 1, 28, 28)
    model = linear_critic(1.7)
    assert model.lipschitz_estimate(images) == pytest.approx({"mean": 1.7, "largest": 1.7}, rel=1e-5)


def test_the_lipschitz_estimate_is_the_same_each_time_and_leaves_the_programs_chance_alone():
    model, images = build("wgan_ct"), torch.rand(40, 1, 28, 28)
    torch.manual_seed(3)
    state = torch.get_rng_state()
    assert model.lipschitz_estimate(images) == model.lipschitz_estimate(images)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_consistency_term_is_zero_without_dropout_and_positive_with_it():
    model, (images,) = build("wgan_ct"), batch("wgan_ct")
    model.train()
    assert model.consistency_term(model.features(images), model.features(images)) > 0
    model.eval()
    assert model.consistency_term(model.features(images), model.features(images)) == 0


def test_the_consistency_term_is_weis_formula():
    model = build("wgan_ct", margin=0.1)
    seen, again = torch.randn(2, 6, 784).unbind()
    score = (model.head(seen) - model.head(again)).flatten().detach()
    expected = [
        max(0.0, float(score[i] ** 2 + 0.1 * ((seen[i] - again[i]) ** 2).mean()) - 0.1) for i in range(6)]
    assert model.consistency_term(seen, again).item() == pytest.approx(sum(expected) / 6, rel=1e-4)


# -- InfoGAN ----------------------------------------------------------------------------------------------


def test_the_bound_on_the_mutual_information_is_that_of_torchs_distributions():
    model = build("infogan").eval()
    features, (category, numbers) = torch.randn(50, 784), model.draw_codes(50)
    logits, mean, log_variance = model.recognise(features)
    of_category, of_numbers = model.information(features, category, numbers)
    expected = Categorical(logits=logits).log_prob(category).mean() + math.log(10)
    torch.testing.assert_close(of_category, expected)
    density = Normal(mean, torch.exp(0.5 * log_variance)).log_prob(numbers).sum(1).mean()
    torch.testing.assert_close(of_numbers, density + 2 * math.log(2))


def test_a_category_that_is_never_mistaken_carries_all_its_entropy():
    model = build("infogan")
    category = torch.arange(10)
    certain = torch.cat([100 * functional.one_hot(category, 10), torch.zeros(10, 4)], dim=1)
    model.recogniser = nn.Identity()
    assert model.information(certain, category, torch.zeros(10, 2))[0].item() == pytest.approx(math.log(10))


def test_purity_is_the_share_of_each_categorys_most_frequent_class():
    model = build("infogan")
    codes = functional.one_hot(torch.tensor([0, 0, 0, 4, 4, 9]), 10).float()
    model.encode = lambda _images: codes
    labels = torch.tensor([3, 3, 5, 1, 2, 7])
    assert model.purity(torch.zeros(6, 1, 28, 28), labels) == pytest.approx((2 + 1 + 1) / 6)


def test_the_categorical_code_changes_the_image():
    model = build("infogan")
    noise, numbers = torch.zeros(10, 16), torch.zeros(10, 2)
    images = model.draw(noise, torch.arange(10), numbers)
    assert images.flatten(1).std(0).max() > 1e-3
    assert torch.allclose(images[:3], model.draw(noise, torch.arange(10), numbers)[:3])


# -- BigGAN -----------------------------------------------------------------------------------------------


def test_no_normalised_matrix_has_a_singular_value_much_over_one():
    model = build("biggan").train()
    for _ in range(20):     # the largest singular value is followed by one step of power iteration at a time
        model.generator_loss(*batch("biggan"))
    normalised = [layer for layer in model.modules() if hasattr(layer, "parametrizations")]
    assert len(normalised) > 20
    for layer in normalised:
        assert torch.linalg.matrix_norm(layer.weight.flatten(1), ord=2).item() == pytest.approx(1, abs=0.05)


def test_truncated_noise_is_normal_within_its_limit():
    draw = importlib.import_module("biggan").truncated_noise
    noise = draw(2000, 10, 0.8, torch.Generator().manual_seed(0)).flatten().numpy()
    assert abs(noise).max() <= 0.8
    assert stats.kstest(noise, stats.truncnorm(-0.8, 0.8).cdf).pvalue > 0.01
    free = draw(2000, 10, None, torch.Generator().manual_seed(0)).flatten().numpy()
    assert stats.kstest(free, stats.norm.cdf).pvalue > 0.01


def test_truncation_brings_samples_nearer_to_each_other():
    model, labels = build("biggan"), torch.zeros(50, dtype=torch.long)
    wide, narrow = (model.sample(50, labels=labels, seed=0, truncation=limit) for limit in (None, 0.1))
    assert narrow.std(0).mean() < 0.5 * wide.std(0).mean()


def test_orthogonal_filters_cost_nothing_whatever_their_lengths():
    penalty = importlib.import_module("biggan").orthogonality_penalty
    spectral_norm = nn.utils.parametrizations.spectral_norm
    layer = nn.Linear(6, 3, bias=False)
    nn.init.orthogonal_(layer.weight)
    with torch.no_grad():
        layer.weight.mul_(torch.tensor([[1.0], [5.0], [0.1]]))
    assert penalty(nn.Sequential(spectral_norm(layer))).item() == pytest.approx(0, abs=1e-9)
    skewed = nn.Linear(2, 2, bias=False)
    skewed.weight = nn.Parameter(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    # the scalar product of both rows is 3 + 8, and it counts twice
    assert penalty(nn.Sequential(spectral_norm(skewed))).item() == pytest.approx(2 * 11**2)


def test_attention_begins_as_nothing_and_then_looks_everywhere():
    attention = importlib.import_module("biggan").SelfAttention(8).eval()
    x = torch.randn(2, 8, 14, 14)
    assert torch.equal(attention(x), x)
    with torch.no_grad():
        attention.weight.fill_(1.0)
    changed = x.clone()
    changed[:, :, 0, 0] += 10.0
    assert (attention(changed) - attention(x))[:, :, 13, 13].abs().max() > 1e-6


# -- CycleGAN ---------------------------------------------------------------------------------------------


def test_the_drawing_of_a_square_is_its_outline():
    square = torch.zeros(1, 1, 28, 28)
    square[:, :, 5:20, 5:20] = 0.6
    outline = torch.zeros(1, 1, 28, 28)
    outline[:, :, 5:20, 5:20] = 1.0
    outline[:, :, 6:19, 6:19] = 0.0
    assert torch.equal(importlib.import_module("cyclegan").line_drawing(square), outline)


def test_translators_that_change_nothing_have_no_cycle_and_no_identity_loss():
    model = build("cyclegan")
    model.generators = nn.ModuleDict({"drawing": nn.Identity(), "photograph": nn.Identity()})
    with torch.no_grad():
        photographs, drawings = batch("cyclegan")
        expected = sum(
            (model.discriminators[kind](fake) - 1).square().mean()
            for kind, fake in (("drawing", photographs), ("photograph", drawings)))
        torch.testing.assert_close(model.generator_loss(photographs, drawings), expected)


def test_an_unknown_kind_of_image_is_refused_in_words():
    with pytest.raises(ValueError, match="drawing or photograph"):
        build("cyclegan").translate(torch.zeros(1, 1, 28, 28), to="painting")


def test_the_history_gives_back_old_fakes_and_loses_none():
    history = importlib.import_module("cyclegan").History(size=8)
    torch.manual_seed(0)
    first, second = torch.arange(8.0), torch.arange(8.0, 16.0)
    assert torch.equal(history.exchange(first), first)
    given = history.exchange(second)
    assert 0 < (given < 8).sum() < 8
    assert torch.equal(torch.cat([given, history.kept]).sort().values, torch.arange(16.0))

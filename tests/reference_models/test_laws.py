"""Laws that every reference model keeps."""

from __future__ import annotations

import importlib
import math
import time

import pytest
import torch

from harness.contract import GenerativeModel, capabilities

TABLE = {"vae": "VAE", "conv_vae": "ConvVAE"}       # file -> class
CODE_SIZE = 20


def build(name: str, **arguments: object) -> GenerativeModel:
    torch.manual_seed(0)
    return getattr(importlib.import_module(name), TABLE[name])(**arguments).eval()


def blobs(count: int) -> torch.Tensor:
    """Images with something to learn: a bright rectangle whose size varies."""
    sides = torch.randint(6, 22, (count, 2), generator=torch.Generator().manual_seed(3))
    place = torch.arange(28)
    rows, columns = (place < sides[:, :1]).float(), (place < sides[:, 1:]).float()
    return (0.9 * rows[:, :, None] * columns[:, None, :]).unsqueeze(1)


@pytest.fixture(params=TABLE)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def test_it_speaks_the_contract(name):
    model = build(name)
    assert isinstance(model, GenerativeModel)
    assert set(capabilities(model)) == {"fit", "sample", "encode", "decode", "posterior", "log_prob"}


def test_one_seed_draws_the_same_images_and_another_seed_others(name):
    model = build(name)
    first = model.sample(20, seed=1)
    torch.manual_seed(99)       # what the rest of the program draws makes no difference
    assert torch.equal(first, model.sample(20, seed=1))
    assert not torch.equal(first, model.sample(20, seed=2))


@pytest.mark.parametrize("count", [1, 7, 1001])
def test_samples_are_images(name, count):
    samples = build(name).sample(count, seed=0)
    assert samples.shape == (count, 1, 28, 28)
    assert samples.dtype == torch.float32
    assert 0 <= samples.min() <= samples.max() <= 1


def test_codes_cross_and_come_back_as_images(name):
    model, images = build(name), blobs(9)
    codes = model.encode(images)
    assert codes.shape == (9, CODE_SIZE)
    decoded = model.decode(codes)
    assert decoded.shape == images.shape
    assert 0 <= decoded.min() <= decoded.max() <= 1
    assert not codes.requires_grad
    assert not decoded.requires_grad


def test_the_code_is_the_posterior_mean_and_holds_no_chance(name):
    model, images = build(name), blobs(9)
    assert torch.equal(model.encode(images), model.encode(images))
    assert torch.equal(model.encode(images), model.posterior(images)[0])


def test_an_answer_does_not_depend_on_its_batch(name):
    model, images = build(name), blobs(12)
    for ask in (model.encode, model.log_prob):
        parts = torch.cat([ask(images[:5]), ask(images[5:])])
        torch.testing.assert_close(ask(images), parts, rtol=1e-4, atol=1e-4)


def test_ten_steps_of_training_lower_the_loss(name):
    model, images = build(name, epochs=10), blobs(64)
    losses: list[float] = []
    model.fit(images, None, seed=0, progress=lambda _epoch, _epochs, loss: losses.append(loss))
    assert len(losses) == 10
    assert losses[-1] < losses[0] - 50      # nats, from about 784 log 2


def test_training_twice_with_one_seed_gives_the_same_model(name):
    def trained(seed: int) -> torch.Tensor:
        model = build(name, epochs=1)
        model.fit(blobs(256), None, seed=seed)
        return model.sample(5, seed=0)

    assert torch.equal(trained(1), trained(1))
    assert not torch.equal(trained(1), trained(2))


def test_saved_and_loaded_it_is_the_same_model(name, tmp_path):
    from safetensors.torch import load_file, save_file

    model, images = build(name, epochs=1), blobs(64)
    model.fit(images, None, seed=0)
    save_file(model.state_dict(), tmp_path / "weights.safetensors")
    again = build(name)
    again.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    assert torch.equal(again.decode(again.encode(images)), model.decode(model.encode(images)))


def test_a_fit_that_is_given_two_seconds_ends_in_two_seconds(name):
    model = build(name, epochs=1_000_000)
    started = time.monotonic()
    model.fit(blobs(2000), None, seed=0, deadline=started + 2)
    # No step is begun that, as long as the longest before it, would end too late: so at least half is used.
    assert 1 <= time.monotonic() - started < 6      # nothing holds up a busy machine for so long
    assert torch.isfinite(model.sample(3, seed=0)).all()


def test_a_fit_whose_time_is_over_ends_at_once_and_leaves_a_model(name):
    model = build(name)
    model.fit(blobs(64), None, seed=0, deadline=time.monotonic() - 1)
    assert torch.isfinite(model.sample(3, seed=0)).all()


def test_the_importance_weighted_bound_is_never_below_the_elbo_of_the_same_noise(name):
    model = build(name, importance_samples=16)
    images = blobs(40)
    model.fit(images, None, seed=0)
    bound = model.log_prob(images)
    single = build(name, importance_samples=1)
    single.load_state_dict(model.state_dict())
    assert bound.shape == (40,)
    assert bound.mean() > single.log_prob(images).mean()


def test_real_structure_is_likelier_than_noise(name):
    model, images = build(name, epochs=5), blobs(256)
    model.fit(images, None, seed=0)
    noise = torch.rand(100, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    assert model.log_prob(images[:100]).mean() > model.log_prob(noise).mean() + 100
    assert math.isfinite(model.log_prob(noise).sum())

"""Laws that every reference model keeps, each for the models that can do what it speaks of."""

from __future__ import annotations

import importlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import torch

from harness.contract import GenerativeModel, capabilities

VAE = "fit sample encode decode posterior log_prob report"
DIFFUSION: dict[str, object] = {"channels": 8, "sampling_steps": 5, "bound_steps": 10}


@dataclass(frozen=True)
class Row:
    """A model of the table: its class, what it can do, and what makes it small enough for a test."""

    kind: str
    can: str
    small: dict[str, object] = field(default_factory=dict)
    falls: float | None = None      # by how much ten steps lower its loss; None: it has no one loss


TABLE = {       # file -> row
    "vae": Row("VAE", VAE, falls=50),                       # nats, from about 784 log 2
    "conv_vae": Row("ConvVAE", VAE, falls=50),
    "resnet_vae": Row("ResNetVAE", VAE, falls=50),
    "vq_vae": Row(
        "VQVAE", "fit sample encode decode log_prob",
        {"channels": 8, "hidden": 16, "prior_epochs": 1}, falls=10),
    "rbm": Row(
        "RBM", "fit sample encode decode log_prob",
        {"hidden": 16, "chains": 20, "sampling_steps": 5, "temperatures": 100}),
    "realnvp": Row("RealNVP", "fit sample log_prob", {"channels": 8, "couplings": 4}, falls=50),
    "glow": Row("Glow", "fit sample log_prob", {"channels": 8, "steps": 2}, falls=50),
    "autoregressive": Row(
        "Autoregressive", "fit sample log_prob",
        {"channels": 4, "dilations": (1,), "components": 2}, falls=50),
    "gan": Row("GAN", "fit sample", {"hidden": 32}),
    "dcgan": Row("DCGAN", "fit sample", {"channels": 8}),
    "wgan_gp": Row("WGANGP", "fit sample report", {"channels": 8}),
    "wgan_ct": Row("WGANCT", "fit sample report", {"channels": 8}),
    "conditional_gan": Row("ConditionalGAN", "fit sample", {"channels": 8}),
    "infogan": Row("InfoGAN", "fit sample encode report", {"channels": 8}),
    "biggan": Row("BigGAN", "fit sample", {"channels": 8, "noise_size": 12}),
    "ddpm": Row("DDPM", "fit sample log_prob", DIFFUSION, falls=0.1),           # squared error, from about 1
    "guided_diffusion": Row("GuidedDiffusion", "fit sample log_prob", DIFFUSION, falls=0.1),
    "cyclegan": Row("CycleGAN", "fit translate", {"channels": 4, "blocks": 1}),
}


def build(name: str, **arguments: object) -> GenerativeModel:
    torch.manual_seed(0)
    row = TABLE[name]
    return getattr(importlib.import_module(name), row.kind)(**row.small, **arguments).eval()


def blobs(count: int) -> torch.Tensor:
    """Images with something to learn: a bright rectangle whose size varies."""
    sides = torch.randint(6, 22, (count, 2), generator=torch.Generator().manual_seed(3))
    place = torch.arange(28)
    rows, columns = (place < sides[:, :1]).float(), (place < sides[:, 1:]).float()
    return (0.9 * rows[:, :, None] * columns[:, None, :]).unsqueeze(1)


def fit(model: GenerativeModel, count: int, *, seed: int = 0, **arguments: object) -> None:
    labels = torch.arange(count) % 10 if model.conditional else None
    model.fit(blobs(count), labels, seed=seed, device="cpu", **{"deadline": math.inf} | arguments)


def answers(name: str, model: GenerativeModel) -> torch.Tensor:
    """Give images that show what the model is: samples, or else translations."""
    if "sample" in TABLE[name].can:
        return model.sample(3, seed=0)
    return torch.cat([model.translate(blobs(3), to=kind) for kind in ("drawing", "photograph")])


def of_those_who(*can: str, also: Callable[[str], bool] = bool) -> pytest.MarkDecorator:
    """Ask a law of the models of the table that can do all of this."""
    names = [name for name, row in TABLE.items() if set(can) <= set(row.can.split()) and also(name)]
    return pytest.mark.parametrize("name", names)


@of_those_who("fit")
def test_it_speaks_the_contract(name):
    model = build(name)
    assert isinstance(model, GenerativeModel)
    assert set(capabilities(model)) == set(TABLE[name].can.split())


@of_those_who("sample")
def test_one_seed_draws_the_same_images_and_another_seed_others(name):
    model = build(name)
    first = model.sample(20, seed=1)
    torch.manual_seed(99)       # what the rest of the program draws makes no difference
    assert torch.equal(first, model.sample(20, seed=1))
    assert not torch.equal(first, model.sample(20, seed=2))


@pytest.mark.parametrize("count", [1, 7, 1001])
@of_those_who("sample")
def test_samples_are_images(name, count):
    samples = build(name).sample(count, seed=0)
    assert samples.shape == (count, 1, 28, 28)
    assert samples.dtype == torch.float32
    assert 0 <= samples.min() <= samples.max() <= 1


@of_those_who("sample", also=lambda name: name in {"conditional_gan", "biggan", "guided_diffusion"})
def test_a_conditional_model_draws_what_it_is_asked_for_and_each_image_by_itself(name):
    model = build(name, epochs=1)
    assert model.conditional
    fit(model, 64)      # a diffusion model begins by taking no notice of labels
    shoes = model.sample(6, labels=torch.full((6,), 7), seed=0)
    mixed = model.sample(6, labels=torch.tensor([7, 7, 7, 2, 2, 2]), seed=0)
    torch.testing.assert_close(shoes[:3], mixed[:3])
    assert not torch.allclose(shoes[3:], mixed[3:])


@of_those_who("encode", "decode")
def test_codes_cross_and_come_back_as_images(name):
    model, images = build(name), blobs(9)
    codes = model.encode(images)
    assert codes.shape[0] == 9
    assert codes.ndim == 2
    decoded = model.decode(codes)
    assert decoded.shape == images.shape
    assert 0 <= decoded.min() <= decoded.max() <= 1
    assert not codes.requires_grad
    assert not decoded.requires_grad


@of_those_who("encode")
def test_a_code_holds_no_chance(name):
    model, images = build(name), blobs(9)
    assert torch.equal(model.encode(images), model.encode(images))


@of_those_who("encode", "posterior")
def test_the_code_is_the_posterior_mean(name):
    model, images = build(name), blobs(9)
    assert torch.equal(model.encode(images), model.posterior(images)[0])


@of_those_who("translate")
def test_a_translation_is_an_image_and_holds_no_chance(name):
    model, images = build(name), blobs(9)
    for kind in ("drawing", "photograph"):
        made = model.translate(images, to=kind)
        assert made.shape == images.shape
        assert 0 <= made.min() <= made.max() <= 1
        assert torch.equal(made, model.translate(images, to=kind))


@of_those_who()
def test_an_answer_does_not_depend_on_its_batch(name):
    model, images = build(name), blobs(12)
    asks = [getattr(model, ask) for ask in ("encode", "log_prob") if ask in TABLE[name].can]
    if "translate" in TABLE[name].can:
        asks.append(lambda images: model.translate(images, to="drawing"))
    for ask in asks:
        parts = torch.cat([ask(images[:5]), ask(images[5:])])
        torch.testing.assert_close(ask(images), parts, rtol=1e-4, atol=1e-4)


@of_those_who("fit", also=lambda name: TABLE[name].falls is not None)
def test_ten_steps_of_training_lower_the_loss(name):
    model = build(name, epochs=10)
    losses: list[float] = []
    fit(model, 64, progress=lambda _epoch, _epochs, loss: losses.append(loss))
    assert len(losses) >= 10        # a second network's own come after them
    assert losses[9] < losses[0] - TABLE[name].falls


@of_those_who("fit")
def test_training_twice_with_one_seed_gives_the_same_model(name):
    def trained(seed: int) -> torch.Tensor:
        model = build(name, epochs=1)
        fit(model, 256, seed=seed)
        return answers(name, model)

    assert torch.equal(trained(1), trained(1))
    assert not torch.equal(trained(1), trained(2))


@of_those_who("fit")
def test_saved_and_loaded_it_is_the_same_model(name, tmp_path):
    from safetensors.torch import load_file, save_file

    model = build(name, epochs=1)
    fit(model, 64)
    state = {key: value.contiguous() for key, value in model.state_dict().items()}
    save_file(state, tmp_path / "weights.safetensors")
    again = build(name)
    assert not torch.equal(answers(name, again), answers(name, model))
    again.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    assert torch.equal(answers(name, again), answers(name, model))


@of_those_who("fit")
def test_a_fit_that_is_given_two_seconds_ends_in_two_seconds(name):
    model = build(name, epochs=1_000_000)
    started = time.monotonic()
    fit(model, 2000, deadline=started + 2)
    # No step is begun that, as long as the longest before it, would end too late: so at least half is used.
    assert 1 <= time.monotonic() - started < 6      # nothing holds up a busy machine for so long
    assert torch.isfinite(answers(name, model)).all()


@of_those_who("fit")
def test_a_fit_whose_time_is_over_ends_at_once_and_leaves_a_model(name):
    model = build(name)
    fit(model, 64, deadline=time.monotonic() - 1)
    assert torch.isfinite(answers(name, model)).all()


@of_those_who("log_prob", also=lambda name: name in {"vae", "conv_vae"})
def test_the_importance_weighted_bound_is_never_below_the_elbo_of_the_same_noise(name):
    model = build(name, importance_samples=16)
    images = blobs(40)
    fit(model, 40)
    bound = model.log_prob(images)
    single = build(name, importance_samples=1)
    single.load_state_dict(model.state_dict())
    assert bound.shape == (40,)
    assert bound.mean() > single.log_prob(images).mean()


@of_those_who("log_prob")
def test_real_structure_is_likelier_than_noise(name):
    model, generator = build(name, epochs=5), torch.Generator().manual_seed(0)
    fit(model, 256)
    noise = torch.rand(100, 1, 28, 28, generator=generator)
    images = ((blobs(100) * 255).round() + torch.rand(100, 1, 28, 28, generator=generator)) / 256
    assert model.log_prob(images).mean() > model.log_prob(noise).mean() + 100
    assert math.isfinite(model.log_prob(images).sum())
    assert math.isfinite(model.log_prob(noise).sum())

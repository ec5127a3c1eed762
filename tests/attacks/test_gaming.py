"""Gaming the metrics: hand-ins that would look good if nobody looked twice, each through the real box."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from harness import evidence, rubric
from harness.data import Dataset, fashion_mnist, garments
from harness.evidence import Evidence
from harness.features import Judges
from harness.features.judges import load_network
from harness.limits import FULL, QUICK
from harness.metrics import copies, distribution, likelihood, reconstruction
from harness.metrics.base import Scene
from harness.metrics.steadiness import unsteady
from harness.records import Fault, Flag, HandIn, Measurement, ModelResult, Outcome, TheoryResult
from harness.rubric.criteria import Criterion
from harness.sandbox.choose import choose_box
from harness.submissions import intake
from tests.conftest import real_data_folder
from tests.ladder.models import VAE

pytestmark = pytest.mark.box

LADDER = Path(__file__).parent.parent / "ladder"
BUDGET = replace(
    QUICK, name="tiny", fit_seconds=20.0, train_images=400, test_images=300, samples=500, samples_seconds=20.0, pairs=2,
    points=3, probe_images=50, moved_images=300, likelihood_images=64, copies=300, bootstrap=100,
)

HEAD = """
import os
from pathlib import Path
import numpy as np
import torch
from harness.contract import GenerativeModel
HERE = Path(__file__).parent
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of a hand-in: its evidence, faults, flags by name and measurements by name."""

    evidence: Evidence
    faults: list[Fault]
    flags: dict[str, Flag]
    measured: dict[str, Measurement]

    def fault(self, stage: str) -> Fault:
        return next(fault for fault in self.faults if fault.stage == stage)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return garments(train=2_000, test=600)


@pytest.fixture(scope="module")
def judges(data) -> Judges:
    return Judges(data, threads=1)


@pytest.fixture(scope="module")
def hand_in(tmp_path_factory, data, judges) -> Callable[..., Seen]:
    """Put a hand-in through intake, box and measurements: `code` is its model.py, `files` lie beside it."""
    box = choose_box()

    def see(code: str, *, entry: str = "route: fit", files: dict[str, np.ndarray] | None = None) -> Seen:
        folder = tmp_path_factory.mktemp("hand-in")
        (folder / "model.py").write_text(HEAD + code)
        for name, array in (files or {}).items():
            np.save(folder / name, array)
        (folder / "submission.yaml").write_text(
            "group: group7\nmembers: [Ada Example]\nassignment: summer23\n"
            f'models: {{other: {{source: "model.py:Model", {entry}}}}}\n')
        submission = intake(folder, tmp_path_factory.mktemp("copy") / "hand-in")
        checkpoint = submission.folder / "weights.npy" if "checkpoint" in entry else None
        if "def fit" in code:
            checkpoint = evidence.train(
                submission, "other", data=data, box=box, budget=BUDGET, seed=0,
                into=tmp_path_factory.mktemp("trained") / "model")
        seen, faults = evidence.gather(
            submission, "other", checkpoint=checkpoint, data=data, box=box, budget=BUDGET, seed=0)
        return looked_at(data, judges, seen, faults)

    return see


def looked_at(data: Dataset, judges: Judges, seen: Evidence, faults: list[Fault]) -> Seen:
    scene = Scene(
        data=data, evidence=seen, perception=judges, budget=BUDGET, seed=0, recall=lambda _name, make: make())
    families = [
        family for family, needs in ((reconstruction, {"encode", "decode"}), (distribution, {"sample"}),
                                     (copies, {"sample"}), (likelihood, {"log_prob"}))
        if needs <= set(seen.capabilities)
    ]
    found = [family.measure(scene) for family in families]
    flags = [flag for one in found for flag in one.flags] + unsteady(seen)
    measured = {one.name: one for each in found for one in each.measurements}
    return Seen(seen, faults, {flag.name: flag for flag in flags}, measured)


# --- 32, 33: the image gets past the code


@pytest.mark.row(32)
def test_a_decoder_finds_the_image_in_no_file_global_variable_environment_or_shared_memory(hand_in, outcome):
    seen = hand_in("""
KEPT = {}
PLACES = [Path("/tmp/kept"), Path("/dev/shm/kept"), Path("/var/tmp/kept"), HERE / "kept", Path.home() / "kept"]

def key(code):
    return f"{float(code):.3f}"

def attempt(act):
    try:
        return act()
    except (OSError, ValueError):
        return None

class Model(GenerativeModel):
    framework = "numpy"

    def encode(self, images):
        codes = images.mean(axis=(1, 2, 3))[:, None].astype(np.float16).astype(np.float32)
        for image, code in zip(images, codes):
            KEPT[key(code[0])] = image
            os.environ["KEPT" + key(code[0])] = image.astype(np.float16).tobytes().hex()[:1000]
            for place in PLACES:
                attempt(lambda: Path(str(place) + key(code[0])).write_bytes(image.tobytes()))
        return codes

    def decode(self, codes):
        return np.stack([self.found(key(code[0])) for code in codes])

    def found(self, name):
        if name in KEPT or "KEPT" + name in os.environ:
            return np.ones((1, 28, 28), np.float32)
        for place in PLACES:
            if attempt(Path(str(place) + name).read_bytes) is not None:
                return np.ones((1, 28, 28), np.float32)
        return np.zeros((1, 28, 28), np.float32)
""")
    assert seen.faults == []
    assert seen.evidence.reconstructions.max() == 0.0
    assert seen.measured["reconstruction.mse"].value > 0.05
    outcome("the decoder found nothing but the code")


@pytest.mark.row(32)
@pytest.mark.row(37)
def test_a_code_as_large_as_the_image_does_not_cross_and_samples_of_nan_are_refused(hand_in, outcome):
    seen = hand_in("""
class Model(GenerativeModel):
    def encode(self, images):
        return images.flatten(1)

    def decode(self, codes):
        return codes.reshape(-1, 1, 28, 28)

    def sample(self, count, *, labels=None, seed):
        return torch.full((count, 1, 28, 28), float("nan"))
""")
    assert seen.evidence.reconstructions is None
    assert seen.fault("encode").kind == "invalid output"
    assert "'codes' has 784 numbers for each image; 1 to 128 may cross" in seen.fault("encode").message
    assert "'images' holds 50,176 values that are not finite, first NaN at" in seen.fault("sample").message
    outcome(seen.fault("encode").kind)


@pytest.mark.row(33)
def test_an_image_packed_into_the_bits_of_few_numbers_is_flagged_and_its_bits_are_counted(hand_in, outcome):
    """784 pixels of 2 bits in 112 numbers of 14 bits, which float16 keeps exactly."""
    seen = hand_in("""
class Model(GenerativeModel):
    framework = "numpy"

    def encode(self, images):
        pixels = np.rint(images.reshape(len(images), 112, 7) * 3).astype(np.uint16)
        bits = (pixels << (2 * np.arange(7, dtype=np.uint16))).sum(axis=2, dtype=np.uint16)
        return bits.view(np.float16).astype(np.float32)

    def decode(self, codes):
        bits = codes.astype(np.float16).view(np.uint16)
        pixels = bits[:, :, None] >> (2 * np.arange(7, dtype=np.uint16)) & 3
        return pixels.reshape(-1, 1, 28, 28).astype(np.float32) / 3
""")
    assert seen.faults == []
    assert np.abs(seen.evidence.reconstructions * 3 - np.rint(seen.evidence.reconstructions * 3)).max() < 1e-5
    assert seen.measured["reconstruction.code_numbers"].value == 112
    assert seen.measured["reconstruction.code_bits"].value == 112 * 16
    identity, digits = seen.flags["identity"].evidence, seen.flags["image_in_digits"].evidence
    assert identity["noise_error"] < 0.5 * identity["noise_error_of_pca"]
    assert digits["from"] > digits["flagged_above"] > digits["error"]
    outcome("flags: identity, image_in_digits")


# --- 34 to 36: copies and collapse


@pytest.mark.row(34)
def test_training_images_as_samples_are_flagged_though_mirrored_shifted_or_noised(hand_in, outcome):
    seen = hand_in("""
class Model(torch.nn.Module, GenerativeModel):
    def __init__(self):
        super().__init__()
        self.kept = torch.nn.Parameter(torch.zeros(600, 1, 28, 28), requires_grad=False)

    def fit(self, images, labels, *, seed, device, deadline):
        self.kept.copy_(images[:600])

    def sample(self, count, *, labels=None, seed):
        chance = torch.Generator().manual_seed(seed)
        images = self.kept[torch.randint(600, (count,), generator=chance)]
        images[0::4] = images[0::4].flip(3)
        images[1::4] = images[1::4].roll(1, 2)
        noise = 0.02 * torch.randn(images[2::4].shape, generator=chance)
        images[2::4] = (images[2::4] + noise).clamp(0, 1)
        return images
""")
    assert seen.faults == []
    flag = seen.flags["copies"]
    assert flag.evidence["share_pixels"] > 0.9
    assert "may have memorised" in flag.message
    assert "test_images_copied" not in seen.flags
    outcome("flag: copies")


@pytest.mark.row(35)
def test_a_checkpoint_made_of_the_test_set_is_flagged(hand_in, data, outcome):
    """Principal components of a part of the test images know these better than any others; the samples are copies."""
    pixels = data.test.images.reshape(-1, 784) / 255
    basis = np.linalg.svd(pixels - pixels.mean(axis=0), full_matrices=False)[2][:100]
    weights = np.concatenate([pixels.mean(axis=0)[None], basis, pixels]).astype(np.float32)
    seen = hand_in("""
class Model(GenerativeModel):
    framework = "numpy"

    def load(self, folder):
        weights = np.load(folder / "weights.npy")
        self.mean, self.basis, self.known = weights[0], weights[1:101], weights[101:]

    def encode(self, images):
        return (images.reshape(len(images), 784) - self.mean) @ self.basis.T

    def decode(self, codes):
        return np.clip(codes @ self.basis + self.mean, 0, 1).reshape(-1, 1, 28, 28)

    def sample(self, count, *, labels=None, seed):
        return np.random.default_rng(seed).choice(self.known, count).reshape(-1, 1, 28, 28)
""", entry="route: load, checkpoint: weights.npy", files={"weights.npy": weights})
    assert seen.faults == []
    known = seen.flags["test_images_known"].evidence
    assert known["even_gap"] < known["even_gap_flagged_beyond"] < 0
    assert known["moved_gap"] > known["moved_gap_flagged_beyond"] > 0
    assert seen.flags["test_images_copied"].evidence["share_test"] > 0.9
    outcome("flags: test_images_known, test_images_copied")


@pytest.mark.row(35)
@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.timeout(900)
def test_of_two_vaes_the_one_trained_on_the_test_set_is_flagged(tmp_path, outcome):
    """The honest one saw the training images ten times, the other one the test images twenty times."""
    official = fashion_mnist(folder=real_data_folder(), download=False)
    weights = {"honest": LADDER / "ten_epochs.safetensors", "test": tmp_path / "test.safetensors"}
    save_file(trained_ladder_vae(official.test.images, epochs=20).state_dict(), weights["test"])
    budget = replace(BUDGET, test_images=None, train_images=10_000, moved_images=FULL.moved_images, bootstrap=1_000)
    flags = {}
    for name, checkpoint in weights.items():
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(LADDER / "models.py", folder)
        shutil.copy(checkpoint, folder / "vae.safetensors")
        (folder / "submission.yaml").write_text(
            "group: group7\nmembers: [Ada Example]\nassignment: summer23\n"
            "models: {vae: {source: 'models.py:VAE', route: load, checkpoint: vae.safetensors}}\n")
        submission = intake(folder, tmp_path / f"{name}-copy")
        seen, faults = evidence.gather(
            submission, "vae", checkpoint=submission.folder / "vae.safetensors", data=official, box=choose_box(),
            budget=budget, seed=0)
        assert faults == []
        scene = Scene(
            data=official, evidence=seen, perception=Judges(official, threads=1), budget=budget, seed=0,
            recall=lambda _name, make: make())
        flags[name] = {flag.name: flag for flag in reconstruction.measure(scene).flags}
    assert flags["honest"] == {}
    known = flags["test"]["test_images_known"].evidence
    assert known["even_gap"] < known["even_gap_flagged_beyond"] < 0
    outcome(f"flag: test_images_known, errors {-known['even_gap']:.1%} below those of training images as hard")


def trained_ladder_vae(images: np.ndarray, *, epochs: int) -> torch.nn.Module:
    """Train the VAE of the ladder on images (n, 28, 28) uint8 by its ELBO."""
    pixels, order = torch.tensor(images)[:, None] / 255, torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    vae = VAE()
    optimiser = torch.optim.Adam(vae.parameters(), lr=1e-3)
    for _ in range(epochs):
        for batch in torch.randperm(len(pixels), generator=order).split(128):
            mean, log_variance = vae.posterior(pixels[batch])
            decoded = vae.decode(mean + torch.exp(log_variance / 2) * torch.randn_like(mean))
            missed = torch.nn.functional.binary_cross_entropy(decoded, pixels[batch], reduction="sum")
            optimiser.zero_grad()
            (missed - 0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()).div(len(batch)).backward()
            optimiser.step()
    return vae.eval()


SAMPLER = """
class Model(GenerativeModel):
    framework = "numpy"

    def sample(self, count, *, labels=None, seed):
        kept = np.load(HERE / "kept.npy")
        return np.random.default_rng(seed).choice(kept, count)[:, None] / np.float32(255)
"""


@pytest.mark.row(36)
@pytest.mark.parametrize(("what", "expected"), [
    pytest.param("one image", {"duplicates", "classes_missing", "seed_ignored"}, marks=pytest.mark.slow),
    pytest.param("one class", {"classes_missing"}, marks=pytest.mark.slow),
    ("a handful", {"duplicates", "collapse"}),
])
def test_samples_without_variety_are_flagged_as_collapse(hand_in, data, outcome, what, expected):
    kept = {
        "one image": data.train.images[:1], "one class": data.train.images[data.train.labels == 3],
        "a handful": np.concatenate([data.train.images[data.train.labels == label][:2] for label in range(10)]),
    }[what]
    seen = hand_in(SAMPLER, files={"kept.npy": kept})
    assert seen.faults == []
    assert expected <= set(seen.flags)
    for name in expected - {"seed_ignored"}:
        assert seen.flags[name].evidence
    outcome(f"flags: {', '.join(sorted(expected))}")


# --- 37: what is no image or no code


@pytest.mark.row(37)
def test_each_wrong_output_is_refused_by_the_name_of_the_tensor_and_the_rule(hand_in, outcome):
    seen = hand_in("""
class Model(GenerativeModel):
    def encode(self, images):
        codes = images.flatten(1)[:, :8].clone()
        codes[0, 3] = float("inf")
        return codes

    def decode(self, codes):
        return torch.zeros(len(codes), 1, 28, 28)

    def sample(self, count, *, labels=None, seed):
        return torch.zeros(count // 2, 1, 28, 28)

    def log_prob(self, images):
        return torch.zeros(len(images), 3)

    def posterior(self, images):
        return torch.zeros(len(images), 8), torch.zeros(len(images), 7)
""")
    assert {fault.kind for fault in seen.faults} == {"invalid output"}
    assert "'codes' holds" in seen.fault("encode").message
    assert "not finite, first infinity at" in seen.fault("encode").message
    assert "sample returned the shape (32, 1, 28, 28) when it was asked for 64" in seen.fault("sample").message
    assert "'log_prob'" in seen.fault("log_prob").message
    assert "'mean' has the shape" in seen.fault("posterior").message
    assert all(fault.hint for fault in seen.faults)
    assert seen.measured == {}
    outcome("InvalidOutput")


@pytest.mark.row(37)
def test_images_out_of_range_and_of_another_size_are_refused(hand_in, outcome):
    seen = hand_in("""
class Model(GenerativeModel):
    def encode(self, images):
        return images.flatten(1)[:, 300:308]

    def decode(self, codes):
        return torch.full((len(codes), 1, 28, 28), -0.5)

    def sample(self, count, *, labels=None, seed):
        return torch.zeros(count, 1, 32, 32)
""")
    assert "'images' has values from -0.5 to -0.5, 100.0% of them outside [" in seen.fault("decode").message
    assert "'images'" in seen.fault("sample").message
    assert "32" in seen.fault("sample").message
    assert "reconstruction.mse" not in seen.measured
    outcome("InvalidOutput")


# --- 38, 39, 41: what cannot be trusted


@pytest.fixture(scope="module")
def careless(hand_in) -> Seen:
    return hand_in("""
class Model(torch.nn.Module, GenerativeModel):
    log_prob_kind = "exact"

    def encode(self, images):
        pixels = images.flatten(1)[:, ::56]
        return pixels - pixels.mean(0)      # as batch normalisation does in training mode

    def decode(self, codes):
        codes = (codes - codes.mean(0)) / (codes.std(0) + 1e-3)
        return torch.sigmoid(codes).repeat(1, 56).reshape(-1, 1, 28, 28)

    def sample(self, count, *, labels=None, seed):
        torch.manual_seed(int.from_bytes(os.urandom(4), "little"))
        return torch.rand(count, 1, 28, 28)

    def log_prob(self, images):
        return torch.full((len(images),), 1e6)
""")


@pytest.mark.row(38)
def test_outputs_that_depend_on_their_batch_are_reported(careless, outcome):
    codes, images = careless.flags["codes_depend_on_batch"], careless.flags["images_depend_on_batch"]
    assert codes.evidence["mean change"] > codes.evidence["flagged above"]
    assert images.evidence["mean_difference"] > images.evidence["flagged_above"]
    assert careless.measured["reconstruction.batch_difference"].value == images.evidence["mean_difference"]
    outcome("flags: codes_depend_on_batch, images_depend_on_batch")


@pytest.mark.row(39)
def test_a_seed_that_is_ignored_is_reported(careless, outcome):
    flag = careless.flags["seed_unstable"]
    assert flag.evidence["largest_difference"] > 0.5
    assert "The same seed drew different samples" in flag.message
    outcome("flag: seed_unstable")


@pytest.mark.row(39)
def test_a_seed_that_changes_nothing_is_reported(hand_in, data, outcome):
    seen = hand_in(SAMPLER.replace("default_rng(seed)", "default_rng(42)"), files={"kept.npy": data.train.images})
    assert "Another seed drew exactly the same samples" in seen.flags["seed_ignored"].message
    outcome("flag: seed_ignored")


@pytest.mark.row(41)
def test_a_false_likelihood_is_called_self_reported_flagged_and_given_no_points(careless, outcome):
    for name in ("likelihood.nats", "likelihood.bits_per_dimension"):
        assert careless.measured[name].note.startswith("Self-reported")
    assert {"no_density", "impossible_likelihood"} <= set(careless.flags)
    criterion = Criterion(
        id="likelihood", title="Likelihood", points=Fraction(20), measurement="other.likelihood.nats",
        none=Fraction(0), full=Fraction(1000))
    model = ModelResult(
        name="other", source="model.py:Model", route="fit", outcome=Outcome.SCORED,
        measurements={"likelihood.nats": careless.measured["likelihood.nats"]})
    mark = marked(criterion, model)
    assert (mark.outcome, mark.points) == (Outcome.NEEDS_PERSON, None)
    assert "1e+06 nats per image of itself" in mark.reason
    outcome("self-reported, left to a person; flags: no_density, impossible_likelihood")


def marked(criterion: Criterion, model: ModelResult):
    rules = rubric.Rubric.model_validate({
        "assignment": "one", "title": "One", "step": "0.5", "theory": {"points": 20, "quiz": "one"},
        "practice": {"points": 20, "criteria": [criterion.model_dump(exclude_none=True)]},
    })
    theory = TheoryResult(outcome=Outcome.NOT_HANDED_IN, quiz="one", max_points=20)
    marks = rubric.mark(rules, models={"other": model}, theory=theory, hand_in=HandIn(members=[]))
    return next(one for part in marks.parts for one in part.criteria if one.id == criterion.id)


# --- 40: samples made for the judge


@pytest.mark.row(40)
def test_noise_tuned_to_the_judge_is_betrayed_by_the_second_judge(hand_in, data, outcome):
    seen = hand_in(SAMPLER, files={"kept.npy": tuned_to_the_judge(data.train.images[:300])})
    assert seen.faults == []
    ours = seen.measured["distribution.fid_relative"].value
    theirs = seen.measured["distribution.counter_fid_relative"].value
    assert ours < 0.5 * theirs
    flag = seen.flags["judges_disagree"].evidence
    assert (flag["fid_relative"], flag["counter_fid_relative"]) == (ours, theirs)
    outcome(f"relative Fréchet distance {ours:.2f} by the judge, {theirs:.2f} by the second; flag: judges_disagree")


def tuned_to_the_judge(images: np.ndarray, *, steps: int = 30) -> np.ndarray:
    """Change noise until the judge sees in it what it sees in images (n, 28, 28) uint8."""
    judge = load_network("judge").requires_grad_(False)
    wanted = judge(torch.tensor(images)[:, None] / 255)[0]
    start = torch.rand(wanted.shape[0], 1, 28, 28, generator=torch.Generator().manual_seed(0))
    noise = torch.logit(start, eps=0.01).requires_grad_()
    optimiser = torch.optim.Adam([noise], lr=0.2)
    for _ in range(steps):
        optimiser.zero_grad()
        ((judge(noise.sigmoid())[0] - wanted) ** 2).sum().backward()
        optimiser.step()
    return (255 * noise.detach().sigmoid()[:, 0]).round().to(torch.uint8).numpy()

"""`harness new --from`: what it guesses of code that was not written for it, and that it only reads it."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from harness import documents
from harness.errors import UserError
from harness.grading import grade
from harness.guess import new_from
from harness.records import Outcome
from harness.submissions import MANIFEST, Manifest
from harness.worker.adapter import Manner, adapt
from harness.worker.loading import load_model
from tests.test_hand_ins import BUDGET, STYLES, shop, with_weights  # noqa: F401 - `shop` is a fixture

SCORED = [style for style in STYLES if style.parent.name == "scored"]
MATTERS = ("route", "source", "framework", "input", "output", "prior")
# What no code in the folder tells: it is asked for in a comment, or said by the checkpoint alone.
DIFFERS = {
    "binarised_images": {"vae.input"},
    "logits_returned": {"vae.output"},
    "networks_as_globals": {"vae.prior"},
    "networks_in_a_list": {"vae.prior"},
    "padded_and_normalised": {"vae.input"},
}


def by_hand(style: Path) -> Manifest:
    return documents.read(style / MANIFEST, Manifest)


def without_manifest(style: Path, into: Path) -> Path:
    """Copy a hand-in as it was before there was a manifest: code, and files where the weights are."""
    folder = into / style.name
    shutil.copytree(style, folder)
    (folder / MANIFEST).unlink()
    for entry in by_hand(style).models.values():
        for path in entry.checkpoints if entry.route == "load" else ():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).touch()
    return folder


def project(into: Path, **files: str) -> Path:
    """Write a project; `train_py` is train.py."""
    return write(into / "project", {f"{name.removesuffix('_py')}.py": text for name, text in files.items()})


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def guessed(folder: Path) -> Manifest:
    new_from(folder, None)
    return documents.read(folder / MANIFEST, Manifest)


def text_of(folder: Path) -> str:
    return (folder / MANIFEST).read_text()


# --- the styles of tests/hand-ins


@pytest.mark.parametrize("style", STYLES, ids=lambda path: path.name)
def test_every_style_gets_a_manifest_that_is_valid(style, tmp_path):
    folder = without_manifest(style, tmp_path)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    manifest = guessed(folder)
    assert set(manifest.models) == set(by_hand(style).models)
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("style", SCORED, ids=lambda path: path.name)
def test_the_guess_is_what_a_person_wrote(style, tmp_path):
    wanted, found = by_hand(style), guessed(without_manifest(style, tmp_path))
    differing = set()
    for slot, entry in wanted.models.items():
        for field in MATTERS:
            value = getattr(entry, field)
            if field == "prior" and value is None:      # a prior more than was declared lets samples be measured
                continue
            if getattr(found.models[slot], field) != value:
                differing.add(f"{slot}.{field}")
        assert found.models[slot].checkpoint == entry.checkpoint
    assert differing == DIFFERS.get(style.name, set())


def test_most_styles_need_no_correction():
    assert len(SCORED) - len(DIFFERS) >= 20


@pytest.mark.slow
@pytest.mark.parametrize("name", ["script_that_trains_on_import", "gan_with_its_generator", "script_run_as_it_is"])
def test_a_guessed_manifest_grades(name, shop, tmp_path, monkeypatch):  # noqa: F811 - the fixture
    folder = with_weights(next(style for style in SCORED if style.name == name), tmp_path, monkeypatch)
    (folder / MANIFEST).unlink()
    new_from(folder, None)
    result = grade(folder, replace(shop, budget=BUDGET))
    for model in result.measurements.values():
        assert model.outcome is Outcome.SCORED, model.faults
        assert model.measurements


# --- what is guessed

VAE = """
import torch
from torch import nn
from torch.nn import functional as F

class VAE(nn.Module):
    def __init__(self, latent=20, hidden=64):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(784, hidden), nn.ReLU())
        self.mean = nn.Linear(hidden, latent)
        self.spread = nn.Linear(hidden, latent)
        self.decoder = nn.Sequential(nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, 784), nn.Sigmoid())

    def encode(self, x):
        h = self.encoder(x.view(-1, 784))
        return self.mean(h), self.spread(h)

    def draw(self, mu, s):
        return mu + torch.randn_like(mu) * s

    def reparameterize(self, mu, s):
        SPREAD

    def decode(self, z):
        return self.decoder(z).view(-1, 1, 28, 28)

    def forward(self, x):
        mu, s = self.encode(x)
        return self.decode(self.reparameterize(mu, s)), mu, s
"""


@pytest.mark.parametrize(("line", "second", "says"), [
    ("return mu + torch.exp(0.5 * s) * torch.randn_like(s)", "log_variance", "s is used as log variance in model.py"),
    ("return mu + s.mul(0.5).exp_() * torch.randn_like(s)", "log_variance", "log variance"),
    ("return mu + torch.exp(s / 2) * torch.randn_like(s)", "log_variance", "log variance"),
    ("return mu + torch.sqrt(s) * torch.randn_like(s)", "variance", "variance"),
    ("return mu + s * torch.randn_like(s)", "std", "standard deviation"),
    ("return torch.distributions.Normal(mu, s).rsample()", "std", "standard deviation"),
    ("return mu + torch.exp(s) * torch.randn_like(s)", None, "logarithm of the standard deviation"),
    ("return mu", None, "is it log_variance, variance or std?"),
])
def test_the_spread_is_told_by_its_use(line, second, says, tmp_path):
    folder = project(tmp_path, model_py=VAE.replace("SPREAD", line))
    assert guessed(folder).models["vae"].second == second
    assert says in " ".join(text_of(folder).replace("#", "").split())


PLAIN = VAE.replace("SPREAD", "return mu + torch.exp(0.5 * s) * torch.randn_like(s)")


@pytest.mark.parametrize(("line", "given"), [
    ("t = transforms.ToTensor()", {}),
    ("t = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])", {"range": (-1, 1)}),
    ("t = transforms.Compose([ToTensor(), transforms.Normalize(mean=[0.5], std=[0.5])])", {"range": (-1, 1)}),
    ("t = transforms.Normalize((0.286,), (0.353,))", {"mean": 0.286, "std": 0.353}),
    ("t = transforms.Lambda(lambda x: 2 * x - 1)", {"range": (-1, 1)}),
    ("t = transforms.Lambda(lambda x: (x > 0.5).float())", {"binarise": 0.5}),
    ("x = torch.bernoulli(images)", {"binarise": 0.5}),
])
def test_how_data_is_prepared_is_what_the_model_is_given(line, given, tmp_path):
    script = f"from torchvision import transforms\nfrom model import VAE\n{line}"
    folder = project(tmp_path, model_py=PLAIN, train_py=script)
    entry = guessed(folder).models["vae"]
    assert (entry.input.model_dump(exclude_defaults=True) if entry.input else {}) == given
    assert entry.output is None     # it ends in a sigmoid, whatever it is given


CONVOLUTIONS = """
from torch import nn

class ConvAE(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        layers = [nn.Conv2d(1, width, 3, stride=2, padding=1), nn.ReLU()]
        layers.append(nn.Conv2d(width, 2 * width, 3, stride=2, padding=1))
        self.encoder = nn.Sequential(*layers, nn.Flatten(), nn.Linear(2 * width * SIDE * SIDE, 10))
        self.decoder = nn.Sequential(
            nn.Linear(10, 2 * width * SIDE * SIDE), nn.Unflatten(1, (2 * width, SIDE, SIDE)),
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(width, 1, 4, 2, 1), nn.END())
"""


@pytest.mark.parametrize(("side", "end", "given", "returned"), [
    (7, "Sigmoid", {}, {}),
    (8, "Sigmoid", {"size": 32}, {"size": 32}),
    (16, "Sigmoid", {"size": 64, "fit": "resize"}, {"size": 64, "fit": "resize"}),
    (7, "Tanh", {"range": (-1, 1)}, {"range": (-1, 1)}),
    (7, "ReLU", {}, {"clip": True}),
    (7, "Identity", {}, {"clip": True}),
])
def test_layers_tell_size_and_range(side, end, given, returned, tmp_path):
    model = CONVOLUTIONS.replace("SIDE", str(side)).replace("END", end)
    entry = guessed(project(tmp_path, model_py=model)).models["vae"]
    assert (entry.input.model_dump(exclude_defaults=True) if entry.input else {}) == given
    assert (entry.output.model_dump(exclude_defaults=True) if entry.output else {}) == returned


def test_a_resize_to_a_padded_size_is_a_resize(tmp_path):
    folder = project(tmp_path, model_py=CONVOLUTIONS.replace("SIDE", "8").replace("END", "Sigmoid"),
                     data_py="from torchvision import transforms\nt = transforms.Resize((32, 32))")
    assert guessed(folder).models["vae"].input.fit == "resize"


@pytest.mark.parametrize("line", [
    "loss = nn.BCEWithLogitsLoss()", "loss = F.binary_cross_entropy_with_logits(recon, x)",
    "pictures = torch.sigmoid(model.decode(z))",
])
def test_a_sigmoid_outside_of_the_model_makes_logits(line, tmp_path):
    model = CONVOLUTIONS.replace("SIDE", "7").replace("END", "Identity")
    folder = project(tmp_path, model_py=model, train_py=f"from model import ConvAE\n{line}")
    assert guessed(folder).models["vae"].output.logits


def test_the_loss_of_a_discriminator_says_nothing_of_logits(tmp_path):
    model = CONVOLUTIONS.replace("SIDE", "7").replace("END", "Identity")
    gan = "from torch import nn\nclass Discriminator(nn.Module):\n    pass\nloss = nn.BCEWithLogitsLoss()"
    entry = guessed(project(tmp_path, model_py=model, gan_py=gan)).models["vae"]
    assert not entry.output.logits
    assert entry.output.clip


@pytest.mark.parametrize(("script", "arguments"), [
    ("model = VAE(latent=8).to('cuda')", {"latent": 8}),
    ("DIMENSIONS = 4\nmodel = VAE(DIMENSIONS, 2 * 64)", {"latent": 4, "hidden": 128}),
    ("model = VAE(20)", {}),        # as its default
    ("p.add_argument('--latent-dim', type=int, default=12)\nargs = p.parse_args()\nmodel = VAE(args.latent_dim)",
     {"latent": 12}),
    ("config = {'model': {'latent': 6}}\nmodel = VAE(config['model']['latent'])", {"latent": 6}),
    ("def main(size=5):\n    return VAE(size)", {"latent": 5}),
    ("class Config:\n    latent = 9\nmodel = VAE(Config.latent)", {"latent": 9}),
])
def test_arguments_are_those_it_is_constructed_with(script, arguments, tmp_path):
    folder = project(tmp_path, model_py=PLAIN, train_py=f"from model import VAE\n{script}")
    entry = guessed(folder).models["vae"]
    assert entry.arguments == arguments
    assert entry.prior.shape == (arguments.get("latent", 20),)


def test_arguments_come_from_a_file_of_settings(tmp_path):
    folder = project(tmp_path, model_py=PLAIN, train_py="from model import VAE\nmodel = VAE(config['model']['latent'])")
    (folder / "config.yaml").write_text("model: {latent: 7}\n")
    assert guessed(folder).models["vae"].arguments == {"latent": 7}


def test_an_argument_that_is_not_literal_is_asked_for(tmp_path):
    folder = project(tmp_path, model_py=PLAIN.replace("latent=20", "latent"))
    guessed(folder)
    assert "QUESTION: with which latent is VAE constructed?" in text_of(folder)


@pytest.mark.parametrize(("saving", "checkpoint"), [
    ("torch.save(model.state_dict(), 'out/vae.pth')", "out/vae.pth"),
    ("path = os.path.join('out', 'v.pt')\ntorch.save({'epoch': 1, 'model': model.state_dict()}, path)", "out/v.pt"),
    ("for epoch in range(3):\n    torch.save(model.state_dict(), f'vae_{epoch}.pth')", "vae_2.pth"),
    ("for epoch in range(1, 9):\n    torch.save(model.state_dict(), '%s/v%d.pt' % ('out', epoch))", "out/v8.pt"),
    ("torch.save(model.state_dict(), f'vae_{loss}.pth')", "vae_*.pth"),
    ("save_file(model.state_dict(), 'vae.safetensors')", "vae.safetensors"),
    ("torch.save(model.state_dict(), '/content/drive/MyDrive/vae.pt')", "vae.pt"),
    ("torch.save(obj=model, f='whole.pt')", "whole.pt"),
])
def test_a_script_that_saves_is_run(saving, checkpoint, tmp_path):
    script = f"from model import VAE\nmodel = VAE()\nfor epoch in range(3):\n    step()\n    pass\n{saving}\n"
    entry = guessed(project(tmp_path, model_py=PLAIN, train_py=script)).models["vae"]
    assert (entry.route, entry.script, entry.checkpoint) == ("run", "train.py", checkpoint)
    assert entry.source == "model.py:VAE"


def test_weights_that_lie_there_are_loaded_instead(tmp_path):
    script = "from model import VAE\nmodel = VAE()\ntorch.save(model.state_dict(), '/content/drive/MyDrive/final.pt')\n"
    folder = project(tmp_path, model_py=PLAIN, train_py=script)
    for name in ("final.pt", "optimizer.pt", "other.pt"):
        (folder / name).touch()
    entry = guessed(folder).models["vae"]
    assert (entry.route, entry.checkpoint) == ("load", "final.pt")


GAN = """
import torch
from torch import nn

class Generator(nn.Module):
    def __init__(self, z_dim=32, classes=10):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(z_dim, 784), nn.Tanh())

    def forward(self, z):
        return self.net(z).view(-1, 1, 28, 28)

class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(784, 1))

netG, netD = Generator(), Discriminator()
torch.save(netD.state_dict(), "netD.pth")
torch.save(netG.state_dict(), "netG.pth")
"""


def test_each_model_of_a_project_gets_its_own_weights(tmp_path):
    folder = project(tmp_path, vae_py=PLAIN, gan_py=GAN)
    for name in ("netD.pth", "netG.pth", "vae_best.pth"):
        (folder / name).touch()
    models = guessed(folder).models
    assert models["vae"].checkpoint == "vae_best.pth"
    assert models["other"].checkpoint == "netG.pth"
    assert models["other"].source == "gan.py:Generator"
    assert models["other"].methods == {"sample": "forward"}
    assert models["other"].prior.shape == (32,)
    assert models["other"].output.range == (-1, 1)
    assert models["other"].definitions


def test_labels_of_a_generator_are_seen(tmp_path):
    gan = GAN.replace("def forward(self, z)", "def forward(self, z, y)")
    entry = guessed(project(tmp_path, gan_py=gan, train_py="y = F.one_hot(labels, 10).float()")).models["other"]
    assert entry.labels == ["sample"]
    assert entry.one_hot


def test_a_library_that_is_not_here_is_named(tmp_path):
    folder = project(tmp_path, model_py="import no_such_library\n" + PLAIN)
    assert any("no_such_library is not installed here" in one for one in new_from(folder, None).remarks)


def test_report_and_answers_are_found_among_other_files(tmp_path):
    folder = project(tmp_path, model_py=PLAIN)
    for name in ("exercise_sheet.pdf", "Report_Group7.pdf", "answers.yaml"):
        (folder / name).touch()
    manifest = guessed(folder)
    assert (manifest.report, manifest.answers) == ("Report_Group7.pdf", "answers.yaml")


def test_a_module_of_a_package_is_named_as_one(tmp_path):
    folder = write(tmp_path / "project", {"ours/__init__.py": "", "ours/nets.py": PLAIN, "run.py": "import ours"})
    assert guessed(folder).models["vae"].source == "ours.nets:VAE"


def test_a_layer_of_the_project_that_is_called_as_one_of_the_library_is_not_taken_for_it(tmp_path):
    model = CONVOLUTIONS.replace("SIDE", "7").replace("END", "Sigmoid") + """
class Conv2d(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(5, 5)
    def forward(self, x):
        return self.net(x)
"""
    entry = guessed(project(tmp_path, model_py=model)).models["vae"]
    assert (entry.input, entry.output) == (None, None)


def test_a_sampler_that_wants_something_unknown_leaves_it_to_the_prior(tmp_path):
    sampler = "    def sample(self, num_samples, current_device):\n        return self.decode(None)\n"
    assert guessed(project(tmp_path, model_py=PLAIN + sampler)).models["vae"].prior.shape == (20,)
    known = sampler.replace("current_device", "device")
    assert guessed(project(tmp_path / "b", model_py=PLAIN + known)).models["vae"].prior is None


def test_a_model_inside_of_another_kind_of_model_is_one_of_its_own(tmp_path):
    latent = """
from torch import nn
from model import VAE
class LatentDiffusion(nn.Module):
    def __init__(self):
        super().__init__()
        self.vae = VAE()
    def sample(self, n):
        return self.vae.decode(n)
"""
    models = guessed(project(tmp_path, model_py=PLAIN, diffusion_py=latent)).models
    assert (models["vae"].source, models["other"].source) == ("model.py:VAE", "diffusion.py:LatentDiffusion")


def test_layers_that_are_made_in_a_loop_are_not_guessed(tmp_path):
    looped = """
from torch import nn
class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        modules = []
        for width in [32, 64]:
            modules.append(nn.Sequential(nn.Conv2d(1, width, 3, 2, 1), nn.ReLU()))
        self.encoder = nn.Sequential(*modules)
        self.decoder = nn.Sequential(nn.Linear(8, 784), nn.Sigmoid(), nn.Unflatten(1, (1, 28, 28)))
"""
    entry = guessed(project(tmp_path, model_py=looped)).models["vae"]
    assert entry.input is None
    assert entry.output is None


# --- adapters

INSIDE = """
import torch
from torch import nn

class VAE(nn.Module):
    def __init__(self, latent=5):
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 32), nn.ReLU())
        self.to_mean, self.to_spread = nn.Linear(32, latent), nn.Linear(32, latent)
        self.expand = nn.Linear(latent, 32)
        self.decoder = nn.Sequential(nn.ReLU(), nn.Linear(32, 784), nn.Sigmoid())

    def forward(self, x):
        h = self.encoder(x)
        mu, logvar = self.to_mean(h), self.to_spread(h)
        std = torch.exp(0.5 * logvar)
        eps = torch.randn_like(std)
        z = mu + eps * std
        h = self.expand(z)
        return self.decoder(h).view(-1, 1, 28, 28), mu, logvar
"""


@pytest.fixture
def loaded(monkeypatch):
    """Load a guessed model as the worker does, apart from the box."""
    def load(folder: Path, slot: str = "vae"):
        entry = guessed(folder).models[slot]
        before = set(sys.modules)
        monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
        model = load_model(entry.source, folder=folder, arguments=entry.arguments, checkpoint=None, device="cpu",
                           definitions_only=entry.only_definitions, cells=entry.cells)
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(folder)):
                del sys.modules[name]
        return adapt(model, Manner.of({"manner": entry.manner}), device="cpu"), model
    return load


def test_encoding_inside_of_forward_is_taken_apart(loaded, tmp_path):
    folder = project(tmp_path, net_py=INSIDE)
    asked, model = loaded(folder)
    images = torch.rand(3, 1, 28, 28)
    with torch.no_grad():
        codes = asked.encode(images)
        assert torch.equal(codes, model(images)[1])
        assert torch.equal(asked.posterior(images)[1], model(images)[2])
        assert asked.decode(codes).shape == (3, 1, 28, 28)
        assert asked.sample(4, seed=0).shape == (4, 1, 28, 28)
    assert len((folder / "adapter.py").read_text().splitlines()) <= 20
    assert "adapter.py:VAE" in text_of(folder)


def test_networks_that_a_function_makes_are_joined(loaded, tmp_path):
    networks = """
from torch import nn
class Encoder(nn.Module):
    def __init__(self, latent):
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(784, latent))
    def forward(self, x):
        return self.net(x)
class Decoder(nn.Module):
    def __init__(self, latent):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(latent, 784), nn.Sigmoid())
    def forward(self, z):
        return self.net(z)
"""
    main = """
import torch
from networks import Decoder, Encoder
LATENT = 6
def main():
    encoder, decoder = Encoder(LATENT), Decoder(LATENT)
    torch.save(encoder.state_dict(), "enc.pt")
    torch.save(decoder.state_dict(), "dec.pt")
    pictures = decoder(torch.randn(16, LATENT))
if __name__ == "__main__":
    main()
"""
    folder = project(tmp_path, networks_py=networks, main_py=main)
    for name in ("enc.pt", "dec.pt"):
        (folder / name).touch()
    asked, _ = loaded(folder)
    assert asked.encode(torch.rand(2, 1, 28, 28)).shape == (2, 6)
    entry = documents.read(folder / MANIFEST, Manifest).models["vae"]
    assert entry.checkpoint == {"encoder": "enc.pt", "decoder": "dec.pt"}
    assert entry.output.layout == "flat"
    assert entry.prior.shape == (6,)


def test_a_sampler_is_given_its_network(loaded, tmp_path):
    diffusion = """
import torch
from torch import nn
from torchvision import transforms
prepare = transforms.Lambda(lambda t: t * 2 - 1)
class UNet(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.net = nn.Conv2d(1, 1, 3, padding=1)
    def forward(self, x, t):
        return self.net(x)
class Diffusion:
    def __init__(self, steps=3):
        self.steps = steps
    def sample(self, model, n):
        x = torch.randn(n, 1, 28, 28)
        for t in range(self.steps):
            x = x - 0.1 * model(x, t)
        return x
def train():
    model, diffusion = UNet(width=2), Diffusion()
    torch.save(model.state_dict(), "unet.pt")
if __name__ == "__main__":
    train()
"""
    folder = project(tmp_path, ddpm_py=diffusion)
    asked, _ = loaded(folder, "other")
    with torch.no_grad():
        assert asked.sample(5, seed=0).shape == (5, 1, 28, 28)
    entry = documents.read(folder / MANIFEST, Manifest).models["other"]
    assert (entry.route, entry.script, entry.checkpoint) == ("run", "ddpm.py", {"network": "unet.pt"})
    assert entry.output.range == (-1, 1)
    assert entry.output.clip


def test_a_notebook_that_would_need_an_adapter_is_told_what_to_add(tmp_path):
    cells = [{"cell_type": "code", "source": INSIDE, "metadata": {}}]
    write(tmp_path, {"vae.ipynb": json.dumps({"cells": cells, "nbformat": 4})})
    assert guessed(tmp_path).models["vae"].source == "vae.ipynb:VAE"
    assert "#     def encode(self, x):" in text_of(tmp_path)
    assert not (tmp_path / "adapter.py").exists()


# --- where it writes, and what it refuses


def test_nothing_of_the_project_is_run(tmp_path):
    trap = f"open({str(tmp_path / 'ran')!r}, 'w').close()\n"
    folder = project(tmp_path, model_py=trap + PLAIN, conftest_py=trap, sitecustomize_py=trap)
    guessed(folder)
    assert not (tmp_path / "ran").exists()


def test_a_copy_leaves_the_project_as_it_is_and_data_behind(tmp_path):
    folder = project(tmp_path, model_py=PLAIN)
    (folder / "data").mkdir()
    (folder / "data" / "train-images-idx3-ubyte.gz").touch()
    (folder / "vae.pt").touch()
    written = new_from(folder, tmp_path / "group7")
    assert sorted(path.name for path in written.files) == ["model.py", "submission.yaml", "vae.pt"]
    assert sorted(path.name for path in folder.iterdir()) == ["data", "model.py", "vae.pt"]
    assert documents.read(tmp_path / "group7" / MANIFEST, Manifest).group == "group7"


def test_a_manifest_that_is_there_is_kept(tmp_path):
    folder = project(tmp_path, model_py=PLAIN)
    (folder / MANIFEST).write_text("mine")
    with pytest.raises(UserError, match="is there already"):
        new_from(folder, None)
    assert text_of(folder) == "mine"


def test_a_folder_that_holds_files_is_left_alone(tmp_path):
    folder = project(tmp_path, model_py=PLAIN)
    with pytest.raises(UserError, match="already holds files"):
        new_from(folder, tmp_path)
    with pytest.raises(UserError, match="lies inside of"):
        new_from(folder, folder / "hand-in")


@pytest.mark.parametrize(("files", "says"), [
    ({}, "holds no code that can be read"),
    ({"notes.txt": "VAE"}, "holds no code that can be read"),
    ({"model.py": "class VAE(:\n"}, r"holds no code that can be read: model\.py \(line 1"),
    ({"vae.ipynb": "{not json"}, r"holds no code that can be read: vae\.ipynb"),
    ({"vae.ipynb": json.dumps({"cells": 5})}, r"holds no code that can be read: vae\.ipynb"),
    ({"vae.ipynb": "{not json", "utils.py": "x = 1"}, r"generative model was found \(not read: vae\.ipynb"),
    ({"model.py": "import torch\nclass Classifier(torch.nn.Module):\n    pass"}, "no class or network"),
])
def test_a_project_without_a_model_is_refused_in_one_sentence(files, says, tmp_path):
    (tmp_path / "project").mkdir()
    for name, text in files.items():
        (tmp_path / "project" / name).write_text(text)
    with pytest.raises(UserError, match=says) as caught:
        new_from(tmp_path / "project", None)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "project" / MANIFEST).exists()


def test_a_broken_cell_and_a_broken_file_take_no_other_with_them(tmp_path):
    texts = ("!pip install x\nimport torch", "def (", PLAIN)
    cells = [{"cell_type": "code", "source": text, "metadata": {}} for text in texts]
    (tmp_path / "vae.ipynb").write_text(json.dumps({"cells": cells, "nbformat": 4}))
    (tmp_path / "old.py").write_text("print 'python 2'")
    written = new_from(tmp_path, None)
    assert any("old.py" in one for one in written.remarks)
    assert documents.read(tmp_path / MANIFEST, Manifest).models["vae"].source == "vae.ipynb:VAE"


ODD = """
import torch
class AE(torch.nn.Module):
    def __init__(self):
        self.encoder = self.encoder
        a = b = [a, b]
        self.decoder = torch.nn.Sequential(*a)
    def forward(self, x):
        return self.forward(x)
"""


@pytest.mark.parametrize("text", [
    "x = " + "(" * 300 + ")" * 300, "\ufeffclass A: pass", "x = 9 ** 9 ** 9 ** 9", "class VAE(VAE): pass",
    "class A_VAE(B): pass\nclass B(A_VAE): pass", ODD,
    "import torch\nclass VAE(torch.nn.Module):\n    def encode(*a): return a",
])
def test_odd_code_is_read_all_the_same(text, tmp_path):
    folder = project(tmp_path, model_py=PLAIN, odd_py=text)
    assert "vae" in guessed(folder).models


def test_names_in_the_code_cannot_break_the_manifest(tmp_path):
    odd = PLAIN.replace("latent=20", "latent=20, name='a: b # c\\n- d \\u202e'")
    folder = project(tmp_path, model_py=odd, train_py="from model import VAE\nVAE(name='\\u202e # x: y\\n z')")
    (folder / "model.py").rename(folder / "mo # del.py")
    assert guessed(folder).models["vae"].arguments == {"name": "\u202e # x: y\n z"}
    assert "\u202e" not in text_of(folder)

"""What hand-ins share is found, whatever its names; what the course handed out is not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file
from typer.testing import CliRunner

from harness.cli import app
from harness.course import Course
from harness.report.similarity import render_similarity
from harness.similarity import Material, Similarity, compare, handed_out, material_of
from harness.similarity.prints import CODE, TEXT, code_tokens, fingerprints, text_tokens
from harness.submissions import intake

ROOT = Path(__file__).parent.parent
COURSE = Course(ROOT)

OWN = '''
import torch
from torch import nn

class Encoder(nn.Module):
    """Two layers."""
    def __init__(self, width, latent):
        super().__init__()
        self.first = nn.Linear(784, width)
        self.mean = nn.Linear(width, latent)
        self.spread = nn.Linear(width, latent)

    def forward(self, images):
        hidden = torch.relu(self.first(images.flatten(1)))
        return self.mean(hidden), self.spread(hidden).exp()

def train_one_epoch(model, batches, optimiser, weight):
    total = 0.0
    for images, labels in batches:
        optimiser.zero_grad()
        means, spreads = model(images)
        noise = torch.randn_like(spreads)
        rebuilt = model.decode(means + spreads * noise)
        error = ((rebuilt - images) ** 2).sum(dim=(1, 2, 3)).mean()
        divergence = 0.5 * (means ** 2 + spreads ** 2 - 2 * spreads.log() - 1).sum(1).mean()
        (error + weight * divergence).backward()
        optimiser.step()
        total = total + error.item()
    return total / len(batches)
'''
RENAMED = "# our own work\n" + re.sub(
    r"\b(width|latent|first|mean(?!\()|spread|images|hidden|total|batches|optimiser|rebuilt|error|divergence|noise|weight)\b",
    lambda name: f"my_{name[1]}", OWN.replace("Encoder", "Net").replace("784", "28 ** 2").replace("Two layers", "Mine"))
OTHER = '''
import numpy as np

class Machine:
    def __init__(self, visible, hidden, rng):
        self.weights = rng.normal(0, 0.01, (visible, hidden))
        self.lower, self.upper = np.zeros(visible), np.zeros(hidden)

    def up(self, states):
        return 1 / (1 + np.exp(-(states @ self.weights + self.upper)))

    def down(self, states):
        return 1 / (1 + np.exp(-(states @ self.weights.T + self.lower)))

    def contrast(self, batch, rate, rng):
        chances = self.up(batch)
        sampled = (rng.random(chances.shape) < chances).astype(float)
        dreamt = self.down(sampled)
        again = self.up(dreamt)
        self.weights += rate * (batch.T @ chances - dreamt.T @ again) / len(batch)
        self.lower += rate * (batch - dreamt).mean(axis=0)
        self.upper += rate * (chances - again).mean(axis=0)
        return float(np.square(batch - dreamt).mean())
'''


def hand_in(folder: Path, files: dict[str, str], *, arguments: str = "") -> Material:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    model = next(name for name in files if name.endswith((".py", ".ipynb")))
    (folder / "answers.yaml").write_text(f"quiz: summer23\nanswers:\n  1a: {{answer: yes, argument: {arguments!r}}}\n")
    (folder / "submission.yaml").write_text(
        f"group: {folder.name}\nmembers: [Ada Example]\nassignment: summer23\nanswers: answers.yaml\n"
        f'models:\n  vae: {{source: "model.py:Encoder", route: fit}}\n')
    if model != "model.py":
        (folder / "model.py").write_text("pass\n")
    return material_of(intake(folder, folder.parent / f"copy-{folder.name}"), course=COURSE)


def notebook(source: str) -> str:
    cells = [
        {"cell_type": "markdown", "source": ["# Hello"]},
        {"cell_type": "code", "source": ["%matplotlib inline\n", "!pip install torch\n"]},
        {"cell_type": "code", "source": source.splitlines(keepends=True)},
    ]
    return json.dumps({"cells": cells, "nbformat": 4})


def share(found: Similarity, kind: str = "code") -> float | None:
    return found.matrices[kind][0][1]


def test_a_copy_with_other_names_is_found_with_its_lines(tmp_path):
    found = compare([hand_in(tmp_path / "one", {"model.py": OWN}), hand_in(tmp_path / "two", {"model.py": RENAMED})])
    assert share(found) > 0.6
    (pair,) = found.pairs
    fragment = pair.fragments[0]
    assert fragment.places[0].startswith("model.py, lines ")
    assert "contrast" not in fragment.texts[0]
    assert "optimiser.zero_grad()" in fragment.texts[0]
    assert "my_optimiser.zero_grad()" in fragment.texts[1]
    first = int(re.search(r"lines (\d+)", fragment.places[0])[1])
    assert OWN.splitlines()[first - 1] in fragment.texts[0]


def test_a_notebook_and_a_script_are_compared_by_their_code(tmp_path):
    found = compare([
        hand_in(tmp_path / "one", {"model.py": OWN}), hand_in(tmp_path / "two", {"work.ipynb": notebook(RENAMED)})])
    assert share(found) > 0.6
    assert found.pairs[0].fragments[0].places[1].startswith("work.ipynb, cell 3, lines ")


def test_different_work_shares_nothing(tmp_path):
    found = compare([hand_in(tmp_path / "one", {"model.py": OWN}), hand_in(tmp_path / "two", {"model.py": OTHER})])
    assert share(found) == 0
    assert found.pairs == []


def test_what_the_course_handed_out_does_not_count(tmp_path):
    reference = (ROOT / "reference_models" / "conv_vae.py").read_text()
    class_ = [
        hand_in(tmp_path / "one", {"model.py": OWN, "vae.py": reference}),
        hand_in(tmp_path / "two", {"model.py": OTHER, "vae.py": reference})]
    assert share(compare(class_)) > 0.3
    assert compare(class_).pairs[0].same_files == ["vae.py"]
    found = compare(class_, apart_from=handed_out(COURSE))
    assert share(found) == 0
    assert found.pairs == []


def test_more_material_can_be_named(tmp_path):
    class_ = [
        hand_in(tmp_path / "one", {"model.py": OWN + OTHER}), hand_in(tmp_path / "two", {"model.py": RENAMED + OTHER})]
    (tmp_path / "tutorial.ipynb").write_text(notebook(OTHER))
    given = handed_out(COURSE, [tmp_path / "tutorial.ipynb"])
    fragments = compare(class_, apart_from=given).pairs[0].fragments
    assert not any("def contrast" in fragment.texts[0].splitlines()[0] for fragment in fragments)
    assert share(compare(class_, apart_from=given)) < 1


def test_what_most_of_a_class_wrote_is_common(tmp_path):
    class_ = [hand_in(tmp_path / f"group{number}", {"model.py": OWN}) for number in range(10)]
    assert compare(class_).pairs == []
    assert compare(class_[:9]).pairs[0].shares["code"] == 1


def test_five_that_copied_from_each_other_are_found_in_a_class_of_ten(tmp_path):
    class_ = [
        hand_in(tmp_path / f"group{number}", {"model.py": OWN if number < 5 else OTHER}) for number in range(10)]
    assert {group for pair in compare(class_).pairs for group in pair.groups} >= {f"group{at}" for at in range(5)}


def test_arguments_in_the_same_words_are_found(tmp_path):
    words = (
        "the gradient of the log likelihood is approximated by contrastive divergence since the partition function "
        "cannot be summed over all states of a machine with many units so that chains are run for a few steps only")
    one = hand_in(tmp_path / "one", {"model.py": OWN}, arguments=words)
    two = hand_in(tmp_path / "two", {"model.py": OTHER}, arguments=f"well {words} as we think")
    found = compare([one, two])
    assert share(found, "text") > 0.9
    assert found.pairs[0].fragments[0].kind == "text"


@pytest.mark.parametrize("change", [lambda a: a, lambda a: a.astype(np.float16)])
def test_equal_weights_are_found_also_in_half_precision(tmp_path, change):
    weights = np.random.default_rng(0).normal(size=(20, 30)).astype(np.float32)
    class_ = []
    for name, values in (("one", weights), ("two", change(weights)), ("three", weights + 0.1)):
        hand_in(tmp_path / name, {"model.py": OWN if name == "one" else OTHER})
        tensors = {"encoder.weight": values, "encoder.bias": np.zeros(100, np.float32)}
        save_file(tensors, tmp_path / name / "w.safetensors")
        material = material_of(intake(tmp_path / name, tmp_path / f"again-{name}"), course=COURSE)
        class_.append(material)
    found = compare(class_)
    assert found.matrices["weights"] == [[None, 1, 0], [1, None, 0], [0, 0, None]]
    assert found.pairs[0].tensors == ["w.safetensors: encoder.weight"]
    given = handed_out(COURSE, [tmp_path / "one" / "w.safetensors"])
    assert compare(class_, apart_from=given).matrices["weights"][0] == [None, None, None]


def test_equal_files_are_named_and_weights_that_could_run_code_are_not_opened(tmp_path):
    class_ = [
        hand_in(tmp_path / name, {"model.py": source, "w.pt": "not a pickle"})
        for name, source in (("one", OWN), ("two", RENAMED))]
    found = compare(class_)
    assert found.pairs[0].same_files == ["w.pt"]
    assert "could run code" in found.left_out["one: w.pt"]


def test_the_distribution_counts_every_pair_once(tmp_path):
    sources = [OWN, RENAMED, OTHER, OWN + OTHER]
    found = compare([hand_in(tmp_path / f"g{at}", {"model.py": text}) for at, text in enumerate(sources)])
    assert found.pair_count == 6
    assert sum(found.usual["code"]) == 6
    assert found.pairs[0].more_alike["code"] == 0


@given(st.text(max_size=300))
def test_any_text_has_fingerprints_and_is_like_itself(text):
    for tokens, settings in ((code_tokens(text), CODE), (text_tokens(text), TEXT)):
        found = fingerprints(tokens, settings)
        assert found == fingerprints(tokens, settings)
        assert all(0 <= place <= len(tokens) - settings.length for place in found.values())


def test_every_common_run_that_is_long_enough_leaves_a_common_fingerprint():
    rng = np.random.default_rng(0)
    run = " ".join(str(word) for word in rng.integers(1_000, size=TEXT.length + TEXT.window - 1))
    for seed in range(20):
        other = np.random.default_rng(seed).integers(1_000, 2_000, size=60)
        one = " ".join(map(str, other[:30])) + f" {run} " + " ".join(map(str, other[30:]))
        assert fingerprints(text_tokens(run), TEXT).keys() & fingerprints(text_tokens(one), TEXT).keys()


def test_the_page_escapes_what_groups_wrote_and_gives_no_verdict(tmp_path):
    evil = OWN.replace("total / len(batches)", "total / len(batches)  # <script>alert(1)</script>")
    found = compare([hand_in(tmp_path / "one", {"model.py": evil}), hand_in(tmp_path / "two", {"model.py": RENAMED})])
    page = render_similarity(found)
    assert "<script" not in page
    assert "For a person to judge" in page
    assert 'href="#pair-1"' in page
    assert 'id="pair-1"' in page


def test_the_command_writes_page_and_json(tmp_path):
    for name, source in (("one", OWN), ("two", RENAMED)):
        hand_in(tmp_path / name, {"model.py": source})
    arguments = ["similarity", str(tmp_path / "one"), str(tmp_path / "two"), "--reports", str(tmp_path / "reports")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "one and two: code " in result.output
    assert (tmp_path / "reports" / "similarity.html").is_file()
    found = Similarity.model_validate_json((tmp_path / "reports" / "similarity.json").read_text())
    assert found.groups == ["one", "two"]
    told = CliRunner().invoke(app, [*arguments, "--json"])
    assert Similarity.model_validate_json(told.output) == found


def test_one_hand_in_cannot_be_compared(tmp_path):
    hand_in(tmp_path / "one", {"model.py": OWN})
    result = CliRunner().invoke(app, ["similarity", str(tmp_path / "one")])
    assert "one hand-in cannot be compared" in str(result.exception)

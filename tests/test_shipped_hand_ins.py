"""The hand-ins that are shipped: complete, small, and as good or as broken as they are meant to be."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.course import Course
from harness.data import fashion_mnist
from harness.features import Judges
from harness.grading import Workshop, grade
from harness.handin import facts
from harness.limits import QUICK
from harness.quiz import check_file, load_key, load_sheet
from harness.quiz import theory as read_theory
from harness.records import Outcome, TheoryResult
from harness.sandbox.choose import choose_box
from harness.store import shipped
from harness.submissions import Submission, intake
from scripts.hand_in_answers import ARGUMENTS, GROUP2
from scripts.hand_in_models import as_tensor, trained
from tests.conftest import real_data_folder

ROOT = Path(__file__).parent.parent
GROUPS = ["group1", "group2", "group3", "group4"]
TRAINED = {     # hand-in and model -> file and class
    ("group2", "vae"): ("model", "ConvVAE"),
    ("group3", "vae"): ("model", "ConvVAE"),
    ("group3", "other"): ("diffusion", "LatentDiffusion"),
    ("group4", "vae"): ("model", "VAE"),
}


def folder(group: str) -> Path:
    return ROOT / "submissions" / group


def taken(group: str, tmp_path: Path) -> Submission:
    return intake(folder(group), tmp_path / "copy")


def model(group: str, name: str) -> Any:
    module, kind = TRAINED[group, name]
    stem = {"vae": "vae", "other": "diffusion"}[name]
    return trained(folder(group), module=module, kind=kind, checkpoint=f"{stem}.safetensors")[0]


def theory(group: str) -> TheoryResult:
    return check_file(folder(group) / "answers.yaml", course=Course(ROOT), with_key=True)


@pytest.mark.parametrize("group", GROUPS)
def test_it_is_taken_in_whole(group, tmp_path):
    submission = taken(group, tmp_path)
    assert submission.manifest.group == group
    assert {name for name in submission.left_out if "__pycache__" not in name} == set()
    assert all(member.endswith(" Example") for member in submission.manifest.members)


@pytest.mark.parametrize(("group", "name"), TRAINED)
def test_the_manifest_names_the_class_and_the_weights_that_fit_it(group, name, tmp_path):
    entry = taken(group, tmp_path).manifest.models[name]
    module, kind = TRAINED[group, name]
    assert entry.source == f"{module}.py:{kind}"
    assert (folder(group) / str(entry.checkpoint)).stat().st_size < 2_000_000
    assert sum(weight.numel() for weight in model(group, name).parameters()) > 10_000


@pytest.mark.parametrize(("group", "files"), [
    ("group1", ["training"]), ("group2", ["training", "vae"]), ("group3", ["training"])])
def test_what_a_group_copied_is_what_the_course_offers(group, files):
    for name in files:
        offered = ROOT / "reference_models" / f"{name}.py"
        assert (folder(group) / f"{name}.py").read_text() == offered.read_text()


def test_group2_is_what_harness_new_writes():
    model, offered = folder("group2") / "model.py", ROOT / "reference_models" / "conv_vae.py"
    assert model.read_text() == offered.read_text()


@pytest.mark.parametrize(("group", "name"), [key for key in TRAINED if key[0] != "group4"])
def test_samples_are_images_and_obey_the_seed(group, name):
    drawn = model(group, name)
    first = drawn.sample(30, seed=1)
    assert first.shape == (30, 1, 28, 28)
    assert 0 <= first.min() <= first.max() <= 1
    assert first.std(0).mean() > 0.05        # not one image, thirty times
    assert torch.equal(first, drawn.sample(30, seed=1))
    assert not torch.equal(first, drawn.sample(30, seed=2))


@pytest.mark.real_data
@pytest.mark.parametrize("group", ["group2", "group3"])
def test_a_trained_vae_reconstructs_as_well_as_the_reference(group):
    images = as_tensor(fashion_mnist(folder=real_data_folder(), download=False).test.images[:2000])
    vae = model(group, "vae")
    with torch.no_grad():
        error = float(((vae.decode(vae.encode(images)) - images) ** 2).mean())
    assert 0.008 < error < 0.0145       # the reference VAE has 0.0133


@pytest.mark.parametrize(("group", "needed"), [
    ("group2", ["t-SNE", "Interpolation between", "mean squared error"]),
    ("group3", ["diffusion", "within one class", "between two classes", "mean squared error"])])
def test_the_page_is_one_and_speaks_of_all_that_the_sheet_asks_for(group, needed, tmp_path):
    page, faults = facts(taken(group, tmp_path))
    assert faults == []
    assert page.pages == 1
    assert page.page is not None
    assert page.text_missing == []
    source = (ROOT / "scripts" / "hand_in_pages.py").read_text()
    for words in needed:
        assert words in source


def test_group3_agrees_with_the_key_everywhere():
    marked = theory("group3")
    assert [one.id for one in marked.statements if one.verdict != "right"] == []
    assert marked.points == marked.max_points == 20
    assert marked.problems == []
    assert sum(bool(one.argument) for one in marked.statements) >= 5


def test_group2_answers_on_the_sheet_that_the_course_hands_out():
    course = Course(ROOT)
    sheet = load_sheet(course, "summer22")
    marked = read_theory(folder("group2") / "answers.pdf", sheet=sheet, key=load_key(course, "summer22"))
    assert {one.id: one.answer for one in marked.statements} == GROUP2
    assert {one.id: one.argument for one in marked.statements if one.argument} == ARGUMENTS
    assert marked.problems == []
    assert marked.points == pytest.approx(300 / 19)     # 16 right, 1 wrong, 2 left out
    assert all(one.crop is not None for one in marked.statements)


def test_group1_is_partly_wrong_and_partly_abstains():
    marked = theory("group1")
    assert {one.verdict for one in marked.statements} == {"right", "wrong", "abstained"}
    assert marked.points is not None
    assert 0 < marked.points < 20
    assert marked.problems == []


@pytest.mark.parametrize("words", [
    "6a", "not answered.*4d", "2b is 'maybe'", "3b.*(twice|times|again|second)",
    "1d: the argument must be one text"])
def test_group4_is_told_what_is_wrong_with_its_answers(words):
    assert any(re.search(words, problem) for problem in theory("group4").problems), theory("group4").problems


def test_group4_forgot_the_sigmoid_in_decode_but_not_in_sample():
    vae = model("group4", "vae")
    images = torch.rand(5, 1, 28, 28)
    with torch.no_grad():
        codes, samples = vae.encode(images), vae.sample(5, seed=0)
        decoded = vae.decode(codes)
    assert codes.shape == (5, 10)
    assert decoded.min() < 0
    assert 0 <= samples.min() <= samples.max() <= 1


def test_group4_misspells_the_class_of_its_second_model(tmp_path):
    source = taken("group4", tmp_path).manifest.models["other"].source
    assert source == "gan.py:SimpleGan"
    assert "class SimpleGAN" in (folder("group4") / "gan.py").read_text()


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.box
@pytest.mark.real_data
@pytest.mark.parametrize("group", ["group1", "group2", "group3"])
def test_an_honest_hand_in_is_not_flagged(group):
    official = fashion_mnist(folder=real_data_folder(), download=False)
    recall = shipped(lambda _name, make: make(), data=official, budget_name=QUICK.name)
    result = grade(folder(group), Workshop(
        course=Course(ROOT), data=official, box=choose_box(), perception=lambda: Judges(official), recall=recall,
        budget=replace(QUICK, fit_seconds=600.0)))      # ten epochs, however busy the machine is
    for model in result.measurements.values():
        assert (model.outcome, model.faults) == (Outcome.SCORED, [])
        assert [(flag.name, flag.evidence) for flag in model.flags] == []

"""Hand-ins in the styles that students have: each loads with a manifest alone, and ends as its folder says.

`tests/hand-ins/<outcome>/<style>/` hold code and manifest; the weights are made here, by the code itself.
"""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from harness.cli.workshop import box_for_own_code, workshop
from harness.course import Course
from harness.data import garments
from harness.grading import grade
from harness.limits import QUICK, Limits
from harness.records import ModelResult, Outcome
from harness.submissions import Manifest
from harness.worker.loading import as_one_module, load_model

ROOT = Path(__file__).parent.parent
EVERY = sorted(path.parent for path in (ROOT / "tests" / "hand-ins").rglob("submission.yaml"))
STYLES = [path for path in EVERY if path.parent.name != "scored_keras"]     # those: test_keras_hand_ins.py
BUDGET = replace(
    QUICK, train_images=100, test_images=60, samples=40, pairs=10, points=5, probe_images=10, copies=40, bootstrap=20,
    fit_seconds=120.0, samples_seconds=20.0, limits=Limits(start_seconds=60, request_seconds=60))
MOST_LINES = 15         # what a group may have to write about one model
OUTCOMES = {
    "scored": Outcome.SCORED, "not_applicable": Outcome.SCORED, "environment": Outcome.ENVIRONMENT,
}       # all others are faults of the hand-in, of the kind that the folder names


@pytest.fixture(scope="module")
def shop():
    return workshop(
        Course(ROOT), garments(train=300, test=100), box_for_own_code()[0], BUDGET, seed=0, device="cpu", keep=False,
        with_key=False)


def with_weights(style: Path, into: Path, monkeypatch) -> Path:
    """Copy a hand-in and let its own code make the weights that it lacks."""
    folder = into / style.name
    shutil.copytree(style, folder)
    manifest = Manifest.model_validate(yaml.safe_load((folder / "submission.yaml").read_text()))
    for entry in manifest.models.values():
        lacking = [path for path in entry.checkpoints if not (folder / path).exists()]
        if entry.route == "load" and lacking:
            _make(folder, entry, lacking, monkeypatch)
    return folder


def _make(folder, entry, lacking, monkeypatch):
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    monkeypatch.chdir(folder)
    monkeypatch.setattr(torch.nn.Module, "cuda", lambda self, _device=None: self)
    arguments = {} if "another_size" in folder.name else entry.arguments
    torch.manual_seed(0)
    model = load_model(
        entry.source, folder=folder, arguments=arguments, checkpoint=None, device="cpu",
        definitions_only=entry.only_definitions, cells=entry.cells)
    for path in lacking:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
    if isinstance(entry.checkpoint, dict):
        for part, path in entry.checkpoint.items():
            name, _, index = part.partition(".")
            network = getattr(model, name)
            torch.save((network[int(index)] if index else network).state_dict(), folder / path)
    else:
        _save(model, folder / lacking[0])
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(folder)):
            del sys.modules[name]


def _save(model, path):
    if path.suffix == ".npz" and hasattr(model, "w"):
        np.savez(path, w=model.w, a=model.a, b=model.b)
    elif path.suffix == ".npz":
        axes = np.linalg.qr(np.random.default_rng(0).normal(size=(784, 8)))[0].T
        np.savez(path, mean=np.full(784, 0.3), axes=axes)
    elif path.name == "whole.pt":
        torch.save(model, path)
    elif path.name == "parallel.tar.pth":
        weights = {f"module.{key}": value for key, value in as_one_module(model).state_dict().items()}
        torch.save({"epoch": 3, "state_dict": weights, "optimizer": {}}, path)
    else:
        torch.save(as_one_module(model).state_dict(), path)


@pytest.mark.parametrize("style", EVERY, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_manifest_is_all_that_a_group_has_to_write(style):
    _, _, models = (style / "submission.yaml").read_text().partition("models:\n")
    for entry in re.split(r"(?m)^  \w+:$", models)[1:]:
        assert 3 <= len(entry.strip().splitlines()) <= MOST_LINES
    code = "".join(path.read_text() for path in style.rglob("*.py"))
    assert "harness" not in code or style.name == "contract_in_a_package"


@pytest.mark.slow
@pytest.mark.parametrize("style", STYLES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_each_style_ends_as_its_folder_says(style, shop, tmp_path, monkeypatch):
    wanted = style.parent.name
    if wanted == "timed_out":
        shop = replace(shop, budget=replace(BUDGET, limits=Limits(start_seconds=12)))
    result = grade(with_weights(style, tmp_path, monkeypatch), shop)
    for model in result.measurements.values():
        assert model.outcome is OUTCOMES.get(wanted, Outcome.SUBMISSION_FAULT), model.faults
        if wanted == "scored":
            _is_measured(model, style)
        elif wanted == "not_applicable":
            assert "encode" in model.not_applicable["reconstruction"]
        else:
            assert {fault.kind.replace(" ", "_") for fault in model.faults} == {wanted}
    if wanted in {"scored", "not_applicable"}:
        assert not result.faults
    if wanted == "environment":
        every = [one for part in result.marks.parts for one in part.criteria]
        criteria = [one for one in every if (one.measurement or "").startswith("vae.")]
        assert {one.outcome for one in criteria} == {Outcome.ENVIRONMENT}
        assert {one.points for one in criteria} == {None}


def _is_measured(model: ModelResult, style: Path) -> None:
    """Whatever the code has is measured."""
    assert model.faults == []
    if model.name == "vae":
        assert model.measurements["reconstruction.mse"].value < 1
    else:
        assert "distribution.fid_relative" in model.measurements


@pytest.mark.parametrize(("name", "outcome", "hint"), [
    ("keras", Outcome.ENVIRONMENT, "`make keras`"), ("kears", Outcome.SUBMISSION_FAULT, "Write one of keras"),
])
def test_an_environment_that_is_not_set_up_costs_no_points(shop, tmp_path, name, outcome, hint):
    course = tmp_path / "course"
    course.mkdir()
    (course / "course.yaml").write_text("environments: {keras: .venv-keras}\n")
    for part in ("rubrics", "quiz"):
        (course / part).symlink_to(ROOT / part)
    folder = tmp_path / "group"
    shutil.copytree(ROOT / "tests" / "hand-ins" / "environment" / "keras", folder)
    manifest = folder / "submission.yaml"
    manifest.write_text(manifest.read_text() + f"    environment: {name}\n")
    result = grade(folder, replace(shop, course=Course(course)))
    vae = result.measurements["vae"]
    assert vae.outcome is outcome
    assert hint in vae.faults[0].hint
    assert not [package for package in result.provenance.versions if "keras" in package]


def test_there_are_enough_styles():
    assert len(STYLES) >= 25

"""Contenders, weights and cards, and the story of a small benchmark on the stand-in."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from safetensors.numpy import load_file

from harness.bench.cards import load_card, weights_file
from harness.bench.contenders import as_hand_in, contenders
from harness.bench.training import halved
from harness.cli import app
from harness.course import Course, find_course
from harness.errors import UserError
from harness.scaffold import model_names
from harness.submissions import intake

ROOT = Path(__file__).parents[2]


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """Give a course folder of its own, so that weights and cards written there are nobody's."""
    shutil.copy(ROOT / "course.yaml", tmp_path)
    for name in ("reference_models", "quiz", "rubrics"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("weights", "cards", "__pycache__"))
    return Course(tmp_path)


def test_all_reference_models_take_part_if_none_is_named():
    course = find_course(ROOT)
    assert [one.model for one in contenders(course, [])] == model_names(course)


def test_a_hand_in_may_stand_beside_a_reference_model():
    first, second = contenders(find_course(ROOT), ["dcgan", str(ROOT / "submissions" / "group2")])
    assert (first.model, first.folder) == ("dcgan", None)
    assert (second.name, second.model) == ("group2", "")


def test_one_set_of_weights_can_be_measured_under_several_arguments(tmp_path):
    course = find_course(ROOT)
    one, two = contenders(course, ["guided_diffusion:scale=2.5,guidance=classifier", "biggan:truncation=null"])
    assert one.name == "guided_diffusion, scale=2.5,guidance=classifier"
    assert one.arguments == {"scale": 2.5, "guidance": "classifier"}
    assert two.arguments == {"truncation": None}
    slot = as_hand_in(course, one.model, tmp_path / "made", arguments=one.arguments)
    assert intake(tmp_path / "made", tmp_path / "copy").manifest.models[slot].arguments == one.arguments
    with pytest.raises(UserError, match="write arguments as NAME:key=value"):
        contenders(course, ["biggan:truncation"])


def test_a_name_that_is_neither_is_told():
    with pytest.raises(UserError, match="dcgam is neither a reference model nor the folder of a hand-in"):
        contenders(find_course(ROOT), ["dcgam"])


@pytest.mark.parametrize("name", model_names(find_course(ROOT)))
def test_every_reference_model_makes_a_hand_in_that_is_taken_in(name, tmp_path):
    slot = as_hand_in(find_course(ROOT), name, tmp_path / "made")
    submission = intake(tmp_path / "made", tmp_path / "copy")
    entry = submission.manifest.models[slot]
    assert entry.route == "fit"
    says = "conditional = True" in (tmp_path / "copy" / "model.py").read_text()
    assert entry.conditional == says
    assert not [fault for fault in submission.missing.values() if fault.model]


@given(arrays(np.float32, st.integers(1, 40), elements=st.floats(-1e6, 1e6, width=32)))
def test_halving_never_moves_a_tensor_by_more_than_a_thousandth(array):
    half = halved(array)
    assert np.linalg.norm(half.astype(np.float64) - array) <= 1e-3 * np.linalg.norm(array.astype(np.float64))


def test_numbers_that_half_precision_cannot_hold_stay_as_they_are():
    assert halved(np.array([1e6], np.float32)).dtype == np.float32
    assert halved(np.array([1e-7], np.float32)).dtype == np.float32
    assert halved(np.array([3], np.int64)).dtype == np.int64
    assert halved(np.array([0.25, -3.0], np.float32)).dtype == np.float16


def test_weights_that_are_not_there_are_told_with_what_makes_them(course, run):
    code, _, said = run(course, "bench", "vae", "--stand-in")
    assert code == 2
    assert "vae: no weights are shipped; train them with `harness bench vae --train`" in said


def test_several_seeds_need_training(course, run):
    code, _, said = run(course, "bench", "vae", "--seeds", "2")
    assert code == 2
    assert "--seeds needs --train" in said


@pytest.mark.slow
def test_training_leaves_weights_and_a_card_that_loading_measures_again(course, run):
    options = ["--stand-in", "--budget", "quick", "--no-store"]
    code, printed, said = run(
        course, "bench", "vae", "--train", "--seeds", "2", "--seconds", "4", "--threads", "1", "--json", *options)
    assert code == 0, said
    (row,) = json.loads(printed)["rows"]
    card = load_card(course, "vae")
    assert card is not None
    assert card.trained.data == "garments"
    assert card.trained.seconds < 30
    assert card.source == "vae.py:VAE"
    assert {array.dtype for array in load_file(weights_file(course, "vae")).values()} == {np.dtype(np.float16)}
    assert [path.name for path in weights_file(course, "vae").parent.iterdir()] == ["vae.safetensors"]
    errors = row["over_seeds"]["reconstruction.mse"]
    assert len(errors) == 2
    assert errors[0] != errors[1]
    code, again, said = run(course, "bench", "vae", "--json", *options)
    assert code == 0, said
    (loaded,) = json.loads(again)["rows"]
    for name, one in row["model"]["measurements"].items():
        assert loaded["model"]["measurements"][name]["value"] == one["value"], name
        assert card.measured[name].value == pytest.approx(one["value"], rel=1e-5)
    assert (course.root / "reports" / "bench" / "index.html").is_file()
    table = (course.root / "reports" / "bench" / "bench.csv").read_text().splitlines()
    assert len(table) == 1 + len(loaded["model"]["measurements"])


def test_a_card_that_is_damaged_is_told(course):
    path = course.models / "cards" / "vae.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump({"name": "vae"}))
    with pytest.raises(UserError, match=r"vae.yaml is no model card .* `harness bench vae --train`"):
        load_card(course, "vae")


def test_the_commands_explain_themselves(run, course):
    for command in ("bench", "calibrate"):
        code, printed, _ = run(course, command, "--help")
        assert code == 0
        assert command in printed
    assert {"bench", "calibrate"} <= {one.name for one in app.registered_commands}

"""`harness new`: what it writes can be graded, and what it refuses."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness import documents
from harness.course import Course
from harness.errors import UserError
from harness.quiz import load_sheet, read_answers
from harness.scaffold import model_names, new_submission
from harness.submissions import intake

COURSE = Course(Path(__file__).parent.parent)
MODELS = [("vae", "VAE"), ("conv_vae", "ConvVAE")]

# What the worker does with a hand-in, as far as it matters here: it runs in its folder, which is first on the
# path.
TRY = """
import importlib, sys, torch
module, kind = sys.argv[1:]
model = getattr(importlib.import_module(module), kind)(epochs=1)
model.fit(torch.rand(64, 1, 28, 28), None, seed=0)
print(tuple(model.sample(3, seed=0).shape), tuple(model.encode(torch.rand(2, 1, 28, 28)).shape))
"""


@pytest.mark.parametrize(("model", "kind"), MODELS)
def test_the_hand_in_is_taken_in_and_its_manifest_names_the_model(model, kind, tmp_path):
    new_submission(tmp_path / "group7", model=model, course=COURSE)
    taken = intake(tmp_path / "group7", tmp_path / "copy")
    assert taken.manifest.group == "group7"
    assert taken.manifest.assignment == "summer23"
    assert taken.manifest.models["vae"].source == f"model.py:{kind}"
    assert taken.manifest.models["vae"].route == "fit"
    assert taken.left_out == {}


@pytest.mark.parametrize(("model", "kind"), MODELS)
def test_the_model_trains_from_the_files_of_the_hand_in_alone(model, kind, tmp_path):
    folder = tmp_path / "group7"
    new_submission(folder, model=model, course=COURSE)
    done = subprocess.run(
        [sys.executable, "-c", TRY, "model", kind], cwd=folder, capture_output=True, text=True, timeout=200)
    assert done.stdout.strip() == "(3, 1, 28, 28) (2, 20)", done.stderr


def test_it_says_what_it_wrote(tmp_path):
    written = new_submission(tmp_path / "group7", model="conv_vae", course=COURSE)
    assert [path.name for path in written] == [
        "README.md", "answers.yaml", "model.py", "submission.yaml", "training.py", "vae.py"]
    assert sorted((tmp_path / "group7").iterdir()) == written


@pytest.mark.parametrize("assignment", ["summer22", "summer23"])
def test_the_answers_list_every_statement_with_its_text_and_abstain(assignment, tmp_path):
    new_submission(tmp_path / "group7", model="vae", course=COURSE, assignment=assignment)
    file = tmp_path / "group7" / "answers.yaml"
    answers, sheet = read_answers(file), load_sheet(COURSE, assignment)
    assert [one.id for one in answers.given] == [one.id for one in sheet.statements]
    assert {one.answer for one in answers.given} == {"abstain"}
    assert answers.problems == ()
    for statement in sheet.statements:
        assert " ".join(statement.text.split()) in file.read_text("utf-8")


def test_the_readme_names_the_class_and_every_next_step(tmp_path):
    new_submission(tmp_path / "group7", model="vae", course=COURSE)
    text = (tmp_path / "group7" / "README.md").read_text("utf-8")
    for part in ("`VAE`", "submission.yaml", "answers.yaml", "report.pdf", "harness check ."):
        assert part in text
    assert str(tmp_path) not in text


def test_a_group_can_be_named(tmp_path):
    new_submission(tmp_path / "somewhere", model="vae", course=COURSE, group="group9")
    assert intake(tmp_path / "somewhere", tmp_path / "copy").manifest.group == "group9"


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "group7").mkdir()
    assert new_submission(tmp_path / "group7", model="vae", course=COURSE)


def test_a_folder_that_holds_files_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="already holds files"):
        new_submission(tmp_path, model="vae", course=COURSE, group="group7")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file_in_place_of_the_folder_is_told(tmp_path):
    (tmp_path / "group7").write_text("a file")
    with pytest.raises(UserError, match="group7"):
        new_submission(tmp_path / "group7", model="vae", course=COURSE)


@pytest.mark.parametrize(("model", "words"), [
    ("convvae", "did you mean conv_vae"),
    ("zzz", "there are: .*conv_vae, .*vae"),
    ("training", "there is no reference model"),
    ("../reference_models/vae", "there is no reference model"),
])
def test_an_unknown_model_is_answered_with_those_there_are(model, words, tmp_path):
    with pytest.raises(UserError, match=words):
        new_submission(tmp_path / "group7", model=model, course=COURSE)
    assert not (tmp_path / "group7").exists()


@pytest.mark.parametrize("group", ["", "a/b", "..", "group 7", "-x", "x" * 65, "grüppe"])
def test_a_name_that_no_manifest_takes_is_refused(group, tmp_path):
    with pytest.raises(UserError, match="cannot be the name of a group"):
        new_submission(tmp_path / "group7", model="vae", course=COURSE, group=group)
    assert not (tmp_path / "group7").exists()


def test_an_unknown_assignment_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(UserError, match="summer99"):
        new_submission(tmp_path / "group7", model="vae", course=COURSE, assignment="summer99")
    assert not (tmp_path / "group7").exists()


def test_a_model_of_another_kind_takes_the_place_of_the_second_model(tmp_path):
    root = tmp_path / "course"
    shutil.copytree(COURSE.sheets, root / "quiz")
    (root / "reference_models").mkdir()
    (root / "reference_models" / "dcgan.py").write_text(
        '__all__ = ["DCGAN"]\nclass Critic(object): ...\nclass DCGAN(object): ...\n')
    course = Course(root)
    assert model_names(course) == ["dcgan"]
    new_submission(tmp_path / "group7", model="dcgan", course=course)
    manifest = intake(tmp_path / "group7", tmp_path / "copy").manifest
    assert list(manifest.models) == ["other"]
    assert manifest.models["other"].source == "model.py:DCGAN"


def test_the_models_there_are():
    assert {"vae", "conv_vae"} <= set(model_names(COURSE))
    assert "training" not in model_names(COURSE)


def test_the_manifest_is_what_a_reader_of_yaml_expects(tmp_path):
    new_submission(tmp_path / "group7", model="vae", course=COURSE, group="007")
    assert documents.raw(tmp_path / "group7" / "submission.yaml")["members"] == ["Ada Example"]

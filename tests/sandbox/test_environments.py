"""Environments that a course names: a worker runs with their packages alone, and one that is missing costs nothing."""

from __future__ import annotations

import shutil
import venv
from pathlib import Path

import numpy as np
import pytest

from harness.course import Course
from harness.errors import MissingLibrary, Rejected, UserError
from harness.limits import Limits
from harness.sandbox.base import Job
from harness.sandbox.bubblewrap import BubblewrapBox
from harness.sandbox.environments import environment_of, own_environment
from harness.sandbox.faults import from_worker
from harness.sandbox.plain import PlainBox
from harness.wire import Expected

MODEL = """
import os
import numpy as np
try:
    import torch
except ModuleNotFoundError:
    torch = None

class Model:
    def encoder(self, images):
        return [images.reshape(len(images), -1)[:, :2], np.zeros((len(images), 2), np.float32)]
    def decoder(self, codes):
        return np.full((len(codes), 1, 28, 28), float(os.environ.get("GREY", "0")), np.float32)
    def sample(self, z):
        return self.decoder(z)

assert torch is None
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course whose environment `bare` has NumPy and nothing else."""
    root = tmp_path_factory.mktemp("course")
    (root / "course.yaml").write_text(
        "environments:\n  bare: .venv-bare\n"
        "  grey: {folder: .venv-bare, variables: {GREY: '0.5'}}\n  keras: .venv-keras\n")
    venv.create(root / ".venv-bare", with_pip=False, symlinks=True)
    (there,) = (root / ".venv-bare").glob("lib/python3.*/site-packages")
    own = Path(np.__file__).parents[1]
    for folder in (own / "numpy", own / "numpy.libs", *own.glob("numpy-*.dist-info")):
        if folder.is_dir():
            shutil.copytree(folder, there / folder.name, ignore=shutil.ignore_patterns("tests", "__pycache__"))
    return Course(root)


def test_what_the_course_says_is_read(course):
    said = course.environments()
    assert said["bare"].folder == ".venv-bare"
    assert said["grey"].variables == {"GREY": "0.5"}
    assert Course(course.root / "elsewhere").environments() == {}


@pytest.mark.parametrize("text", [
    "environments: [keras]\n", "environments: {keras: {variables: {}}}\n",
    "environments: {keras: {folder: x, variables: {path: y}}}\n",
])
def test_what_is_no_environment_is_refused_with_its_place(tmp_path, text):
    (tmp_path / "course.yaml").write_text(text)
    with pytest.raises(UserError, match=r"course\.yaml"):
        Course(tmp_path).settings()


def test_one_that_is_not_set_up_costs_no_points_and_says_how_to_set_it_up(course):
    with pytest.raises(MissingLibrary, match="needs the environment keras, which is not set up") as caught:
        environment_of(course, "keras")
    assert "`make keras`" in caught.value.hint


def test_one_that_the_course_does_not_have_is_a_fault_with_a_remedy(course):
    with pytest.raises(Rejected, match="the environment jax") as caught:
        environment_of(course, "jax")
    assert "bare, grey, keras" in caught.value.hint


def test_packages_and_versions_are_those_of_the_environment(course):
    bare = environment_of(course, "bare")
    assert bare.has("numpy")
    assert bare.has("json")
    assert not bare.has("torch")
    assert own_environment().has("torch")
    assert bare.versions["numpy (bare)"] == np.__version__
    assert set(bare.versions) == {"python (bare)", "numpy (bare)"}


def test_a_library_counts_as_missing_where_the_code_runs(course):
    said = {"kind": "environment", "needs": "torch", "package": "torch", "message": "the code needs torch"}
    assert from_worker(said, log="", limits=Limits()).kind == "crashed", "it is here"
    assert from_worker(said, log="", limits=Limits(), has=environment_of(course, "bare").has).kind == "environment"


@pytest.mark.parametrize("confined", [pytest.param(True, marks=pytest.mark.box), False])
def test_a_worker_runs_without_torch(course, tmp_path, confined):
    (tmp_path / "model.py").write_text(MODEL)
    box = BubblewrapBox.find() if confined else PlainBox()
    job = Job(
        role="decode", source="model.py:Model", folder=tmp_path, environment=environment_of(course, "grey"),
        manner={"second": "log_variance", "prior": {"shape": [2]}, "input": {"size": 32, "fit": "resize"}})
    images = np.full((3, 28, 28), 255, np.uint8)
    with box.open(job, Limits()) as session:
        head, _ = session.ask("describe", expect={}, seconds=60)
        assert head["capabilities"] == ["sample", "encode", "decode", "posterior"]
        assert head["framework"] == "numpy"
        two = {name: Expected(shape=(3, 2)) for name in ("mean", "log_variance")}
        _, found = session.ask("posterior", {"images": images}, seconds=60, expect=two)
        assert found["mean"].tolist() == [[1.0, 1.0]] * 3
        drawn = Expected(shape=(5, 28, 28))
        _, found = session.ask("sample", None, {"count": 5, "seed": 0}, seconds=60, expect={"images": drawn})
        assert (found["images"] == 0.5).all(), "the environment's variables are set"
